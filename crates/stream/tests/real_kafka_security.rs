//! Logins and certificates on a real Kafka: what is right works, what is wrong is told at its first use.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use the rest")]
mod real_cluster;

use std::time::{Duration, Instant};

use millrace_events::failure::{Class, Classified};
use millrace_runtime::Secret;
use millrace_stream::StreamError;
use millrace_stream::authority::Authority;
use millrace_stream::broker_description::describe_broker;
use millrace_stream::client::ClientSettings;
use millrace_stream::consumer::Consumer;
use millrace_stream::group_consumer::GroupConsumer;
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::security::Security;
use millrace_stream::topics::Topics;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use real_cluster::{Guarded, PATIENCE, await_partitions, fresh, from_the_start, plain, produce, record};

#[tokio::test]
async fn scram_over_tls_makes_topics_writes_reads_and_commits() {
    let Some(guarded) = Guarded::find() else { return };
    let settings = guarded.settings(guarded.scram());
    let topic = fresh("guarded");
    Topics::connect(&settings).unwrap().ensure(&topic).await.unwrap();
    await_partitions(&settings, &topic, Some(6));
    produce(&Producer::connect(&settings, None).unwrap(), &topic, 0..60);
    let starts = from_the_start(&topic, 6);
    let consumer = Consumer::assign(&settings, &fresh("group"), &starts).unwrap();
    for _ in 0..60 {
        let place = consumer.next(PATIENCE, |record| (record.partition, record.offset)).unwrap();
        let (partition, offset) = place.expect("a record that was acknowledged comes");
        consumer.commit(&topic, partition, offset.next()).unwrap();
    }
    assert!(describe_broker(&settings).unwrap().topics.iter().any(|found| found.topic == topic));
}

/// Every client refuses with the same words, soon, and for good.
fn refused(settings: &ClientSettings, told: &[&str]) {
    let starts = from_the_start("any", 1);
    let wait = Duration::from_millis(200);
    let begin = Instant::now();
    let until_error = |ask: &mut dyn FnMut() -> Result<(), StreamError>| loop {
        if let Err(error) = ask() {
            break error;
        }
        assert!(begin.elapsed() < PATIENCE, "it waits for ever");
    };
    let errors = [
        Topics::connect(settings).unwrap().all().unwrap_err(),
        Producer::connect(settings, None).unwrap().publish(&record("any", b"1")).unwrap_err(),
        describe_broker(settings).unwrap_err(),
        {
            let consumer = Consumer::assign(settings, "any", &starts).unwrap();
            until_error(&mut || consumer.next(wait, |_| ()).map(drop))
        },
        {
            let mut member = GroupConsumer::join(settings, "any", &["any"]).unwrap();
            until_error(&mut || member.next(wait, |_| ()).map(drop))
        },
    ];
    assert!(begin.elapsed() < Duration::from_secs(60), "refused after {:?}", begin.elapsed());
    for error in errors {
        let shown = error.to_string();
        assert!(matches!(error, StreamError::Refused { .. }) && error.class() == Class::Stop, "{error:?}");
        assert!(told.iter().all(|told| shown.contains(told)), "{shown}");
        assert!(!format!("{error} {error:?} {settings:?}").contains("hunter2"), "{error:?}");
        println!("{shown}");
    }
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_told() {
    let Some(guarded) = Guarded::find() else { return };
    for user in [&guarded.user, "nobody"] {
        let password = Secret::new("hunter2");
        let security = Security::Scram {
            user: user.to_owned(),
            password,
            ca: Some(Authority::File(guarded.ca.clone())),
        };
        refused(&guarded.settings(security), &["MILLRACE_KAFKA_PASSWORD", user, &guarded.brokers]);
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_told() {
    let Some(guarded) = Guarded::find() else { return };
    let scram = |ca| {
        let (user, password) = (guarded.user.clone(), guarded.password.clone());
        guarded.settings(Security::Scram { user, password, ca })
    };
    refused(&scram(None), &["certificate", "MILLRACE_KAFKA_CA"]);

    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign.pem");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    std::fs::write(&foreign, certificate.pem()).unwrap();
    let file = Authority::File(foreign.clone());
    refused(&scram(Some(file)), &[foreign.to_str().unwrap(), "MILLRACE_KAFKA_CA"]);

    // The same where PEM itself is given: with it nothing else is trusted, and with the right one beside it the brokers are.
    refused(
        &scram(Some(Authority::Pem(certificate.pem()))),
        &["the PEM that was given", "MILLRACE_KAFKA_CA"],
    );
    let both = format!("{}{}", certificate.pem(), std::fs::read_to_string(&guarded.ca).unwrap());
    Topics::connect(&scram(Some(Authority::Pem(both)))).unwrap().all().unwrap();

    let missing = Topics::connect(&scram("/no/such/ca.pem".parse().ok())).unwrap_err();
    assert!(missing.to_string().contains("/no/such/ca.pem") && missing.class() == Class::Stop, "{missing}");
}

#[test]
fn a_protocol_that_the_brokers_do_not_listen_for_is_told() {
    let (Some(guarded), Some(plain)) = (Guarded::find(), plain()) else { return };
    let impatient =
        |settings: ClientSettings| ClientSettings { reach_timeout: Duration::from_secs(3), ..settings };
    for settings in [
        impatient(guarded.settings(Security::Plain)),
        impatient(guarded.settings(Security::Tls { ca: Some(Authority::File(guarded.ca.clone())) })),
        impatient(plain.secured(guarded.scram())),
    ] {
        let error = Topics::connect(&settings).unwrap().all().unwrap_err();
        println!("{error}");
        let told = error.to_string();
        assert!(told.contains(&settings.brokers) && told.contains("MILLRACE_KAFKA_SECURITY"), "{told}");
    }
}

/// No MSK is here: a broker of our own shows that a token is asked for before anything else, and that the end is an error.
#[test]
fn a_login_by_iam_ends_in_words() {
    let Some(guarded) = Guarded::find() else { return };
    let settings = guarded.settings(Security::MskIam { region: "eu-central-1".to_owned() });
    let begin = Instant::now();
    let error = Topics::connect(&settings).and_then(|topics| topics.all()).unwrap_err();
    assert_eq!(error.class(), Class::Stop, "{error:?}");
    println!("{error}");
    if cfg!(feature = "msk-iam") {
        // The certificate, or, where the machine has no AWS credentials, the token.
        assert!(matches!(error, StreamError::Refused { .. }), "{error:?}");
        assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    } else {
        assert!(error.to_string().contains("feature msk-iam"), "{error}");
    }
}
