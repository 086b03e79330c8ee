//! Spark reads what this crate writes, changes it, and is changed on top of.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod samples;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use millrace_iceberg::{Outcome, Removal, Retention, Table};
use millrace_lake::FolderStore;
use serde_json::{Value, json};

use samples::{at, batch, commit, create, day, file, schema, table};

/// What Spark tells; `None`, and a skip, where there is no Python with it, or no jar.
fn spark(lake: &Path, statements: &[&str]) -> Option<Value> {
    let (Some(python), Some(jar)) =
        (std::env::var_os("MILLRACE_SPARK_PYTHON"), std::env::var_os("MILLRACE_ICEBERG_SPARK_JAR"))
    else {
        millrace_skips::skipped("Iceberg by Spark", "not asked for: cargo xtask test --with iceberg");
        return None;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/change_by_spark.py");
    let output = Command::new(python).arg(script).arg(jar).arg(lake).args(statements).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.lines().find_map(|line| line.strip_prefix("TOLD "));
    let Some(told) = told else { panic!("{text}{}", String::from_utf8_lossy(&output.stderr)) };
    Some(serde_json::from_str(told).unwrap())
}

fn numbers(rows: &Value) -> Vec<i64> {
    rows.as_array().unwrap().iter().map(|row| row["n"].as_i64().unwrap()).collect()
}

async fn replace(table: &Table, n: i64, run: &str, minute: i64, from: i64) -> Outcome {
    let data = file(table, day(n), run, &batch(day(n), from, 4, &[])).await;
    table.replace_day(day(n), vec![data], &commit(run, minute)).await.unwrap()
}

#[tokio::test]
async fn spark_and_this_crate_change_one_table_in_turn() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(Arc::new(FolderStore::new(folder.path())));
    create(&table).await;
    replace(&table, 0, "run-1", 1, 0).await;
    replace(&table, 1, "run-2", 2, 10).await;
    replace(&table, 0, "run-3", 3, 20).await;
    table.add_columns(&schema(&["nickname"]), at(4)).await.unwrap();
    let overwrite = "INSERT OVERWRITE lake.iceberg.users SELECT processing_date, email, n + 80, age, share, valid, seen, issues, city, 'sparky' \
        FROM lake.iceberg.users WHERE processing_date = DATE '2026-02-01'";
    let append = "INSERT INTO lake.iceberg.users SELECT DATE '2026-02-05', email, n + 500, age, share, valid, seen, issues, city, 'new' \
        FROM lake.iceberg.users WHERE processing_date = DATE '2026-02-02'";
    let Some(seen) = spark(folder.path(), &[overwrite, append]) else { return };
    assert_eq!(numbers(&seen["now"]), [10, 11, 12, 13, 20, 21, 22, 23]);
    assert_eq!(seen["operations"], json!(["overwrite", "overwrite", "overwrite"]));
    assert_eq!(
        seen["now"][5],
        json!({"processing_date": "2026-02-01", "email": "person21@example.com", "n": 21, "age": 21, "share": 3.0, "valid": false,
            "seen": "2026-02-01 00:00:00.000021", "issues": [], "city": "Ciudad del Este y más 00021", "nickname": null})
    );
    let history = table.history().await.unwrap();
    let ids: Vec<String> = history.iter().map(|(snapshot, _)| snapshot.snapshot_id.to_string()).collect();
    assert_eq!(numbers(&seen["then"][&ids[0]]), [0, 1, 2, 3]);
    assert_eq!(numbers(&seen["then"][&ids[1]]), [0, 1, 2, 3, 10, 11, 12, 13]);
    assert_eq!(numbers(&seen["after"]), [10, 11, 12, 13, 100, 101, 102, 103, 510, 511, 512, 513]);

    // On top of Spark's: its day is replaced by ours, ours by ours, and its other day stays.
    assert_eq!(history.len(), 5);
    assert!(matches!(replace(&table, 0, "run-4", 5, 40).await, Outcome::Committed(_)));
    assert!(matches!(replace(&table, 1, "run-5", 6, 60).await, Outcome::Committed(_)));
    let now = table.load().await.unwrap().metadata;
    assert_eq!(now.current_snapshot().unwrap().summary["total-records"], "12");
    assert_eq!(table.data_files(&now, now.current_snapshot().unwrap()).await.unwrap().len(), 3);
    let expired = table
        .expire(Retention { older_than: now.snapshots[3].timestamp(), keep_last: 1 }, at(7))
        .await
        .unwrap();
    assert_eq!(expired.snapshots.len(), 3);
    let orphans = table.remove_orphans(at(1_000_000_000), Removal::Remove).await.unwrap();
    assert_eq!(orphans.undated, []);
    let seen = spark(folder.path(), &[]).unwrap();
    assert_eq!(numbers(&seen["now"]), [40, 41, 42, 43, 60, 61, 62, 63, 510, 511, 512, 513]);
    assert_eq!(seen["operations"], json!(["overwrite", "append", "overwrite", "overwrite"]));
    assert_eq!(seen["then"].as_object().unwrap().len(), 4, "all that is left reads");
}
