//! What a REST catalogue is asked for each change of a table.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod samples;

use std::io::{Seek, SeekFrom, Write};
use std::process::Command;
use std::sync::Arc;

use millrace_iceberg::{Retention, TableMetadata, rest_request};
use millrace_lake::memory_store::MemoryStore;
use serde_json::{Value, json};

use samples::bare::bare;
use samples::{at, commit, create, day, schema, table};

fn kinds(request: &Value, list: &str, of: &str) -> Vec<String> {
    request[list].as_array().unwrap().iter().map(|one| one[of].as_str().unwrap().to_owned()).collect()
}

/// The metadata before each change and after it.
async fn versions() -> Vec<TableMetadata> {
    let store = MemoryStore::new();
    let table = table(Arc::new(store.clone()));
    create(&table).await;
    let mut versions = vec![table.load().await.unwrap().metadata];
    for (run, of) in [("one", 0), ("two", 0)] {
        let file = bare(&table, &store, day(of), run).await;
        table.replace_day(day(of), vec![file], &commit(run, 1)).await.unwrap();
        versions.push(table.load().await.unwrap().metadata);
    }
    table.add_columns(&schema(&["more"]), at(3)).await.unwrap();
    versions.push(table.load().await.unwrap().metadata);
    table.roll_back(versions[1].current_snapshot_id.unwrap(), at(4)).await.unwrap();
    versions.push(table.load().await.unwrap().metadata);
    table.expire(Retention { older_than: at(100), keep_last: 1 }, at(5)).await.unwrap();
    versions.push(table.load().await.unwrap().metadata);
    versions
}

#[tokio::test]
async fn each_change_is_said_as_the_specification_says_it() {
    let versions = versions().await;
    let request = |n: usize| rest_request::commit_table(&versions[n], &versions[n + 1]).unwrap();
    for (n, updates) in [
        (0, &["add-snapshot", "set-snapshot-ref"][..]),
        (1, &["add-snapshot", "set-snapshot-ref"]),
        (2, &["add-schema", "set-current-schema", "set-properties"]),
        (3, &["set-snapshot-ref"]),
        (4, &["remove-snapshots"]),
    ] {
        let request = request(n);
        assert_eq!(kinds(&request, "updates", "action"), updates, "{n}");
        assert_eq!(
            kinds(&request, "requirements", "type")[..2],
            ["assert-table-uuid", "assert-ref-snapshot-id"]
        );
        assert_eq!(request["requirements"][0]["uuid"], versions[0].table_uuid);
        assert_eq!(request["requirements"][1]["snapshot-id"], json!(versions[n].current_snapshot_id), "{n}");
    }
    let replaced = request(1);
    let snapshot = versions[2].current_snapshot().unwrap();
    assert_eq!(replaced["updates"][0]["snapshot"], serde_json::to_value(snapshot).unwrap());
    let head = json!({"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": snapshot.snapshot_id});
    assert_eq!(replaced["updates"][1], head);
    let evolved = request(2);
    assert_eq!(evolved["updates"][0]["schema"]["schema-id"], 1);
    assert_eq!(evolved["updates"][2]["updates"].as_object().unwrap().len(), 1, "the name mapping alone");
    assert_eq!(
        kinds(&evolved, "requirements", "type")[2..],
        ["assert-current-schema-id", "assert-last-assigned-field-id"]
    );
    assert_eq!(request(4)["updates"][0]["snapshot-ids"], json!([snapshot.snapshot_id]));
}

#[tokio::test]
async fn a_new_table_is_said_whole_and_another_place_not_at_all() {
    let versions = versions().await;
    let request = rest_request::create_table("users", &versions[0]).unwrap();
    assert_eq!(request["name"], "users");
    assert_eq!(request["schema"]["fields"][0]["name"], "processing_date");
    assert_eq!(request["partition-spec"]["fields"][0]["transform"], "identity");
    assert_eq!(request["write-order"]["fields"][0]["source-id"], 3);
    let mut moved = versions[1].clone();
    moved.location = "s3://other".to_owned();
    assert!(rest_request::commit_table(&versions[0], &moved).is_err());
}

/// pyiceberg's models stand in for a server, as none can be had here.
#[tokio::test]
async fn pyiceberg_makes_the_same_metadata_of_each_request() {
    let Some(python) = std::env::var_os("MILLRACE_PYICEBERG_PYTHON") else {
        millrace_skips::skipped(
            "Iceberg's REST requests by pyiceberg",
            "not asked for: cargo xtask test --with iceberg",
        );
        return;
    };
    let versions = versions().await;
    let pairs = versions.windows(2);
    let asked: Vec<Value> =
        pairs.map(|two| json!([two[0], rest_request::commit_table(&two[0], &two[1]).unwrap()])).collect();
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(Value::from(asked).to_string().as_bytes()).unwrap();
    input.seek(SeekFrom::Start(0)).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/commit_by_pyiceberg.py");
    let output = Command::new(python).arg(script).stdin(input).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(made.len(), versions.len() - 1);
    for (n, (made, next)) in made.iter().zip(&versions[1..]).enumerate() {
        let next = serde_json::to_value(next).unwrap();
        for part in [
            "current-schema-id",
            "last-column-id",
            "properties",
            "snapshots",
            "refs",
            "last-sequence-number",
            "current-snapshot-id",
        ] {
            assert_eq!(without_nulls(&made[part]), without_nulls(&next[part]), "{part} of {n}");
        }
        assert_eq!(made["schemas"].as_array().unwrap().len(), next["schemas"].as_array().unwrap().len());
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Value::Array(values) => values.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}
