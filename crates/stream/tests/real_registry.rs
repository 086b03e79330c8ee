//! The registry's client against a real registry, which `cargo xtask test` starts: MILLRACE_TEST_REGISTRY_URL names its API,
//! MILLRACE_TEST_REGISTRY_JAR the runner with which one is started here to be killed.

#![allow(clippy::unwrap_used)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millrace_events::failure::{Class, Classified};
use millrace_skips::skipped;
use millrace_stream::registry::{
    Compatibility, Level, Registry, RegistryError, RegistrySettings, RetryPolicy, Schema, SchemaType, Subject,
};

fn settings(url: &str) -> RegistrySettings {
    // The machine may be building something beside.
    RegistrySettings { call_timeout: Duration::from_secs(60), ..RegistrySettings::new(url) }
}

fn registry() -> Option<Registry> {
    let Ok(url) = std::env::var("MILLRACE_TEST_REGISTRY_URL") else {
        skipped(
            "a real schema registry",
            "MILLRACE_TEST_REGISTRY_URL names none; cargo xtask test starts one",
        );
        return None;
    };
    Some(Registry::new(&settings(&url)).unwrap())
}

/// A subject that no run before has used.
fn subject(name: &str) -> String {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("millrace/{name} {}-{}-value", std::process::id(), since_1970.as_nanos())
}

fn avro(fields: &str) -> Schema {
    Schema::new(SchemaType::Avro, format!(r#"{{"type":"record","name":"User","fields":[{fields}]}}"#))
}

fn protobuf(fields: &str) -> Schema {
    Schema::new(SchemaType::Protobuf, format!("syntax = \"proto3\"; package m; message User {{ {fields} }}"))
}

fn json(properties: &str, closed: bool) -> Schema {
    let text = format!(
        r#"{{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","additionalProperties":{},"properties":{{{properties}}}}}"#,
        !closed
    );
    Schema::new(SchemaType::Json, text)
}

const ID: &str = r#"{"name":"id","type":"long"}"#;
const NAME: &str = r#"{"name":"name","type":"string"}"#;

#[tokio::test]
async fn schemas_of_each_type_are_registered_once_and_fetched_by_id() {
    let Some(registry) = registry() else { return };
    let schemas = [
        ("avro", avro(&format!("{ID},{NAME}"))),
        ("protobuf", protobuf("int64 id = 1; string name = 2;")),
        ("json", json(r#""id":{"type":"integer"}"#, false)),
    ];
    let subjects = schemas.map(|(name, schema)| Subject { name: subject(name), schema });
    let first = registry.ensure_registered(&subjects).await.unwrap();
    assert!(first.iter().all(|registered| registered.new), "{first:?}");
    // Another process: nothing is known to it.
    let another = self::registry().unwrap();
    let second = another.ensure_registered(&subjects).await.unwrap();
    for ((first, second), Subject { name, schema }) in first.iter().zip(&second).zip(&subjects) {
        assert_eq!((&first.subject, first.id, second.id, second.new), (name, first.id, first.id, false));
        let fetched = another.fetch(first.id).await.unwrap();
        assert_eq!((fetched.id, fetched.schema_type), (first.id, schema.schema_type));
        assert_eq!(fetched.text, schema.text);
        let latest = another.latest(name).await.unwrap();
        assert_eq!((latest.subject.as_str(), latest.version, latest.schema.id), (name.as_str(), 1, first.id));
        assert_eq!(another.versions(name).await.unwrap(), [1]);
        assert_eq!(another.version(name, 1).await.unwrap(), latest);
        assert!(another.subjects().await.unwrap().contains(name));
    }
}

#[tokio::test]
async fn what_the_registry_does_not_know_is_told_as_such() {
    let Some(registry) = registry() else { return };
    let error = registry.fetch(1_999_999_999).await.unwrap_err();
    assert!(matches!(error, RegistryError::UnknownId { id: 1_999_999_999, .. }), "{error}");
    assert_eq!(error.class(), Class::DeadLetter);
    let nobodys = subject("nobodys");
    assert_eq!(registry.versions(&nobodys).await.unwrap(), Vec::<i32>::new());
    let error = registry.latest(&nobodys).await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::UnknownSubject { subject, .. } if *subject == nobodys),
        "{error}"
    );
    assert_eq!(registry.lookup(&nobodys, &avro(ID)).await.unwrap(), None);
    assert_eq!(registry.compatibility(&nobodys, &avro(ID)).await.unwrap(), Compatibility::Compatible);

    // A path that is not the API's is no unknown id.
    let elsewhere = format!("{}/nowhere", std::env::var("MILLRACE_TEST_REGISTRY_URL").unwrap());
    let error = Registry::new(&settings(&elsewhere)).unwrap().fetch(1).await.unwrap_err();
    assert_eq!(error.class(), Class::Stop, "{error}");
}

#[tokio::test]
async fn an_incompatible_change_is_refused_before_anything_is_registered() {
    let Some(registry) = registry() else { return };
    let optional = |name: &str| format!(r#"{{"name":"{name}","type":["null","string"],"default":null}}"#);
    let both = || avro(&format!("{ID},{NAME}"));
    for (what, level, before, refused, taken) in [
        (
            "avro: a field without a default is removed",
            Level::Full,
            both(),
            avro(ID),
            avro(&format!("{ID},{NAME},{}", optional("email"))),
        ),
        (
            "avro: a field without a default is added",
            Level::Backward,
            avro(ID),
            both(),
            avro(&format!("{ID},{}", optional("name"))),
        ),
        (
            "avro: a type is narrowed",
            Level::Backward,
            both(),
            avro(&format!(r#"{{"name":"id","type":"int"}},{NAME}"#)),
            avro(&format!(r#"{{"name":"id","type":"double"}},{NAME}"#)),
        ),
        (
            "protobuf: a number is used again for another type",
            Level::Backward,
            protobuf("int64 id = 1; string name = 2;"),
            protobuf("int64 id = 1; int64 age = 2;"),
            protobuf("int64 id = 1; string name = 2; int64 age = 3;"),
        ),
        (
            "protobuf: a number is used again, in both directions",
            Level::Full,
            protobuf("int64 id = 1; string name = 2;"),
            protobuf("int64 id = 1; bool name = 2;"),
            protobuf("int64 id = 1; string name = 2; int64 age = 3;"),
        ),
        (
            "json: a property's type changes",
            Level::Backward,
            json(r#""id":{"type":"number"}"#, true),
            json(r#""id":{"type":"string"}"#, true),
            json(r#""id":{"type":"number"},"name":{"type":"string"}"#, true),
        ),
    ] {
        let name = subject("evolving");
        registry.register(&name, &before).await.unwrap();
        registry.set_level(&name, level).await.unwrap();

        let unrelated = Subject { name: subject("unrelated"), schema: avro(ID) };
        let changed = Subject { name: name.clone(), schema: refused.clone() };
        let error = registry.ensure_registered(&[unrelated.clone(), changed]).await.unwrap_err();
        let incompatible = matches!(&error, RegistryError::Incompatible { subject, .. } if *subject == name);
        assert!(incompatible && error.class() == Class::Stop, "{what}: {error}");
        assert_eq!(registry.versions(&name).await.unwrap(), [1], "{what}");
        assert_eq!(registry.versions(&unrelated.name).await.unwrap(), Vec::<i32>::new(), "{what}");

        // Whoever does not check first is refused too, with the registry's reasons.
        let error = registry.register(&name, &refused).await.unwrap_err();
        assert!(
            matches!(&error, RegistryError::Incompatible { reasons, .. } if !reasons.is_empty()),
            "{what}: {error}"
        );

        let grown = Subject { name: name.clone(), schema: taken };
        let registered =
            registry.ensure_registered(&[grown]).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(registered[0].new, "{what}");
        assert_eq!(registry.versions(&name).await.unwrap(), [1, 2], "{what}");
        // Going back to the release before asks for nothing that is not there.
        let back =
            self::registry().unwrap().ensure_registered(&[Subject { name, schema: before }]).await.unwrap();
        assert!(!back[0].new, "{what}");
    }
}

#[tokio::test]
async fn an_invalid_schema_is_told_with_its_subject() {
    let Some(registry) = registry() else { return };
    let name = subject("invalid");
    let nonsense = Schema::new(SchemaType::Avro, r#"{"type":"nonsense"}"#);
    let error = registry.register(&name, &nonsense).await.unwrap_err();
    assert!(matches!(&error, RegistryError::Invalid { subject, .. } if *subject == name), "{error}");
    assert_eq!(error.class(), Class::Stop);
}

/// A registry of this test's own, killed with it.
struct Apicurio {
    child: Child,
    port: u16,
}

impl Apicurio {
    fn start(jar: &str, port: u16) -> Self {
        let child = Command::new("java")
            .args(["-Xmx384m", "-XX:+UseSerialGC", "-Dquarkus.http.host=127.0.0.1"])
            .arg(format!("-Dquarkus.http.port={port}"))
            .args(["-jar", jar])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, port }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/apis/ccompat/v7", self.port)
    }
}

impl Drop for Apicurio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_registry_that_dies_is_waited_for_and_used_again() {
    let Ok(jar) = std::env::var("MILLRACE_TEST_REGISTRY_JAR") else {
        return skipped(
            "a killed schema registry",
            "MILLRACE_TEST_REGISTRY_JAR names none; cargo xtask test fetches it",
        );
    };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let registry_of = |server: &Apicurio| {
        let retry = RetryPolicy { attempts: 2, ..RetryPolicy::default() };
        Registry::new(&RegistrySettings { retry, ..settings(&server.url()) }).unwrap()
    };
    let until_it_answers = async |registry: &Registry| {
        let begin = Instant::now();
        while let Err(error) = registry.subjects().await {
            assert_eq!(error.class(), Class::Retry, "while it starts: {error}");
            assert!(begin.elapsed() < Duration::from_secs(180), "it does not start: {error}");
        }
    };
    let mut server = Apicurio::start(&jar, port);
    let registry = registry_of(&server);
    until_it_answers(&registry).await;
    let (kept, new) = (subject("kept"), subject("new"));
    let id = registry.register(&kept, &avro(ID)).await.unwrap();
    registry.fetch(id).await.unwrap();

    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert_eq!(registry.fetch(id).await.unwrap().text, avro(ID).text, "what is known needs no registry");
    let error = registry.fetch(id + 1).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{error}");
    let subjects = [Subject { name: new, schema: avro(NAME) }];
    let error = registry.ensure_registered(&subjects).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{error}");

    let _again = Apicurio::start(&jar, port);
    until_it_answers(&registry).await;
    assert!(registry.ensure_registered(&subjects).await.unwrap()[0].new);
}
