//! `millrace query` and `millrace tables` as a person and a script call them.

// Clippy's leave for tests ends at functions marked as such.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn millrace(lake: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_millrace"))
        .args(arguments)
        .args(["--lake".as_ref(), lake.as_os_str()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// A folder that says that it is a lake, and holds nothing.
fn empty_lake() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = millrace(folder.path(), &["query", "SELECT 1", "--create"], "");
    assert!(output.status.success(), "{output:?}");
    folder
}

fn printed(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

const SQL: &str =
    "SELECT 1 AS a, NULL AS b, 'x,\"y\"' AS c, DATE '2026-01-31' AS d, ARRAY[1, 2] AS e, 0.1 AS f";

#[test]
fn each_format_is_as_its_readers_expect() {
    let lake = empty_lake();
    let ask = |format: &str| printed(&millrace(lake.path(), &["query", SQL, "--format", format], ""));
    let json =
        "[\n{\"a\":1,\"b\":null,\"c\":\"x,\\\"y\\\"\",\"d\":\"2026-01-31\",\"e\":[1,2],\"f\":0.1}\n]\n";
    assert_eq!(ask("json"), (0, json.to_owned(), String::new()));
    let csv = "a,b,c,d,e,f\n1,,\"x,\"\"y\"\"\",2026-01-31,\"[1,2]\",0.1\n";
    assert_eq!(ask("csv"), (0, csv.to_owned(), String::new()));
    let (code, table, _) = ask("table");
    assert_eq!(code, 0);
    assert!(
        table.contains("│ int64 ┆ ") && table.contains("┆ null ┆") && table.contains("1 row, "),
        "{table}"
    );
    let (code, parquet, _) = ask("parquet");
    assert!(code == 0 && parquet.starts_with("PAR1") && parquet.ends_with("PAR1"), "{parquet}");
}

#[test]
fn an_empty_answer_is_empty_in_each_format() {
    let lake = empty_lake();
    let ask = |format: &str| {
        printed(&millrace(
            lake.path(),
            &["query", "SELECT id, age_years FROM users_transformed", "--format", format],
            "",
        ))
    };
    assert_eq!(ask("json"), (0, "[]\n".to_owned(), String::new()));
    assert_eq!(ask("csv"), (0, "id,age_years\n".to_owned(), String::new()));
    assert!(ask("table").1.contains("0 rows"));
}

#[test]
fn statements_come_by_standard_input_too() {
    let lake = empty_lake();
    let output =
        millrace(lake.path(), &["query", "--format", "csv"], "SELECT 1 AS a;\n-- and\nSELECT ';' AS b");
    assert_eq!(printed(&output), (0, "a\n1\nb\n;\n".to_owned(), String::new()));
    let (code, _, error) = printed(&millrace(lake.path(), &["query"], " ;"));
    assert!(code == 1 && error.starts_with("error: no statement"), "{error}");
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let folder = empty_lake();
    let file = folder.path().join("answer.json");
    let file = file.to_str().unwrap();
    let good = printed(&millrace(folder.path(), &["query", "SELECT 1 AS a", "--output", file], ""));
    assert_eq!(good, (0, String::new(), String::new()));
    assert_eq!(std::fs::read_to_string(file).unwrap(), "[\n{\"a\":1}\n]\n");
    let (code, _, _) =
        printed(&millrace(folder.path(), &["query", "SELECT b FROM raw_users", "--output", file], ""));
    assert_eq!(code, 1);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "[\n{\"a\":1}\n]\n");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn failures_are_told_with_a_remedy_and_exit_codes() {
    let lake = empty_lake();
    let (code, out, error) = printed(&millrace(&lake.path().join("nowhere"), &["query", "SELECT 1"], ""));
    assert!(code == 1 && out.is_empty(), "{code} {out}");
    assert!(error.starts_with("error: there is no lake at ") && error.contains("millrace run"), "{error}");
    let (code, _, error) = printed(&millrace(lake.path(), &["query", "SELECT x FROM"], ""));
    assert!(code == 1 && error.starts_with("error: the query could not be parsed: "), "{error}");
    let (code, _, _) = printed(&millrace(lake.path(), &["query", "SELECT 1", "--format", "xml"], ""));
    assert_eq!(code, 2);
}

#[test]
fn a_place_that_is_no_lake_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "").unwrap();
    let commands: [(&[&str], bool); 7] = [
        (&["query", "SELECT 1"], true),
        (&["job", "raw-transformation"], true),
        (&["backfill", "--from", "2026-01-31", "--to", "2026-01-31"], true),
        (&["tables"], false),
        (&["export", "users_transformed"], false),
        (&["compact"], false),
        (&["erase", "somebody"], false),
    ];
    for (command, creates) in commands {
        let (code, out, error) = printed(&millrace(folder.path(), command, ""));
        assert_eq!((code, out.as_str()), (1, ""), "{command:?}");
        assert!(
            error.starts_with("error: there is no lake at ") && error.contains("millrace run"),
            "{error}"
        );
        assert_eq!(error.contains("--create"), creates, "{command:?}: {error}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_lake_is_made_on_demand_and_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let created = ["job", "raw-transformation", "--create", "--as-of", "2026-01-31"];
    let (code, _, error) = printed(&millrace(folder.path(), &created, ""));
    assert_eq!((code, error.as_str()), (0, ""));
    let path = folder.path().join("_lake.json");
    let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(file["format_version"], 1);
    assert_eq!(file["store"], serde_json::json!({ "conditional_put": true, "read_after_write": true }));

    // One from before: who reads leaves it, who writes takes it over with a word.
    std::fs::remove_file(&path).unwrap();
    let (code, _, error) = printed(&millrace(folder.path(), &["tables"], ""));
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(!path.exists());
    let (code, _, error) = printed(&millrace(folder.path(), &["compact"], ""));
    assert!(code == 0 && error.contains("_lake.json") && path.exists(), "{error}");

    std::fs::write(&path, r#"{"format_version": 9}"#).unwrap();
    let (code, _, error) = printed(&millrace(folder.path(), &["query", "SELECT 1", "--create"], ""));
    assert!(code == 1 && error.contains("format 9"), "{error}");
}

#[test]
fn tables_of_an_empty_lake_are_there_with_their_schemas() {
    let lake = empty_lake();
    let (code, out, error) = printed(&millrace(lake.path(), &["tables", "--json"], ""));
    assert_eq!((code, error.as_str()), (0, ""));
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    let names: Vec<_> = told["tables"].as_array().unwrap().iter().map(|table| &table["name"]).collect();
    let raw = ["raw_users", "raw_user_interactions", "raw_video_engagements", "raw_ad_events"];
    assert_eq!(names[..4], raw);
    assert_eq!(names[4..6], ["users_transformed", "data_quality_summary"]);
    assert!(names.iter().any(|name| *name == "fact_quality_anomalies"), "{names:?}");
    assert_eq!(told["tables"][4]["schema"][29]["type"], "list<string>");
    let (_, out, _) = printed(&millrace(lake.path(), &["tables"], ""));
    assert!(out.contains("the lake is empty: `millrace run` fills it"), "{out}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_no_failure() {
    let lake = empty_lake();
    let mut child = Command::new(env!("CARGO_BIN_EXE_millrace"))
        .args(["query", "--format", "csv", "--lake"])
        .arg(lake.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The reader is gone before the first byte.
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"SELECT 1 AS a; SELECT 2 AS a;").unwrap();
    let (code, _, error) = printed(&child.wait_with_output().unwrap());
    assert_eq!((code, error.as_str()), (0, ""));
}
