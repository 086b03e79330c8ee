//! What the catalogue in Glue makes of faults, against a server that answers by script.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::time::Duration;

use arrow_schema::{DataType, Field, Schema};
use chrono::NaiveDate;
use millrace_events::failure::{Class, Classified};
use millrace_glue::{GlueDataCatalog, GlueSettings};
use millrace_lake::data_catalog::{
    Change, DataCatalog, DataCatalogError, NoDataCatalog, PartitionEntry, Registered, TableEntry,
};
use millrace_lake::layout::Layer;
use millrace_lake::s3::S3Credentials;
use millrace_scripted_server::{Scripted, ScriptedServer};

/// The secret that no error and no `Debug` may show.
const SECRET: &str = "hush-hush-hush";

fn refusal(code: u16, name: &str) -> Scripted {
    Scripted::status(code, format!(r#"{{"__type":"{name}","Message":"as scripted"}}"#))
}

fn absent() -> Scripted {
    refusal(400, "EntityNotFoundException")
}

fn done() -> Scripted {
    Scripted::ok("{}")
}

async fn catalogue(server: &ScriptedServer) -> GlueDataCatalog {
    within(server, Duration::from_secs(20)).await
}

async fn within(server: &ScriptedServer, deadline: Duration) -> GlueDataCatalog {
    let credentials = S3Credentials {
        access_key_id: "millrace-test".to_owned(),
        secret_access_key: SECRET.to_owned(),
        session_token: None,
    };
    let settings = GlueSettings {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(server.url.clone()),
        credentials: Some(credentials),
        attempt: Duration::from_secs(5),
        deadline,
        backoff: Duration::from_millis(5),
        ..GlueSettings::new("lake_dev".parse().unwrap())
    };
    GlueDataCatalog::connect(settings).await.unwrap()
}

async fn register(catalogue: &dyn DataCatalog) -> Result<Registered, DataCatalogError> {
    let schema = Schema::new(vec![Field::new("id", DataType::Utf8, true)]);
    let table = TableEntry::of("s3://lake/dev", Layer::Curated, "users", &schema).unwrap();
    let day = NaiveDate::from_ymd_opt(2026, 1, 9).unwrap();
    let partition = PartitionEntry::of("s3://lake/dev", Layer::Curated, "users", day).unwrap();
    catalogue.register(&table, &partition).await
}

/// The operations that were asked for, in their order.
fn asked(server: &ScriptedServer) -> Vec<String> {
    let target = |asked: millrace_scripted_server::Asked| {
        let target = asked.header("x-amz-target").and_then(|target| target.strip_prefix("AWSGlue."));
        target.map(str::to_owned).unwrap_or_default()
    };
    server.asked().into_iter().map(target).collect()
}

fn chain(error: &DataCatalogError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let server = ScriptedServer::start([
        refusal(400, "ThrottlingException"),
        refusal(500, "InternalServiceException"),
        Scripted::HangUp,
        refusal(429, "TooManyRequests"),
        absent(),
        done(),
        Scripted::status(502, "<html>a proxy</html>"),
        absent(),
        done(),
    ])
    .await;
    let did = register(&catalogue(&server).await).await.unwrap();
    assert_eq!(did, Registered { table: Change::Created, partition: Change::Created });
    assert_eq!(server.asked().len(), 9);
}

#[tokio::test]
async fn a_missing_database_is_made_once_and_only_then_asked_for() {
    let server = ScriptedServer::start([absent(), absent(), done(), done(), absent(), done()]).await;
    register(&catalogue(&server).await).await.unwrap();
    assert_eq!(
        asked(&server),
        ["GetTable", "CreateTable", "CreateDatabase", "CreateTable", "GetPartition", "BatchCreatePartition"]
    );
}

#[tokio::test]
async fn an_entry_that_another_made_meanwhile_is_compared() {
    let stored = r#""StorageDescriptor":{"Columns":[{"Name":"id","Type":"string"}],"Location":"s3://lake/dev/curated/users/PLACE",
        "InputFormat":"org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "OutputFormat":"org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "SerdeInfo":{"SerializationLibrary":"org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"}}"#;
    let table = format!(
        r#"{{"Table":{{"Name":"users","TableType":"EXTERNAL_TABLE","VersionId":"1",
        "Parameters":{{"classification":"parquet","EXTERNAL":"TRUE","typeOfData":"file"}},
        "PartitionKeys":[{{"Name":"processing_date","Type":"date"}}],{}}}}}"#,
        stored.replace("PLACE", "")
    );
    let partition = format!(
        r#"{{"Partition":{{"Values":["2026-01-09"],{}}}}}"#,
        stored.replace("PLACE", "processing_date=2026-01-09/")
    );
    let taken = r#"{"Errors":[{"PartitionValues":["2026-01-09"],"ErrorDetail":{"ErrorCode":"AlreadyExistsException"}}]}"#;
    let server = ScriptedServer::start([
        absent(),
        refusal(400, "AlreadyExistsException"),
        Scripted::ok(table),
        absent(),
        Scripted::ok(taken),
        Scripted::ok(partition),
    ])
    .await;
    let did = register(&catalogue(&server).await).await.unwrap();
    assert_eq!(did, Registered { table: Change::Unchanged, partition: Change::Unchanged });
    assert_eq!(server.asked().len(), 6, "the script's last answer was asked for again");
}

#[tokio::test]
async fn refusals_are_classed_and_say_what_to_do() {
    for (answer, class, words) in [
        (refusal(400, "AccessDeniedException"), Class::Stop, "allow glue:GetTable"),
        (refusal(400, "UnrecognizedClientException"), Class::Stop, "credentials are wrong"),
        (refusal(400, "ExpiredTokenException"), Class::Stop, "have expired"),
        (refusal(400, "InvalidInputException"), Class::Stop, "does not take the entry"),
        (refusal(404, "Nobody"), Class::Stop, "AWS_ENDPOINT_URL_GLUE"),
    ] {
        let server = ScriptedServer::start([answer]).await;
        let error = register(&catalogue(&server).await).await.unwrap_err();
        let told = chain(&error);
        assert_eq!(error.class(), class, "{told}");
        assert!(told.contains(words) && told.contains("as scripted"), "{told}");
        assert!(told.contains("the table users in the Glue database lake_dev"), "{told}");
        assert!(!told.contains(SECRET) && !format!("{error:?}").contains(SECRET), "{told}");
    }
}

#[tokio::test]
async fn a_part_of_a_batch_that_is_refused_is_no_success() {
    let refused = r#"{"Errors":[{"ErrorDetail":{"ErrorCode":"ResourceNumberLimitExceededException","ErrorMessage":"full"}}]}"#;
    let server = ScriptedServer::start([absent(), done(), absent(), Scripted::ok(refused)]).await;
    let error = register(&catalogue(&server).await).await.unwrap_err();
    let told = chain(&error);
    assert!(error.class() == Class::Stop && told.contains("limit") && told.contains("full"), "{told}");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn what_does_not_pass_in_time_is_worth_another_try() {
    let server = ScriptedServer::start([refusal(400, "ThrottlingException")]).await;
    let catalogue = within(&server, Duration::from_millis(300)).await;
    let error = register(&catalogue).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{}", chain(&error));
}

#[tokio::test]
async fn no_catalogue_takes_everything_and_does_nothing() {
    let did = register(&NoDataCatalog).await.unwrap();
    assert_eq!(did, Registered { table: Change::Unchanged, partition: Change::Unchanged });
}
