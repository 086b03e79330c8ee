//! Records framed with a registry's ids: fetched before they are decoded, waited for while the registry is down, dead
//! letters where it knows them not.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use millrace_events::catalogue;
use millrace_events::decode::{Decoder, Value};
use millrace_events::event::Event;
use millrace_events::failure::Class;
use millrace_events::frame::{Encoding, SchemaId};
use millrace_events::row::{Datum, RowBuffer};
use millrace_scripted_server::{Scripted, ScriptedServer};
use millrace_stream::fetched_schemas::FetchedSchemas;
use millrace_stream::registry::{Registry, RegistrySettings, RetryPolicy};

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
    catalogue::by_table("ad_events").unwrap()
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
    let bytes = framed();
    let value = Value { bytes: Some(&bytes), content_type: Some("application/avro"), source: None };
    assert_eq!(value.schema_needed(), Some(ID));
    Decoder::new(event(), schemas.clone()).decode(&value).err().map(|refusal| refusal.kind())
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
    assert_eq!(decoded(&schemas), Some("unknown_schema"));
}

#[tokio::test]
async fn the_repositorys_own_ids_need_no_registry() {
    let (server, schemas) = schemas([]).await;
    let own = event().schema_id(Encoding::Avro);
    assert!(millrace_events::schemas::WriterSchemas::get(schemas.as_ref(), own).is_some());
    assert!(server.asked().is_empty());
}
