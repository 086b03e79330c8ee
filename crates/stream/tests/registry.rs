//! The registry's client against a scripted server: every status, slowness, cut connections, what is sent and kept.

#![allow(clippy::unwrap_used)]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_events::failure::{Class, Classified};
use millrace_runtime::Secret;
use millrace_scripted_server::{Scripted, ScriptedServer};
use millrace_stream::registry::{
    CallError, Compatibility, Reference, Registry, RegistryError, RegistrySettings, RetryPolicy, Schema,
    SchemaType, Subject,
};

const AVRO: &str = r#"{"schema":"\"string\""}"#;
const PASSWORD: &str = "hunter2";

/// Three attempts, with pauses too short to be felt.
fn settings(url: &str) -> RegistrySettings {
    RegistrySettings {
        call_timeout: Duration::from_millis(400),
        retry: RetryPolicy {
            attempts: 3,
            min_backoff: Duration::from_millis(1),
            max_backoff: Duration::from_millis(20),
        },
        unknown_for: Duration::from_millis(300),
        user: Some("me".to_owned()),
        password: Some(Secret::new(PASSWORD)),
        ..RegistrySettings::new(url)
    }
}

fn registry(url: &str) -> Registry {
    Registry::new(&settings(url)).unwrap()
}

async fn scripted(script: impl IntoIterator<Item = Scripted>) -> (ScriptedServer, Registry) {
    let server = ScriptedServer::start(script).await;
    let registry = registry(&server.url);
    (server, registry)
}

/// The error with its causes, as a person sees it; it never shows the password.
fn told(error: &RegistryError) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        told += &format!(": {current}");
        cause = current.source();
    }
    assert!(!told.contains(PASSWORD) && !format!("{error:?}").contains(PASSWORD), "{told}");
    told
}

fn avro() -> Schema {
    Schema::new(SchemaType::Avro, "\"string\"")
}

#[tokio::test]
async fn each_status_has_its_class() {
    let passes = r#"{"error_code":50001,"message":"the store is away"}"#;
    for (status, body, class, attempts) in [
        (500, passes, Class::Retry, 3),
        (503, "<html>busy</html>", Class::Retry, 3),
        (429, "", Class::Retry, 3),
        (408, "", Class::Retry, 3),
        (401, r#"{"error_code":401,"message":"hunter2 is wrong"}"#, Class::Stop, 1),
        (403, "", Class::Stop, 1),
        (302, "", Class::Stop, 1),
        (400, "", Class::Stop, 1),
        // Not the registry's own 404: a wrong path must not make dead letters.
        (404, "", Class::Stop, 1),
        (404, "<html>no such page</html>", Class::Stop, 1),
        (404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#, Class::Stop, 1),
        (404, r#"{"error_code":40403,"message":"Schema 7 not found"}"#, Class::DeadLetter, 1),
        (404, r#"{"error_code":40403,"message":"No content with ID '7' was found."}"#, Class::DeadLetter, 1),
    ] {
        let (server, registry) = scripted([Scripted::status(status, body)]).await;
        let error = registry.fetch(7).await.unwrap_err();
        let told = told(&error);
        assert_eq!((error.class(), server.asked().len()), (class, attempts), "{status}: {told}");
        assert!(told.contains(&server.url) && told.contains("id 7"), "{told}");
        match error {
            RegistryError::UnknownId { id: 7, .. } => assert_eq!(class, Class::DeadLetter),
            RegistryError::Call { .. } => assert!(told.contains(&status.to_string()), "{told}"),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_refused_schema_names_its_subject_and_the_reason() {
    for (status, class, said) in [
        (409, Class::Stop, "incompatible with an earlier schema"),
        (422, Class::Stop, "an invalid schema"),
        (401, Class::Stop, "no"),
        (403, Class::Stop, "not your subject"),
        (500, Class::Retry, "away"),
    ] {
        let (_server, registry) = scripted([Scripted::refusal(status, status.into(), said)]).await;
        let error = registry.register("users-value", &avro()).await.unwrap_err();
        let told = told(&error);
        assert_eq!(error.class(), class, "{told}");
        assert!(told.contains("users-value") && told.contains(said), "{told}");
    }
}

#[tokio::test]
async fn what_is_slow_or_cut_is_tried_again_and_then_told() {
    let body = vec![b' '; 4_000];
    for script in [Scripted::HangUp, Scripted::Cut(body.clone()), Scripted::Silent(body)] {
        let (server, registry) = scripted([script.clone()]).await;
        let error = registry.fetch(1).await.unwrap_err();
        assert_eq!((error.class(), server.asked().len()), (Class::Retry, 3), "{}", told(&error));
        assert!(told(&error).contains("after 3 attempts"), "{}", told(&error));

        let (server, registry) = scripted([script, Scripted::ok(AVRO)]).await;
        assert_eq!(registry.fetch(1).await.unwrap().text, "\"string\"");
        assert_eq!(server.asked().len(), 2);
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = registry(&format!("http://{nobody}")).fetch(1).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{}", told(&error));
}

#[tokio::test]
async fn a_throttled_call_waits_as_it_is_asked_within_the_bound() {
    let throttled = Scripted::status(429, "").header("retry-after", 3_600);
    let (server, registry) = scripted([throttled, Scripted::ok(AVRO)]).await;
    let start = Instant::now();
    registry.fetch(1).await.unwrap();
    assert_eq!(server.asked().len(), 2);
    assert!(start.elapsed() < Duration::from_secs(30), "an hour is more than the policy grants");
}

#[tokio::test]
async fn an_answer_that_is_no_registrys_stops() {
    for body in [
        "<html>log in here</html>",
        "{}",
        "[]",
        r#"{"schema":7}"#,
        r#"{"schema":"\"string\"","schemaType":"XSD"}"#,
    ] {
        let (server, registry) = scripted([Scripted::ok(body)]).await;
        let error = registry.fetch(1).await.unwrap_err();
        assert!(
            matches!(&error, RegistryError::Call { source: CallError::Unreadable { .. }, .. }),
            "{error}"
        );
        assert_eq!((error.class(), server.asked().len()), (Class::Stop, 1));
    }
    let server = ScriptedServer::start([Scripted::ok(vec![b' '; 2_000])]).await;
    let small = RegistrySettings { max_answer_bytes: 1_000, ..settings(&server.url) };
    let error = Registry::new(&small).unwrap().fetch(1).await.unwrap_err();
    assert!(told(&error).contains("1000 bytes") && error.class() == Class::Stop, "{}", told(&error));
}

#[tokio::test]
async fn a_call_carries_the_login_the_media_type_and_an_escaped_subject() {
    let server = ScriptedServer::start([Scripted::ok(r#"{"id":3}"#)]).await;
    // A path of its own, as Apicurio's, with and without the slash at its end.
    for path in ["/apis/ccompat/v7", "/apis/ccompat/v7/"] {
        let registry = registry(&format!("{}{path}", server.url));
        let reference = Reference { name: "a.proto".to_owned(), subject: "a".to_owned(), version: 2 };
        let schema = Schema {
            references: vec![reference],
            ..Schema::new(SchemaType::Protobuf, "syntax = \"proto3\";")
        };
        assert_eq!(registry.register("team/users created-value", &schema).await.unwrap(), 3);
        let asked = server.asked().pop().unwrap();
        assert_eq!(asked.line, "POST /apis/ccompat/v7/subjects/team%2Fusers%20created-value/versions");
        assert_eq!(asked.header("authorization"), Some("Basic bWU6aHVudGVyMg=="));
        assert_eq!(asked.header("content-type"), Some("application/vnd.schemaregistry.v1+json"));
        let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "schema": "syntax = \"proto3\";",
                "schemaType": "PROTOBUF",
                "references": [{"name": "a.proto", "subject": "a", "version": 2}],
            })
        );
        assert!(!format!("{registry:?}").contains(PASSWORD));
    }
    let anonymous = RegistrySettings { user: None, password: None, ..settings(&server.url) };
    Registry::new(&anonymous).unwrap().register("s", &avro()).await.unwrap();
    assert_eq!(server.asked().pop().unwrap().header("authorization"), None);
}

#[tokio::test]
async fn answers_are_read_whatever_they_leave_out() {
    let (server, registry) = scripted([
        Scripted::ok(r#"{"schema":"\"long\"","schemaType":"AVRO","references":null,"guid":"x"}"#),
        Scripted::ok(
            r#"{"schema":"{}","schemaType":"JSON","references":[{"name":"n","subject":"s","version":1}]}"#,
        ),
        Scripted::ok(r#"{"subject":"s","version":4,"id":9,"schema":"\"int\""}"#),
        Scripted::ok("[1,2,4]"),
        Scripted::ok(r#"["b","a"]"#),
        Scripted::refusal(404, 40_401, "Subject 'x' not found."),
    ])
    .await;
    let first = registry.fetch(1).await.unwrap();
    assert_eq!((first.id, first.schema_type, first.references.len()), (1, SchemaType::Avro, 0));
    let second = registry.fetch(2).await.unwrap();
    assert_eq!((second.schema_type, second.references[0].version), (SchemaType::Json, 1));
    let latest = registry.latest("s").await.unwrap();
    assert_eq!((latest.version, latest.schema.id, latest.schema.schema_type), (4, 9, SchemaType::Avro));
    assert_eq!(registry.versions("s").await.unwrap(), [1, 2, 4]);
    assert_eq!(registry.subjects().await.unwrap(), ["a", "b"]);
    assert_eq!(registry.versions("x").await.unwrap(), Vec::<i32>::new());
    let error = registry.latest("x").await.unwrap_err();
    assert!(matches!(&error, RegistryError::UnknownSubject { subject, .. } if subject == "x"), "{error}");
    assert_eq!(error.class(), Class::Stop);
    assert_eq!(server.asked()[2].line, "GET /subjects/s/versions/latest");
}

#[tokio::test]
async fn an_id_is_asked_for_once_by_all_who_want_it() {
    let (server, registry) = scripted([Scripted::ok(AVRO)]).await;
    let registry = Arc::new(registry);
    let asking: Vec<_> = (0..20)
        .map(|_| {
            tokio::spawn({
                let registry = Arc::clone(&registry);
                async move { registry.fetch(5).await.unwrap().id }
            })
        })
        .collect();
    for asking in asking {
        assert_eq!(asking.await.unwrap(), 5);
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_unknown_id_is_remembered_for_a_while_and_a_failure_is_not() {
    let unknown = Scripted::refusal(404, 40_403, "no");
    let (server, registry) = scripted([unknown, Scripted::ok(AVRO)]).await;
    for _ in 0..5 {
        assert_eq!(registry.fetch(5).await.unwrap_err().class(), Class::DeadLetter);
    }
    assert_eq!(server.asked().len(), 1);
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!(registry.fetch(5).await.unwrap().id, 5);

    let away = Scripted::status(503, "");
    let (server, registry) = scripted([away.clone(), away.clone(), away, Scripted::ok(AVRO)]).await;
    assert_eq!(registry.fetch(5).await.unwrap_err().class(), Class::Retry);
    assert_eq!(registry.fetch(5).await.unwrap().id, 5);
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_registration_is_kept_by_subject_and_schema() {
    let (server, registry) = scripted([Scripted::ok(r#"{"id":1}"#), Scripted::ok(r#"{"id":2}"#)]).await;
    for _ in 0..3 {
        assert_eq!(registry.register("a", &avro()).await.unwrap(), 1);
    }
    assert_eq!(registry.register("b", &avro()).await.unwrap(), 2);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_producer_registers_what_is_missing_after_checking_all() {
    let missing = || Scripted::refusal(404, 40_403, "no");
    let compatible = || Scripted::ok(r#"{"is_compatible":true}"#);
    let (server, registry) = scripted([
        Scripted::ok(r#"{"subject":"a-value","version":1,"id":1,"schema":"\"string\""}"#),
        missing(),
        compatible(),
        Scripted::ok(r#"{"id":8}"#),
    ])
    .await;
    let subjects = ["a", "b"].map(|topic| Subject::of_values(topic, avro()));
    let registered = registry.ensure_registered(&subjects).await.unwrap();
    let registered: Vec<_> = registered.iter().map(|it| (it.subject.as_str(), it.id, it.new)).collect();
    assert_eq!(registered, [("a-value", 1, false), ("b-value", 8, true)]);
    let lines: Vec<_> = server.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(
        lines,
        [
            "POST /subjects/a-value",
            "POST /subjects/b-value",
            "POST /compatibility/subjects/b-value/versions?verbose=true",
            "POST /subjects/b-value/versions",
        ]
    );
    // Started again in the same process, it asks nothing.
    registry.ensure_registered(&subjects).await.unwrap();
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_producer_with_one_incompatible_schema_registers_none() {
    let verdict = r#"{"is_compatible":false,"messages":["{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE'}","at /fields/2"]}"#;
    for (verdict, reason) in [
        (verdict, "READER_FIELD_MISSING_DEFAULT_VALUE'}; at /fields/2"),
        (r#"{"is_compatible":false}"#, "gives no reason"),
    ] {
        let missing = || Scripted::refusal(404, 40_403, "no");
        let (server, registry) = scripted([
            missing(),
            Scripted::ok(r#"{"is_compatible":true}"#),
            missing(),
            Scripted::ok(verdict),
        ])
        .await;
        let subjects = ["a", "b"].map(|topic| Subject::of_values(topic, avro()));
        let error = registry.ensure_registered(&subjects).await.unwrap_err();
        assert!(
            matches!(&error, RegistryError::Incompatible { subject, .. } if subject == "b-value"),
            "{error}"
        );
        assert!(told(&error).contains(reason), "{}", told(&error));
        assert_eq!(error.class(), Class::Stop);
        assert!(
            server.asked().iter().all(|asked| !asked.line.ends_with("/versions")),
            "nothing was registered"
        );
    }
}

#[tokio::test]
async fn a_registry_that_checks_against_the_latest_alone_is_asked_so() {
    for no_such_path in [Scripted::status(405, ""), Scripted::refusal(404, 404, "HTTP 404 Not Found")] {
        let (server, registry) = scripted([no_such_path, Scripted::ok(r#"{"is_compatible":true}"#)]).await;
        assert_eq!(registry.compatibility("a", &avro()).await.unwrap(), Compatibility::Compatible);
        assert_eq!(server.asked()[1].line, "POST /compatibility/subjects/a/versions/latest?verbose=true");
    }
    // A subject without schemas: registries differ in how they say so.
    let (_server, registry) = scripted([Scripted::refusal(404, 40_401, "no such subject")]).await;
    assert_eq!(registry.compatibility("a", &avro()).await.unwrap(), Compatibility::Compatible);
}
