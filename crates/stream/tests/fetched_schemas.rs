//! Records framed with a registry's ids: fetched before they are decoded, waited for while the registry is down, dead
//! letters where it knows them not.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use millrace_events::decode::{Decoder, Value};
use millrace_events::decode_error::DecodeError;
use millrace_events::event::Event;
use millrace_events::event_catalogue;
use millrace_events::failure::{Class, Classified};
use millrace_events::frame::{Encoding, SchemaId};
use millrace_events::row::{Datum, RowBuffer};
use millrace_scripted_server::{Scripted, ScriptedServer};
use millrace_stream::fetched_schemas::FetchedSchemas;
use millrace_stream::registry::{Registry, RegistrySettings, RetryPolicy};
use serde_json::json;

const ID: SchemaId = SchemaId(41);

async fn schemas(script: impl IntoIterator<Item = Scripted>) -> (ScriptedServer, Arc<FetchedSchemas>) {
    let server = ScriptedServer::start(script).await;
    let settings = RegistrySettings {
        retry: RetryPolicy {
            attempts: 1,
            min_backoff: Duration::from_millis(1),
            max_backoff: Duration::from_millis(2),
        },
        unknown_for: Duration::ZERO,
        ..RegistrySettings::new(&server.url)
    };
    (server, Arc::new(FetchedSchemas::new(Registry::new(&settings).unwrap())))
}

fn event() -> &'static Event {
    event_catalogue::by_table("ad_events").unwrap()
}

/// An ad event in Avro, framed with [`ID`].
fn framed() -> Vec<u8> {
    let mut row = RowBuffer::new(event());
    for name in ["event_id", "user_id", "session_id", "ad_id", "campaign_id"] {
        row.set(event(), event().slot(name).unwrap(), Datum::Text("x"));
    }
    let mut bytes = Vec::new();
    event().encode(&row.row(event()).unwrap(), Encoding::Avro, Some(ID), &mut bytes);
    bytes
}

/// The kind of its refusal, or nothing where it is a row.
fn decoded(schemas: &Arc<FetchedSchemas>) -> Option<&'static str> {
    refused(schemas).map(|refusal| refusal.kind())
}

fn refused(schemas: &Arc<FetchedSchemas>) -> Option<DecodeError> {
    let bytes = framed();
    let value = Value { bytes: Some(&bytes), content_type: Some("application/avro"), source: None };
    assert_eq!(value.schema_needed(), Some(ID));
    Decoder::new(event(), schemas.clone()).decode(&value).err()
}

/// The event's Avro schema with its enums in a schema of their own, and that schema: as teams share types by references.
fn shared_enums() -> (serde_json::Value, serde_json::Value) {
    let mut schema: serde_json::Value = serde_json::from_str(&event().avro_schema()).unwrap();
    let mut enums = Vec::new();
    for field in schema["fields"].as_array_mut().unwrap() {
        let of_field = &mut field["type"][1];
        if of_field["type"] == "enum" {
            let name =
                format!("{}.{}", of_field["namespace"].as_str().unwrap(), of_field["name"].as_str().unwrap());
            enums.push(std::mem::replace(of_field, name.into()));
        }
    }
    assert_eq!(enums.len(), 2);
    (schema, enums.into())
}

fn referring(schema: &serde_json::Value, references: &[(&str, i32)]) -> String {
    let references: Vec<_> = references
        .iter()
        .map(|(subject, version)| json!({ "name": "any", "subject": subject, "version": version }))
        .collect();
    json!({ "schema": schema.to_string(), "references": references }).to_string()
}

/// The answer to a version of a subject.
fn version(subject: &str, schema: &serde_json::Value, references: &[(&str, i32)]) -> Scripted {
    let mut body: serde_json::Value = serde_json::from_str(&referring(schema, references)).unwrap();
    body["subject"] = subject.into();
    body["version"] = 1.into();
    body["id"] = 7.into();
    Scripted::ok(body.to_string())
}

fn answer() -> Scripted {
    Scripted::ok(serde_json::json!({ "schema": event().avro_schema() }).to_string())
}

#[tokio::test]
async fn a_schema_is_fetched_once_and_decodes() {
    let (server, schemas) = schemas([answer()]).await;
    assert_eq!(decoded(&schemas), Some("unknown_schema"), "nothing is fetched by a decoder");
    schemas.learn(ID).await.unwrap();
    schemas.learn(ID).await.unwrap();
    assert_eq!(decoded(&schemas), None);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_registry_that_is_down_is_worth_another_try() {
    let (_server, schemas) = schemas([Scripted::status(503, ""), answer()]).await;
    let error = schemas.learn(ID).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry);
    assert!(schemas.lacks(ID));
    schemas.learn(ID).await.unwrap();
    assert_eq!(decoded(&schemas), None);
}

#[tokio::test]
async fn an_id_that_the_registry_does_not_know_makes_a_dead_letter() {
    let (_server, schemas) = schemas([Scripted::refusal(404, 40403, "Schema not found")]).await;
    schemas.learn(ID).await.unwrap();
    assert_eq!(decoded(&schemas), Some("unknown_schema"));
}

#[tokio::test]
async fn a_text_that_is_no_schema_makes_a_dead_letter() {
    let (_server, schemas) = schemas([Scripted::ok(r#"{"schema":"{"}"#)]).await;
    schemas.learn(ID).await.unwrap();
    let refusal = refused(&schemas).unwrap();
    assert_eq!(refusal.kind(), "unfit_schema");
    let told = refusal.to_string();
    assert!(told.contains("(id 41) cannot be used: the text is no Avro schema"), "{told}");
}

#[tokio::test]
async fn what_a_schema_refers_to_is_fetched_once_and_decodes() {
    let (schema, enums) = shared_enums();
    let middle = json!({"type": "record", "name": "Unused", "fields": [
        {"name": "action", "type": "millrace.engagement.v1.AdEvent.Action"}]});
    let (server, schemas) = schemas([
        Scripted::ok(referring(&schema, &[("middle", 1), ("an/enum", 3)])),
        version("middle", &middle, &[("an/enum", 3)]),
        version("an/enum", &enums, &[]),
    ])
    .await;
    schemas.learn(ID).await.unwrap();
    assert_eq!(refused(&schemas), None);
    let asked: Vec<_> = server.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(
        asked,
        [
            "GET /schemas/ids/41",
            "GET /subjects/middle/versions/1?deleted=true",
            "GET /subjects/an%2Fenum/versions/3?deleted=true",
        ]
    );
}

#[tokio::test]
async fn a_registry_that_falls_silent_between_two_schemas_is_worth_another_try() {
    let (schema, enums) = shared_enums();
    let first = || Scripted::ok(referring(&schema, &[("enums", 1)]));
    let (_server, schemas) =
        schemas([first(), Scripted::status(503, ""), version("enums", &enums, &[])]).await;
    assert_eq!(schemas.learn(ID).await.unwrap_err().class(), Class::Retry);
    assert!(schemas.lacks(ID), "no dead letter is made of its records");
    schemas.learn(ID).await.unwrap();
    assert_eq!(refused(&schemas), None);
}

#[tokio::test]
async fn a_reference_that_leads_nowhere_is_told_in_the_dead_letter() {
    let (schema, _) = shared_enums();
    let missing = Scripted::refusal(404, 40401, "Subject not found");
    let (_server, schemas) = schemas([Scripted::ok(referring(&schema, &[("enums", 2)])), missing]).await;
    schemas.learn(ID).await.unwrap();
    let told = refused(&schemas).unwrap().to_string();
    assert!(told.contains("it refers to version 2 of enums, which the registry has not"), "{told}");

    // References that do not define what the schema uses.
    let (_server, schemas) = self::schemas([
        Scripted::ok(referring(&schema, &[("enums", 1)])),
        version("enums", &json!("string"), &[]),
    ])
    .await;
    schemas.learn(ID).await.unwrap();
    let told = refused(&schemas).unwrap().to_string();
    assert!(told.contains("no Avro schema") && told.contains("AdEvent.Placement"), "{told}");
}

#[tokio::test]
async fn a_circle_ends_in_words() {
    let (schema, enums) = shared_enums();
    let (_server, schemas) = schemas([
        Scripted::ok(referring(&schema, &[("a", 1)])),
        version("a", &enums, &[("b", 1)]),
        version("b", &enums, &[("a", 1)]),
    ])
    .await;
    schemas.learn(ID).await.unwrap();
    let told = refused(&schemas).unwrap().to_string();
    assert!(told.contains("refers in a circle: version 1 of a, version 1 of b, version 1 of a"), "{told}");
}

/// A text never changes under its id: one that is no schema is looked at once.
#[tokio::test]
async fn what_is_no_schema_is_found_out_once() {
    let (server, schemas) = impatient([Scripted::ok(r#"{"schema":"{"}"#), answer()]).await;
    for _ in 0..100 {
        schemas.learn(ID).await.unwrap();
    }
    assert_eq!(decoded(&schemas), Some("unfit_schema"));
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(!schemas.lacks(ID));
    assert_eq!(server.asked().len(), 1);
}

/// What may be mended is not looked for with each record, nor left for ever.
#[tokio::test]
async fn what_leads_nowhere_is_looked_at_again_after_a_while() {
    let references = json!([{ "name": "common", "subject": "common", "version": 1 }]);
    let body = json!({ "schema": event().avro_schema(), "schemaType": "AVRO", "references": references });
    let missing = Scripted::refusal(404, 40402, "Version not found");
    let (server, schemas) = impatient([Scripted::ok(body.to_string()), missing]).await;
    for _ in 0..100 {
        schemas.learn(ID).await.unwrap();
    }
    assert_eq!(server.asked().len(), 2);
    assert_eq!(decoded(&schemas), Some("unfit_schema"));
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(schemas.lacks(ID));
}

async fn impatient(script: impl IntoIterator<Item = Scripted>) -> (ScriptedServer, Arc<FetchedSchemas>) {
    let server = ScriptedServer::start(script).await;
    let settings =
        RegistrySettings { unknown_for: Duration::from_millis(300), ..RegistrySettings::new(&server.url) };
    let schemas = Arc::new(FetchedSchemas::new(Registry::new(&settings).unwrap()));
    (server, schemas)
}

/// Neither needs what it refers to; a lookup that leads nowhere costs them nothing.
#[tokio::test]
async fn protobuf_and_json_are_read_whatever_they_refer_to() {
    let missing = || Scripted::refusal(404, 40402, "Version not found");
    let references = json!([{ "name": "common", "subject": "common", "version": 1 }]);
    for (schema_type, text, encoding) in [
        ("JSON", "{}".to_owned(), Encoding::Json),
        ("PROTOBUF", event().schema_text(Encoding::Protobuf).unwrap(), Encoding::Protobuf),
    ] {
        let body = json!({ "schema": text, "schemaType": schema_type, "references": references });
        let (_server, schemas) = schemas([Scripted::ok(body.to_string()), missing()]).await;
        schemas.learn(ID).await.unwrap();
        let mut row = RowBuffer::new(event());
        for name in ["event_id", "user_id", "session_id", "ad_id", "campaign_id"] {
            row.set(event(), event().slot(name).unwrap(), Datum::Text("x"));
        }
        let mut bytes = Vec::new();
        event().encode(&row.row(event()).unwrap(), encoding, Some(ID), &mut bytes);
        let value = Value { bytes: Some(&bytes), content_type: None, source: None };
        let decoded = Decoder::new(event(), schemas.clone()).decode(&value).map(drop);
        assert_eq!(decoded, Ok(()), "{schema_type}");
    }
}

#[tokio::test]
async fn the_repositorys_own_ids_need_no_registry() {
    let (server, schemas) = schemas([]).await;
    let own = event().schema_id(Encoding::Avro);
    assert!(millrace_events::writer_schemas::WriterSchemas::get(schemas.as_ref(), own).is_some());
    assert!(server.asked().is_empty());
}
