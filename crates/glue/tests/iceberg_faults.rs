//! What Iceberg's swap in Glue asks for, and what it makes of faults, against a server that answers by script.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;
use std::time::Duration;

use millrace_events::failure::{Class, Classified};
use millrace_glue::{GlueDataCatalog, GlueIcebergCatalog, GlueSettings};
use millrace_iceberg::{
    CatalogueEntry, IcebergError, Located, LocationCatalogue, Swap, TableSchema, Warehouse,
};
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::s3::S3Credentials;
use millrace_scripted_server::{Asked, Scripted, ScriptedServer};
use serde_json::{Value, json};

const FOLDER: &str = "s3://lake/dev/iceberg/users";
const BEFORE: &str = "s3://lake/dev/iceberg/users/metadata/00000-a.metadata.json";
const NEXT: &str = "s3://lake/dev/iceberg/users/metadata/00001-b.metadata.json";
const LATER: &str = "s3://lake/dev/iceberg/users/metadata/00002-c.metadata.json";

fn refusal(name: &str) -> Scripted {
    Scripted::status(400, format!(r#"{{"__type":"{name}","Message":"as scripted"}}"#))
}

fn absent() -> Scripted {
    refusal("EntityNotFoundException")
}

fn changed() -> Scripted {
    refusal("ConcurrentModificationException")
}

fn done() -> Scripted {
    Scripted::ok("{}")
}

/// An answer to GetTable: what an Iceberg table's entry says, and what a person wrote beside it.
fn found(location: &str, previous: Option<&str>, version: &str) -> Scripted {
    let mut parameters =
        json!({"table_type": "ICEBERG", "metadata_location": location, "owner_team": "growth"});
    if let Some(previous) = previous {
        parameters["previous_metadata_location"] = previous.into();
    }
    entry(parameters, Some(version))
}

fn entry(parameters: Value, version: Option<&str>) -> Scripted {
    let table = json!({
        "Name": "users", "TableType": "EXTERNAL_TABLE", "VersionId": version, "Description": "people read this",
        "Owner": "ann", "Retention": 3, "Parameters": parameters,
        "StorageDescriptor": {"Location": FOLDER, "Columns": [{"Name": "id", "Type": "bigint", "Comment": "who it is"}]},
    });
    Scripted::ok(json!({"Table": table}).to_string())
}

async fn catalogue(server: &ScriptedServer, deadline: Duration) -> GlueDataCatalog {
    let credentials = S3Credentials {
        access_key_id: "millrace-test".to_owned(),
        secret_access_key: "hush".to_owned(),
        session_token: None,
    };
    let settings = GlueSettings {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(server.url.clone()),
        credentials: Some(credentials),
        attempt: Duration::from_secs(5),
        deadline,
        backoff: Duration::from_millis(5),
        ..GlueSettings::new("lake_iceberg".parse().unwrap())
    };
    GlueDataCatalog::connect(settings).await.unwrap()
}

fn schema() -> TableSchema {
    serde_json::from_value(json!({"type": "struct", "schema-id": 0, "fields": [
        {"id": 1, "name": "id", "required": true, "type": "long"},
        {"id": 2, "name": "seen", "required": false, "type": "timestamptz", "doc": "last time"},
        {"id": 3, "name": "issues", "required": false, "type": {"type": "list", "element-id": 4, "element": "string", "element-required": false}},
    ]}))
    .unwrap()
}

fn base() -> Located {
    Located { location: BEFORE.to_owned(), version: "7".to_owned() }
}

/// A swap to [`NEXT`] on top of `base`, and what was asked for.
async fn say(
    script: impl IntoIterator<Item = Scripted>,
    base: Option<&Located>,
) -> (Result<Swap, IcebergError>, Vec<Asked>) {
    let server = ScriptedServer::start(script).await;
    let catalogue = catalogue(&server, Duration::from_secs(20)).await;
    let schema = schema();
    let entry = CatalogueEntry {
        table: "users",
        folder: FOLDER,
        location: NEXT,
        previous: base.map(|base| base.location.as_str()),
        schema: &schema,
    };
    (catalogue.say(base, &entry).await, server.asked())
}

fn operations(asked: &[Asked]) -> Vec<&str> {
    asked.iter().filter_map(|asked| asked.header("x-amz-target")?.strip_prefix("AWSGlue.")).collect()
}

fn chain(error: &IcebergError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The columns as every writer of Iceberg shows them; `comment` is what Glue has of `id`.
fn columns(comment: Option<&str>) -> Value {
    let parameters = |id: u32, optional: bool| json!({"iceberg.field.id": id.to_string(), "iceberg.field.optional": optional.to_string(), "iceberg.field.current": "true"});
    let mut id = json!({"Name": "id", "Type": "bigint", "Parameters": parameters(1, false)});
    if let Some(comment) = comment {
        id["Comment"] = comment.into();
    }
    json!([
        id,
        {"Name": "seen", "Type": "timestamp", "Comment": "last time", "Parameters": parameters(2, true)},
        {"Name": "issues", "Type": "array<string>", "Parameters": parameters(3, true)},
    ])
}

fn body(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap()
}

#[tokio::test]
async fn a_new_table_is_said_whole_and_its_database_made_where_it_is_missing() {
    let (swap, asked) = say([absent(), done(), done()], None).await;
    assert_eq!(swap.unwrap(), Swap::Done);
    assert_eq!(operations(&asked), ["CreateTable", "CreateDatabase", "CreateTable"]);
    let wanted = json!({
        "DatabaseName": "lake_iceberg",
        "TableInput": {
            "Name": "users",
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": {"Columns": columns(None), "Location": FOLDER},
            "Parameters": {"table_type": "ICEBERG", "metadata_location": NEXT},
        },
    });
    assert_eq!(body(&asked[2]), wanted);
}

#[tokio::test]
async fn a_swap_is_held_against_the_version_and_what_others_wrote_stays() {
    let (swap, asked) = say([found(BEFORE, None, "7"), done()], Some(&base())).await;
    assert_eq!(swap.unwrap(), Swap::Done);
    assert_eq!(operations(&asked), ["GetTable", "UpdateTable"]);
    assert_eq!(body(&asked[0]), json!({"DatabaseName": "lake_iceberg", "Name": "users"}));
    let wanted = json!({
        "DatabaseName": "lake_iceberg",
        "VersionId": "7",
        "SkipArchive": true,
        "TableInput": {
            "Name": "users",
            "TableType": "EXTERNAL_TABLE",
            "Description": "people read this",
            "Owner": "ann",
            "Retention": 3,
            "StorageDescriptor": {"Columns": columns(Some("who it is")), "Location": FOLDER},
            "Parameters": {
                "table_type": "ICEBERG",
                "metadata_location": NEXT,
                "previous_metadata_location": BEFORE,
                "owner_team": "growth",
            },
        },
    });
    assert_eq!(body(&asked[1]), wanted);
}

#[tokio::test]
async fn a_lost_race_is_told_as_lost() {
    // Before it began: nothing is sent that could undo the other.
    let (swap, asked) = say([found(LATER, Some(BEFORE), "8")], Some(&base())).await;
    assert_eq!((swap.unwrap(), operations(&asked)), (Swap::Lost, vec!["GetTable"]));
    // In between.
    let script = [found(BEFORE, None, "7"), changed(), found(LATER, Some(BEFORE), "8")];
    let (swap, asked) = say(script, Some(&base())).await;
    assert_eq!(
        (swap.unwrap(), operations(&asked)),
        (Swap::Lost, vec!["GetTable", "UpdateTable", "GetTable"])
    );
    // Of two who create.
    let (swap, asked) = say([refusal("AlreadyExistsException"), found(LATER, None, "0")], None).await;
    assert_eq!((swap.unwrap(), operations(&asked)), (Swap::Lost, vec!["CreateTable", "GetTable"]));
}

#[tokio::test]
async fn whose_answer_was_lost_finds_that_it_won() {
    // The client asks again, and is refused for what it did itself.
    for after in [found(NEXT, Some(BEFORE), "8"), found(LATER, Some(NEXT), "9")] {
        let script = [found(BEFORE, None, "7"), Scripted::HangUp, changed(), after];
        let (swap, asked) = say(script, Some(&base())).await;
        assert_eq!(swap.unwrap(), Swap::Done);
        assert_eq!(operations(&asked), ["GetTable", "UpdateTable", "UpdateTable", "GetTable"]);
    }
    let script = [Scripted::HangUp, refusal("AlreadyExistsException"), found(NEXT, None, "0")];
    assert_eq!(say(script, None).await.0.unwrap(), Swap::Done);
}

#[tokio::test]
async fn a_swap_without_any_answer_may_be_done_or_not() {
    let server = ScriptedServer::start([found(BEFORE, None, "7"), Scripted::HangUp]).await;
    let catalogue = catalogue(&server, Duration::from_millis(300)).await;
    let schema = schema();
    let (base, location) = (base(), NEXT);
    let entry =
        CatalogueEntry { table: "users", folder: FOLDER, location, previous: Some(BEFORE), schema: &schema };
    let error = catalogue.say(Some(&base), &entry).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{}", chain(&error));
}

#[tokio::test]
async fn a_table_that_was_removed_is_not_made_again() {
    for script in [vec![absent()], vec![found(BEFORE, None, "7"), absent()]] {
        let (swap, asked) = say(script, Some(&base())).await;
        let error = swap.unwrap_err();
        assert_eq!(error.class(), Class::Stop);
        assert!(matches!(error, IcebergError::NoTable { .. }), "{error:?}");
        assert!(chain(&error).contains("users in the Glue database lake_iceberg"), "{}", chain(&error));
        assert!(!operations(&asked).contains(&"CreateTable"));
    }
}

#[tokio::test]
async fn what_is_no_iceberg_table_is_refused_and_left_alone() {
    for (answer, words) in [
        (
            entry(json!({"classification": "parquet"}), Some("1")),
            ["is no Iceberg table", "table_type is not set"],
        ),
        (entry(json!({"table_type": "HUDI"}), Some("1")), ["is no Iceberg table", "table_type is HUDI"]),
        (
            entry(json!({"table_type": "ICEBERG"}), Some("1")),
            ["set its parameter metadata_location", "is not set"],
        ),
        (
            entry(json!({"table_type": "iceberg", "metadata_location": BEFORE}), None),
            ["no versions", "VersionId is not set"],
        ),
    ] {
        let server = ScriptedServer::start([answer.clone()]).await;
        let error = catalogue(&server, Duration::from_secs(20)).await.find("users").await.unwrap_err();
        let told = chain(&error);
        assert_eq!(error.class(), Class::Stop, "{told}");
        assert!(words.iter().all(|words| told.contains(words)), "{told}");
        assert!(told.contains("the table users in the Glue database lake_iceberg"), "{told}");
        // Neither swapped nor, where one wanted to create it, taken for a race that another won.
        let (swap, asked) = say([answer.clone()], Some(&base())).await;
        assert!(swap.is_err() && operations(&asked) == ["GetTable"]);
        let (swap, _) = say([refusal("AlreadyExistsException"), answer], None).await;
        assert_eq!(swap.unwrap_err().class(), Class::Stop);
    }
}

#[tokio::test]
async fn refusals_are_classed_and_say_what_to_do() {
    for (name, class, words) in [
        ("AccessDeniedException", Class::Stop, "allow glue:GetTable, CreateTable, UpdateTable"),
        ("ExpiredTokenException", Class::Stop, "have expired"),
        ("InvalidInputException", Class::Stop, "does not take the entry"),
        ("OperationTimeoutException", Class::Retry, "worth another try"),
    ] {
        let server = ScriptedServer::start([found(BEFORE, None, "7"), refusal(name)]).await;
        let catalogue = catalogue(&server, Duration::from_millis(300)).await;
        let schema = schema();
        let entry = CatalogueEntry {
            table: "users",
            folder: FOLDER,
            location: NEXT,
            previous: Some(BEFORE),
            schema: &schema,
        };
        let error = catalogue.say(Some(&base()), &entry).await.unwrap_err();
        let told = chain(&error);
        assert_eq!(error.class(), class, "{told}");
        assert!(told.contains(words) && told.contains("update the table users"), "{told}");
    }
}

#[tokio::test]
async fn a_name_of_no_table_is_refused_before_glue_is_asked() {
    let server = ScriptedServer::start([absent()]).await;
    let catalogue = catalogue(&server, Duration::from_secs(20)).await;
    let warehouse = Warehouse::new(Arc::new(MemoryStore::new()), "s3://lake/dev");
    let tables = GlueIcebergCatalog::new(catalogue, warehouse);
    let error = tables.pointer("../users").load().await.unwrap_err();
    assert!(matches!(error, IcebergError::TableName(_)), "{error}");
    assert!(server.asked().is_empty());
    assert!(tables.pointer("users").load().await.unwrap().is_none());
}
