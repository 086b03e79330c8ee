//! What the catalogue in Glue makes of faults, against a server that answers by script.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[allow(dead_code, reason = "what only the store's tests need")]
mod scripted_s3;

use arrow_schema::{DataType, Field, Schema};
use chrono::NaiveDate;
use millrace_events::failure::Class;
use millrace_lake::catalogue::{
    Catalogue, CatalogueError, Change, NoCatalogue, PartitionEntry, Registered, TableEntry,
};
use millrace_lake::glue::{GlueCatalogue, GlueSettings};
use millrace_lake::layout::Layer;
use scripted_s3::{Answer, SECRET, ScriptedS3, status};

fn refusal(code: u16, name: &str) -> Answer {
    status(code, format!(r#"{{"__type":"{name}","Message":"as scripted"}}"#).leak())
}

fn absent() -> Answer {
    refusal(400, "EntityNotFoundException")
}

fn done() -> Answer {
    status(200, "{}")
}

async fn catalogue(server: &ScriptedS3) -> GlueCatalogue {
    let s3 = server.settings();
    let settings = GlueSettings {
        region: s3.region,
        endpoint: s3.endpoint,
        credentials: s3.credentials,
        attempt: s3.attempt,
        deadline: s3.deadline,
        backoff: s3.backoff,
        ..GlueSettings::new("lake_dev".parse().unwrap())
    };
    GlueCatalogue::connect(settings).await.unwrap()
}

async fn register(catalogue: &dyn Catalogue) -> Result<Registered, CatalogueError> {
    let schema = Schema::new(vec![Field::new("id", DataType::Utf8, true)]);
    let table = TableEntry::of("s3://lake/dev", Layer::Curated, "users", &schema).unwrap();
    let day = NaiveDate::from_ymd_opt(2026, 1, 9).unwrap();
    let partition = PartitionEntry::of("s3://lake/dev", Layer::Curated, "users", day).unwrap();
    catalogue.register(&table, &partition).await
}

/// The operations that were asked for, in their order.
fn asked(server: &ScriptedS3) -> Vec<String> {
    let target = |request: String| {
        let line =
            request.lines().find_map(|line| line.strip_prefix("x-amz-target: awsglue.").map(str::to_owned));
        line.unwrap_or_default()
    };
    server.requests().into_iter().map(target).collect()
}

fn chain(error: &CatalogueError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let server = ScriptedS3::start([
        refusal(400, "ThrottlingException"),
        refusal(500, "InternalServiceException"),
        Answer::Cut,
        refusal(429, "TooManyRequests"),
        absent(),
        done(),
        status(502, "<html>a proxy</html>"),
        absent(),
        done(),
    ]);
    let did = register(&catalogue(&server).await).await.unwrap();
    assert_eq!(did, Registered { table: Change::Created, partition: Change::Created });
    assert_eq!(server.unmet(), 0);
}

#[tokio::test]
async fn a_missing_database_is_made_once_and_only_then_asked_for() {
    let server = ScriptedS3::start([absent(), absent(), done(), done(), absent(), done()]);
    register(&catalogue(&server).await).await.unwrap();
    assert_eq!(
        asked(&server),
        ["gettable", "createtable", "createdatabase", "createtable", "getpartition", "batchcreatepartition"]
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
    let server = ScriptedS3::start([
        absent(),
        refusal(400, "AlreadyExistsException"),
        status(200, table.leak()),
        absent(),
        status(200, taken),
        status(200, partition.leak()),
    ]);
    let did = register(&catalogue(&server).await).await.unwrap();
    assert_eq!(did, Registered { table: Change::Unchanged, partition: Change::Unchanged });
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
        let server = ScriptedS3::start([answer]);
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
    let server = ScriptedS3::start([absent(), done(), absent(), status(200, refused)]);
    let error = register(&catalogue(&server).await).await.unwrap_err();
    let told = chain(&error);
    assert!(error.class() == Class::Stop && told.contains("limit") && told.contains("full"), "{told}");
}

#[tokio::test]
async fn what_does_not_pass_in_time_is_worth_another_try() {
    let server = ScriptedS3::start((0..40).map(|_| refusal(400, "ThrottlingException")));
    let s3 = server.settings();
    let settings = GlueSettings {
        region: s3.region,
        endpoint: s3.endpoint,
        credentials: s3.credentials,
        attempt: s3.attempt,
        deadline: std::time::Duration::from_millis(300),
        backoff: s3.backoff,
        ..GlueSettings::new("lake_dev".parse().unwrap())
    };
    let error = register(&GlueCatalogue::connect(settings).await.unwrap()).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{}", chain(&error));
}

#[tokio::test]
async fn no_catalogue_takes_everything_and_does_nothing() {
    let did = register(&NoCatalogue).await.unwrap();
    assert_eq!(did, Registered { table: Change::Unchanged, partition: Change::Unchanged });
}
