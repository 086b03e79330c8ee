//! Other engines read what this crate writes, now and as it was.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod samples;

use std::process::Command;
use std::sync::Arc;

use arrow_array::RecordBatch;
use millrace_iceberg::{Outcome, Table};
use millrace_lake::FolderStore;
use serde_json::{Value, json};

use samples::{at, batch, commit, create, day, file, schema, table};

/// A table with a history: two days, one replaced, a column added, a row behind it; and what each snapshot holds, oldest first.
async fn with_history(table: &Table) -> Vec<Vec<RecordBatch>> {
    create(table).await;
    let (first, second) = (batch(day(0), 0, 10, &[]), batch(day(1), 100, 8, &[]));
    let one = file(table, day(0), "run-1", &first).await;
    let outcome = table.replace_day(day(0), vec![one], &commit("run-1", 1)).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)));
    let two = file(table, day(1), "run-2", &second).await;
    table.append(vec![two], &commit("run-2", 2)).await.unwrap();
    let again = batch(day(0), 20, 5, &[]);
    let three = file(table, day(0), "run-3", &again).await;
    table.replace_day(day(0), vec![three], &commit("run-3", 3)).await.unwrap();
    assert_eq!(table.add_columns(&schema(&["nickname"]), at(4)).await.unwrap(), ["nickname"]);
    let wider = batch(day(2), 200, 4, &["nickname"]);
    let four = file(table, day(2), "run-4", &wider).await;
    table.append(vec![four], &commit("run-4", 5)).await.unwrap();
    vec![
        vec![first.clone()],
        vec![first, second.clone()],
        vec![again.clone(), second.clone()],
        vec![again, second, wider],
    ]
}

/// What `n` and the e-mail are, row by row: other columns are made of `n`.
fn rows(batches: &[RecordBatch]) -> Vec<(i64, Option<String>, Option<String>)> {
    let mut rows = Vec::new();
    for batch in batches {
        let text = |name: &str, row: usize| {
            let column = batch.column_by_name(name)?.as_any().downcast_ref::<arrow_array::StringArray>()?;
            arrow_array::Array::is_valid(column, row).then(|| column.value(row).to_owned())
        };
        let numbers = batch.column_by_name("n").unwrap();
        let numbers = numbers.as_any().downcast_ref::<arrow_array::Int64Array>().unwrap();
        rows.extend(
            (0..batch.num_rows()).map(|row| (numbers.value(row), text("email", row), text("nickname", row))),
        );
    }
    rows.sort();
    rows
}

fn told(rows: &Value) -> Vec<(i64, Option<String>, Option<String>)> {
    let text = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let one = |row: &Value| (row["n"].as_i64().unwrap(), text(row, "email"), text(row, "nickname"));
    rows.as_array().unwrap().iter().map(one).collect()
}

/// What `script` tells of the table in JSON; `None`, and a skip, where there is no Python with its engine.
async fn read_by(script: &str, table: &Table, conditions: &[&str]) -> Option<Value> {
    let Some(python) = std::env::var_os("MILLRACE_PYICEBERG_PYTHON") else {
        millrace_skips::skipped(
            &format!("Iceberg, {script}"),
            "not asked for: cargo xtask test --with iceberg",
        );
        return None;
    };
    let script = format!("{}/tests/{script}", env!("CARGO_MANIFEST_DIR"));
    let location = table.load().await.unwrap().location;
    let output = Command::new(python).arg(script).arg(location).args(conditions).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Every snapshot reads as it was, and the newest is what is read now.
async fn assert_history(seen: &Value, table: &Table, expected: &[Vec<RecordBatch>]) {
    assert_eq!(told(&seen["now"]), rows(expected.last().unwrap()));
    let history = table.history().await.unwrap();
    assert_eq!(history.len(), expected.len());
    for ((snapshot, _), expected) in history.iter().zip(expected) {
        assert_eq!(told(&seen["then"][snapshot.snapshot_id.to_string()]), rows(expected));
    }
}

#[tokio::test]
async fn duckdb_reads_the_table_and_its_history() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(Arc::new(FolderStore::new(folder.path())));
    let expected = with_history(&table).await;
    let Some(seen) = read_by("read_by_duckdb.py", &table, &[]).await else { return };
    assert_history(&seen, &table, &expected).await;
    assert_eq!(seen["filtered"], json!([[4, 90]]));
}

#[tokio::test]
async fn pyiceberg_reads_the_table_and_its_history() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(Arc::new(FolderStore::new(folder.path())));
    let expected = with_history(&table).await;
    let conditions = [
        "processing_date = '2026-02-01'",
        "n >= 100000",
        "n = 20",
        "city < 'A'",
        "city > 'Ciudad del Est~'",
        "email = 'nobody'",
    ];
    let Some(seen) = read_by("read_by_pyiceberg.py", &table, &conditions).await else { return };
    assert_history(&seen, &table, &expected).await;
    let one = json!({"processing_date": "2026-02-01", "email": "person21@example.com", "n": 21, "age": 21, "share": 3.0, "valid": false,
        "seen": "2026-02-01T00:00:00.000021+00:00", "issues": [], "city": "Ciudad del Este y más 00021", "nickname": null});
    assert_eq!(seen["now"][1], one);
    assert_eq!(seen["operations"], json!(["overwrite", "append", "overwrite", "append"]));
    assert_eq!(seen["sort"], json!([3]));
    assert_eq!(seen["summary"]["millrace.kafka-offsets"], json!(r#"{"users-0":17}"#));
    assert_eq!(seen["summary"]["total-records"], json!("17"));
    assert_eq!(seen["summary"]["total-data-files"], json!("3"));
    assert_eq!(seen["partitions"], json!(["2026-02-01 5", "2026-02-02 8", "2026-02-03 4"]));
    // By the day one file, by bounds none and one, by cut texts none and none; by a personal column all, as it has no bounds.
    assert_eq!(seen["planned"], json!([1, 0, 1, 0, 0, 3]));
    assert_eq!(
        seen["bounds"],
        json!(["age", "city", "n", "nickname", "processing_date", "seen", "share", "valid"])
    );
}

#[tokio::test]
async fn pyiceberg_reads_rows_that_are_parted_by_the_day_of_an_instant() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(Arc::new(FolderStore::new(folder.path())));
    let schema = schema(&[]);
    let definition = millrace_iceberg::Definition {
        schema: &schema,
        partitioning: millrace_iceberg::Partitioning::DayOf("seen".to_owned()),
        sorted_by: Vec::new(),
        properties: Default::default(),
    };
    assert!(table.create(&definition, at(0)).await.unwrap());
    let mut expected = Vec::new();
    for n in 0..3 {
        let rows = batch(day(n), 10 * n, 4, &[]);
        let data = file(&table, day(n), &format!("run-{n}"), &rows).await;
        table.replace_day(day(n), vec![data], &commit(&format!("run-{n}"), n)).await.unwrap();
        expected.push(rows);
    }
    let condition = "seen >= '2026-02-03T00:00:00+00:00'";
    let Some(seen) = read_by("read_by_pyiceberg.py", &table, &[condition]).await else { return };
    assert_eq!(told(&seen["now"]), rows(&expected));
    assert_eq!(seen["planned"], json!([1]));
    assert_eq!(seen["partitions"], json!(["2026-02-01 4", "2026-02-02 4", "2026-02-03 4"]));
}
