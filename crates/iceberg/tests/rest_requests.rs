//! What a REST catalogue is asked for each change of a table.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod samples;

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
        assert_eq!(kinds(&request, "requirements", "type")[..2], ["assert-table-uuid", "assert-ref-snapshot-id"]);
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
    assert_eq!(kinds(&evolved, "requirements", "type")[2..], ["assert-current-schema-id", "assert-last-assigned-field-id"]);
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
