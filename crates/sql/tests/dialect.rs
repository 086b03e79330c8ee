//! The dialect against DuckDB and PostgreSQL over the same rows: `tests/queries` holds the statements.
//!
//! `same/*.sql` is answered as DuckDB does, `postgres.sql` as PostgreSQL does, `ours.sql` as is written there and in docs/sql.md, and
//! `refused.sql` not at all.

mod other_engine;

use std::path::Path;
use std::process::Command;

use millrace_skips::skipped;
use millrace_sql::{Session, Statements};
use other_engine::{Rows, alike, ours, python, queries, theirs};
use serde_json::{Value, json};

fn read(file: &str) -> String {
    std::fs::read_to_string(queries().join(file)).expect(file)
}

/// Rows without an order are compared in one.
fn in_some_order(sql: &str, mut rows: Rows) -> Value {
    if !sql.to_uppercase().contains("ORDER BY") {
        rows.sort_by_key(|row| Value::from(row.clone()).to_string());
    }
    rows.into_iter().map(Value::from).collect()
}

fn statements(text: &str) -> Vec<String> {
    let plain: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    Statements::split(&plain.join("\n")).complete
}

fn compare(session: &Session, sql: &[String], theirs: Vec<Result<Rows, String>>, engine: &str) {
    let mut wrong = Vec::new();
    for (sql, theirs) in sql.iter().zip(theirs) {
        match (ours(session, sql), theirs) {
            (Ok(ours), Ok(theirs)) => {
                let (ours, theirs) = (in_some_order(sql, ours), in_some_order(sql, theirs));
                if !alike(&ours, &theirs) {
                    wrong.push(format!("{sql}\n  ours: {ours}\n  {engine}: {theirs}"));
                }
            }
            (Err(error), _) => wrong.push(format!("{sql}\n  is not answered: {error}")),
            (_, Err(error)) => wrong.push(format!("{sql}\n  is not answered by {engine}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {} statements:\n{}", wrong.len(), sql.len(), wrong.join("\n"));
}

#[test]
fn statements_are_answered_as_duckdb_answers_them() {
    let Some(python) = python("dialect against DuckDB") else { return };
    let mut sql = Vec::new();
    for file in std::fs::read_dir(queries().join("same")).expect("a folder") {
        let path = file.expect("an entry").path();
        sql.extend(statements(&std::fs::read_to_string(path).expect("a text")));
    }
    assert!(sql.len() >= 700, "only {} statements were found", sql.len());
    let lake = tempfile::tempdir().expect("a folder");
    let theirs = theirs(&python, "answer.py", lake.path(), &sql);
    compare(&Session::open(lake.path()).expect("a lake"), &sql, theirs, "DuckDB");
}

#[test]
fn where_dialects_differ_statements_are_answered_as_postgresql_answers_them() {
    let Some(python) = python("dialect against PostgreSQL") else { return };
    if !Path::new("/usr/lib/postgresql").exists() && Command::new("initdb").arg("--version").output().is_err()
    {
        skipped("dialect against PostgreSQL", "there is no initdb: install PostgreSQL's server");
        return;
    }
    let sql = statements(&read("postgres.sql"));
    assert!(sql.len() >= 35, "only {} statements were found", sql.len());
    let lake = tempfile::tempdir().expect("a folder");
    theirs(&python, "answer.py", lake.path(), &[]);
    let theirs = theirs(&python, "postgres.py", lake.path(), &sql);
    compare(&Session::open(lake.path()).expect("a lake"), &sql, theirs, "PostgreSQL");
}

/// Each line of a file that is a statement, with what the lines `-- KEY: …` over it say.
fn noted<'a>(text: &'a str, keys: &[&str]) -> Vec<(Vec<&'a str>, &'a str)> {
    let mut notes = vec![""; keys.len()];
    let mut found = Vec::new();
    for line in text.lines() {
        for (note, key) in notes.iter_mut().zip(keys) {
            if let Some(said) = line.strip_prefix(&format!("-- {key}: ")) {
                *note = said;
            }
        }
        if !line.starts_with("--") && !line.is_empty() {
            found.push((notes.clone(), line.trim_end_matches(';')));
        }
    }
    found
}

#[test]
fn what_is_not_answered_says_why_and_what_to_write() {
    // What is refused is refused by its words alone: most tables have no row.
    let lake = tempfile::tempdir().expect("a folder");
    small_lake(lake.path());
    let session = Session::open(lake.path()).expect("a lake");
    let text = read("refused.sql");
    let refused = noted(&text, &["says"]);
    assert!(refused.len() >= 80, "only {} statements were found", refused.len());
    let mut wrong = Vec::new();
    for (says, sql) in &refused {
        match ours(&session, sql) {
            Ok(_) => wrong.push(format!("{sql}\n  is answered")),
            Err(error) => {
                let message = error.to_string();
                // A syntax tree, a plan, or the words of a fault are nobody's help.
                let is_plain = !message.contains("Span(") && !message.contains("Ident {");
                if !(message.contains(says[0]) && is_plain && !error.state().is_empty()) {
                    wrong.push(format!("{sql}\n  says: {message}\n  not:  {}", says[0]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} statements:\n{}", wrong.len(), refused.len(), wrong.join("\n"));
}

/// One row of users, so that what fails for a row fails.
fn small_lake(lake: &Path) {
    use datafusion::arrow::array::{Int32Array, RecordBatch, StringArray};
    use datafusion::parquet::arrow::ArrowWriter;
    let folder = lake.join("curated/users_transformed/processing_date=2026-01-31");
    std::fs::create_dir_all(&folder).expect("a folder");
    let columns: [(&str, datafusion::arrow::array::ArrayRef); 4] = [
        ("id", std::sync::Arc::new(StringArray::from(vec!["u01", "u02"]))),
        ("first_name", std::sync::Arc::new(StringArray::from(vec!["Secretia", "Bob"]))),
        ("age_years", std::sync::Arc::new(Int32Array::from(vec![39, 40]))),
        ("account_age_days", std::sync::Arc::new(Int32Array::from(vec![3593, 3593]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let file = std::fs::File::create(folder.join("part-00000.parquet")).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
}

#[test]
fn where_we_differ_from_both_is_told_in_the_docs() {
    let docs = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sql.md"))
        .expect("docs/sql.md");
    let Some(python) = python("our own answers") else { return };
    let lake = tempfile::tempdir().expect("a folder");
    theirs(&python, "answer.py", lake.path(), &[]);
    let session = Session::open(lake.path()).expect("a lake");
    for (notes, sql) in noted(&read("ours.sql"), &["docs", "answer"]) {
        assert!(docs.contains(notes[0]), "docs/sql.md does not say {:?}", notes[0]);
        let expected: Value = serde_json::from_str(notes[1]).expect("an answer is JSON");
        let answer = ours(&session, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(alike(&json!(answer), &expected), "{sql}: {}", json!(answer));
    }
}

#[test]
fn values_are_in_no_message() {
    let lake = tempfile::tempdir().expect("a folder");
    small_lake(lake.path());
    let session = Session::open(lake.path()).expect("a lake");
    for sql in [
        "SELECT CAST(first_name AS INTEGER) FROM users_transformed",
        "SELECT CAST(first_name AS DATE) FROM users_transformed",
        "SELECT CAST(first_name AS TIMESTAMP) FROM users_transformed",
        "SELECT CAST(first_name AS BOOLEAN) FROM users_transformed",
        "SELECT CAST(first_name AS DECIMAL(5, 2)) FROM users_transformed",
        "SELECT first_name + 1 FROM users_transformed",
        "SELECT TO_DATE(first_name, 'YYYY-MM-DD') FROM users_transformed",
        "SELECT TO_TIMESTAMP(first_name) FROM users_transformed",
        "SELECT SUM(CAST(first_name AS BIGINT)) FROM users_transformed",
        "SELECT CAST(first_name AS INTERVAL) FROM users_transformed",
    ] {
        let error = ours(&session, sql).expect_err(sql);
        assert!(!format!("{error} {error:?}").contains("Secretia"), "{sql}: {error:?}");
    }
    let error =
        ours(&session, "SELECT CAST(first_name AS INTEGER) FROM users_transformed").expect_err("a text");
    assert!(error.to_string().contains("TRY_CAST"), "{error}");
    assert_eq!(error.state(), "22P02");
}

/// So many that DataFusion stops to group them before it sends them on.
#[test]
fn percentiles_of_nearly_as_many_groups_as_rows_are_found() {
    let lake = tempfile::tempdir().expect("a folder");
    let session = Session::open(lake.path()).expect("a lake");
    let sql = "SELECT COUNT(*) AS groups, SUM(p) AS total FROM \
               (SELECT x, percentile_cont(0.25) WITHIN GROUP (ORDER BY x) AS p FROM generate_series(1, 400000) AS t(x) GROUP BY x)";
    let rows = ours(&session, sql).expect(sql);
    assert!(alike(&json!(rows), &json!([[400_000, 80_000_200_000.0]])), "{rows:?}");
}
