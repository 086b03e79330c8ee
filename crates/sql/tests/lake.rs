//! A lake as statements see it: raw rows once, views, files that go while they are read.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use millrace_sql::{Access, Cancel, Cell, Limits, QueryError, Session};

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let hidden = path.with_file_name(".new");
    let mut writer =
        ArrowWriter::try_new(File::create(&hidden).expect("a file"), batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
    std::fs::rename(hidden, path).expect("a name");
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn users(lake: &Path, day: &str) -> PathBuf {
    lake.join(format!("curated/users_transformed/processing_date={day}/part-00000.parquet"))
}

fn object(lake: &Path, first: i64, last: i64) -> PathBuf {
    let name = format!("users_created-g1-00000-{first:020}-{last:020}.parquet");
    lake.join("raw/users/date=2026-01-31/hour=00").join(name)
}

fn land(lake: &Path, first: i64, last: i64) -> PathBuf {
    let path = object(lake, first, last);
    let count = (last - first + 1) as usize;
    let instants = (first..=last).map(|offset| 1_769_817_600_000_000 + offset);
    write(
        &path,
        vec![
            (
                "user_id",
                Arc::new(StringArray::from_iter_values((first..=last).map(|offset| format!("u{offset}")))),
            ),
            ("_topic", texts(&vec!["users_created"; count])),
            ("_generation", texts(&vec!["g1"; count])),
            ("_partition", Arc::new(Int32Array::from(vec![0; count]))),
            ("_offset", Arc::new(Int64Array::from_iter_values(first..=last))),
            (
                "_timestamp",
                Arc::new(TimestampMicrosecondArray::from_iter_values(instants).with_timezone("UTC")),
            ),
        ],
    );
    path
}

fn ask(session: &Session, sql: &str) -> Result<Vec<Vec<Cell>>, QueryError> {
    let mut rows = Vec::new();
    for batch in session.query(sql)? {
        rows.extend(batch?.rows());
    }
    Ok(rows)
}

fn lines(session: &Session, sql: &str) -> Vec<String> {
    let told = |cell: &Cell| cell.to_text().unwrap_or_else(|| "–".to_owned());
    let rows = ask(session, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.iter().map(told).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_table_that_is_not_there_is_told_by_its_name() {
    let lake = tempfile::tempdir().unwrap();
    let session = Session::open(lake.path()).unwrap();
    for (sql, name) in [
        ("SELECT * FROM user_transformed", "user_transformed"),
        ("SELECT * FROM raw_users AS u JOIN nobody AS n ON u.user_id = n.user_id", "nobody"),
        ("WITH a AS (SELECT * FROM raw_user) SELECT * FROM a", "raw_user"),
        ("SELECT * FROM \"Raw_Users\"", "Raw_Users"),
    ] {
        match session.query(sql) {
            Err(QueryError::NoTable { name: told, known, .. }) => {
                assert_eq!(told, name, "{sql}");
                for table in ["raw_users", "users_transformed", "dim_user_demographics_current"] {
                    assert!(known.iter().any(|known| known == table), "{table}");
                }
            }
            other => panic!("{sql}: {:?}", other.map(|_| ())),
        }
    }
    for sql in [
        "SELECT COUNT(*) AS n FROM Users_Transformed",
        "SELECT COUNT(*) AS n FROM lake.public.raw_users",
        "SELECT COUNT(*) AS n FROM dim_user_demographics_history",
        "SELECT USER_ID FROM raw_users WHERE User_Id IN (SELECT id FROM users_transformed)",
        "SHOW TABLES",
        "DESCRIBE raw_users",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT COUNT(*) FROM raw_users",
    ] {
        assert!(ask(&session, sql).is_ok(), "{sql}: {:?}", ask(&session, sql).err());
    }
}

#[test]
fn raw_objects_that_overlap_give_each_position_once() {
    let lake = tempfile::tempdir().unwrap();
    for (first, last) in [(0, 9), (5, 14), (14, 14), (20, 29)] {
        land(lake.path(), first, last);
    }
    let session = Session::open(lake.path()).unwrap();
    let rows =
        ask(&session, "SELECT COUNT(*), COUNT(DISTINCT _offset), SUM(_offset) FROM raw_users").unwrap();
    let sum = (0..15).chain(20..30).sum::<i128>();
    assert_eq!(rows, [[Cell::Int(25), Cell::Int(25), Cell::Int(sum)]]);
    let table = session.table("raw_users").unwrap().unwrap();
    assert_eq!(session.rows_in_files(&table).unwrap(), 31);
    assert_eq!(table.newest_date().map(|day| day.to_string()).as_deref(), Some("2026-01-31"));
}

#[test]
fn only_objects_that_may_overlap_are_compared() {
    let lake = tempfile::tempdir().unwrap();
    for (first, last) in [(0, 9), (10, 19), (20, 29)] {
        land(lake.path(), first, last);
    }
    let session = Session::open(lake.path()).unwrap();
    let plan = |session: &Session| lines(session, "EXPLAIN SELECT user_id FROM raw_users").join("\n");
    assert!(!plan(&session).contains("Window"), "{}", plan(&session));
    land(lake.path(), 15, 22);
    let told = plan(&session);
    assert!(told.contains("BoundedWindowAggExec"), "{told}");
    let alone = told.lines().find(|line| line.contains("00000000000000000000-00000000000000000009"));
    let alone = alone.unwrap_or_else(|| panic!("{told}"));
    assert!(!alone.contains("_rank") && !alone.contains("00000000000000000019"), "{alone}");
}

#[test]
fn files_are_picked_by_the_days_and_hours_in_their_places() {
    let lake = tempfile::tempdir().unwrap();
    for (day, number) in [("2026-01-29", 20_482), ("2026-01-30", 20_483), ("2026-01-31", 20_484)] {
        write(
            &users(lake.path(), day),
            vec![("id", texts(&["a"])), ("processing_date", Arc::new(Date32Array::from(vec![number])))],
        );
    }
    // Nobody can read it: whoever opens it fails.
    std::fs::write(users(lake.path(), "2026-01-29"), "no Parquet").unwrap();
    let late = land(lake.path(), 0, 9);
    let other = lake.path().join("raw/users/date=2026-01-30/hour=23").join(late.file_name().unwrap());
    std::fs::create_dir_all(other.parent().unwrap()).unwrap();
    std::fs::write(&other, "no Parquet").unwrap();
    let session = Session::open(lake.path()).unwrap();
    for sql in [
        "SELECT COUNT(*) FROM users_transformed WHERE processing_date = DATE '2026-01-31'",
        "SELECT COUNT(*) FROM users_transformed WHERE processing_date >= '2026-01-30' AND id = 'a'",
        "SELECT COUNT(*) FROM users_transformed_latest",
    ] {
        assert!(ask(&session, sql).is_ok(), "{sql}: {:?}", ask(&session, sql).err());
    }
    let error = ask(&session, "SELECT COUNT(*) FROM users_transformed").unwrap_err();
    assert!(error.to_string().contains("2026-01-29/part-00000.parquet"), "{error}");
    let error = ask(&session, "SELECT COUNT(*) FROM raw_users").unwrap_err();
    assert!(error.to_string().contains("hour=23"), "{error}");
    std::fs::rename(
        &other,
        other.with_file_name("users_created-g1-00000-00000000000000000100-00000000000000000100.parquet"),
    )
    .unwrap();
    let sql = "SELECT COUNT(*) FROM raw_users WHERE _timestamp >= TIMESTAMP '2026-01-31 00:00:00'";
    assert_eq!(ask(&session, sql).unwrap(), [[Cell::Int(10)]]);
}

#[test]
fn columns_are_those_that_the_table_states() {
    let lake = tempfile::tempdir().unwrap();
    let path = users(lake.path(), "2026-01-31");
    write(&path, vec![("id", texts(&["a"])), ("shoe_size", Arc::new(Int32Array::from(vec![44])))]);
    let session = Session::open(lake.path()).unwrap();
    assert_eq!(lines(&session, "SELECT id, country FROM users_transformed"), ["a –"]);
    let error = ask(&session, "SELECT shoe_size FROM users_transformed").unwrap_err();
    assert!(error.to_string().contains("there is no column shoe_size"), "{error}");
    assert_eq!(error.state(), "42703");

    write(&path, vec![("id", texts(&["a"])), ("age_years", texts(&["old"]))]);
    let error = ask(&session, "SELECT id FROM users_transformed").unwrap_err().to_string();
    assert!(
        error.contains("age_years is string, and the table's is int32") && !error.contains("old"),
        "{error}"
    );
}

#[test]
fn columns_and_tables_of_a_later_version_are_there() {
    let lake = tempfile::tempdir().unwrap();
    land(lake.path(), 0, 1);
    let path = object(lake.path(), 2, 2);
    write(
        &path,
        vec![
            ("_topic", texts(&["users_created"])),
            ("_generation", texts(&["g1"])),
            ("_partition", Arc::new(Int32Array::from(vec![0]))),
            ("_offset", Arc::new(Int64Array::from(vec![2]))),
            ("loyalty", texts(&["gold"])),
        ],
    );
    write(
        &lake.path().join("analytics/dim_later/processing_date=2026-01-31/part-00000.parquet"),
        vec![("n", Arc::new(Int64Array::from(vec![7])) as ArrayRef)],
    );
    let session = Session::open(lake.path()).unwrap();
    assert_eq!(lines(&session, "SELECT loyalty FROM raw_users ORDER BY _offset"), ["–", "–", "gold"]);
    assert_eq!(lines(&session, "SELECT n FROM dim_later"), ["7"]);
    assert!(session.lake().unwrap().table("dim_later").is_some());
    assert!(lines(&session, "SHOW TABLES").iter().any(|line| line.contains("dim_later")));
}

#[test]
fn sums_and_products_fail_where_they_do_not_fit() {
    let lake = tempfile::tempdir().unwrap();
    let ages: ArrayRef = Arc::new(Int32Array::from(vec![i32::MAX; 3]));
    write(&users(lake.path(), "2026-01-31"), vec![("account_age_days", ages)]);
    let session = Session::open(lake.path()).unwrap();
    let rows = ask(&session, "SELECT SUM(account_age_days), 1 - COUNT(*) FROM users_transformed").unwrap();
    assert_eq!(rows, [[Cell::Int(3 * i128::from(i32::MAX)), Cell::Int(-2)]]);
    for sql in [
        "SELECT account_age_days * account_age_days AS a FROM users_transformed",
        "SELECT account_age_days + account_age_days AS a FROM users_transformed",
        "SELECT -account_age_days - account_age_days AS a FROM users_transformed",
        "SELECT 9223372036854775807 + 1 AS a",
        "SELECT SUM(x) AS a FROM (VALUES (9223372036854775807), (1)) AS t(x)",
        "SELECT g, SUM(x) AS a FROM (VALUES (1, 9223372036854775807), (1, 1)) AS t(g, x) GROUP BY g",
        "SELECT SUM(x) OVER (ORDER BY x) AS a FROM (VALUES (9223372036854775807), (1)) AS t(x)",
        "SELECT COUNT(*) AS n FROM users_transformed WHERE account_age_days * 2147483647 * 2147483647 > 0",
    ] {
        let error = ask(&session, sql).expect_err(sql);
        assert_eq!(error.state(), "22003", "{sql}: {error}");
    }
    // On its way a total may be larger than what comes out.
    let sql = "SELECT SUM(x) AS a FROM (VALUES (9223372036854775807), (5), (-6)) AS t(x)";
    assert_eq!(lines(&session, sql), ["9223372036854775806"]);
}

fn versions(lake: &Path, day: i32, versions: &[(&str, &str)]) {
    let date = chrono::NaiveDate::from_epoch_days(day).expect("a day");
    write(
        &lake.join(format!("analytics/dim_user_demographics/processing_date={date}/part-00000.parquet")),
        vec![
            ("user_id", texts(&versions.iter().map(|version| version.0).collect::<Vec<_>>())),
            ("country", texts(&versions.iter().map(|version| version.1).collect::<Vec<_>>())),
            ("processing_date", Arc::new(Date32Array::from(vec![day; versions.len()]))),
            ("is_current", Arc::new(BooleanArray::from(vec![true; versions.len()]))),
        ],
    );
}

#[test]
fn the_dimension_tells_what_holds_and_what_held() {
    let lake = tempfile::tempdir().unwrap();
    versions(lake.path(), 10, &[("a", "Norway"), ("b", "Norway"), ("c", "Chile")]);
    versions(lake.path(), 11, &[("a", "Denmark")]);
    versions(lake.path(), 13, &[("a", "Norway"), ("b", "Chile"), ("d", "Chile")]);
    let session = Session::open(lake.path()).unwrap();
    let all = "SELECT user_id, country FROM dim_user_demographics_current ORDER BY user_id";
    assert_eq!(lines(&session, all), ["a Norway", "b Chile", "c Chile", "d Chile"]);
    // b was in Norway, and is not any more: what is asked of a view is not asked of the versions before.
    let norway =
        "SELECT user_id FROM dim_user_demographics_current WHERE country = 'Norway' ORDER BY user_id";
    assert_eq!(lines(&session, norway), ["a"]);
    let early =
        "SELECT COUNT(*) AS n FROM dim_user_demographics_current WHERE processing_date < DATE '1970-01-14'";
    assert_eq!(lines(&session, early), ["1"], "c alone has had no version since");
    let history = "SELECT user_id, country, valid_from, valid_to, is_current FROM dim_user_demographics_history \
                   ORDER BY user_id, valid_from";
    let expected = [
        "a Norway 1970-01-11 1970-01-12 false",
        "a Denmark 1970-01-12 1970-01-14 false",
        "a Norway 1970-01-14 – true",
        "b Norway 1970-01-11 1970-01-14 false",
        "b Chile 1970-01-14 – true",
        "c Chile 1970-01-11 – true",
        "d Chile 1970-01-14 – true",
    ];
    assert_eq!(lines(&session, history), expected);
    let columns = |view: &str| session.query(&format!("SELECT * FROM {view}")).unwrap().columns();
    assert_eq!(columns("dim_user_demographics_current"), columns("dim_user_demographics"));
    assert_eq!(columns("users_transformed_latest"), columns("users_transformed"));
}

#[test]
fn views_are_called_as_in_snowflake() {
    let mut created: Vec<_> = [
        include_str!("../../../sql/021_views_latest_day.sql"),
        include_str!("../../../sql/022_views_dimension.sql"),
    ]
    .iter()
    .flat_map(|script| script.lines())
    // The newest day's are made by a procedure, of texts in it.
    .filter_map(|line| line.split_once("CREATE OR REPLACE VIEW &{database}."))
    .filter_map(|(_, line)| line.split([' ', '.']).nth(1).map(str::to_owned))
    .collect();
    let lake = tempfile::tempdir().unwrap();
    let lake = Session::open(lake.path()).unwrap().lake().unwrap();
    let mut known: Vec<_> = lake.views().collect();
    created.sort();
    known.sort();
    assert_eq!(known, created);
}

#[test]
fn an_answer_under_way_does_not_see_its_objects_go_or_change() {
    let lake = tempfile::tempdir().unwrap();
    let (first, second) = (land(lake.path(), 0, 99_999), land(lake.path(), 100_000, 199_999));
    let session = Session::open(lake.path()).unwrap();
    let mut answer = session.query("SELECT _offset FROM raw_users").unwrap();
    let mut seen = answer.next().unwrap().unwrap().len();
    std::fs::remove_file(first).unwrap();
    land(lake.path(), 0, 0);
    std::fs::rename(object(lake.path(), 0, 0), second).unwrap();
    for batch in answer {
        seen += batch.unwrap().len();
    }
    assert_eq!(seen, 200_000);
}

#[test]
fn queries_beside_a_compaction_see_each_row_once() {
    let lake = tempfile::tempdir().unwrap();
    land(lake.path(), 0, 9);
    let session = Session::open(lake.path()).unwrap();
    let landed = AtomicI64::new(10);
    let marks = lake.path().join("_compactions");
    std::fs::create_dir_all(&marks).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // As a compaction does: the large object, the mark, then the small ones go.
            for round in 1..40 {
                let small = land(lake.path(), round * 10, round * 10 + 9);
                landed.store(round * 10 + 10, Ordering::SeqCst);
                land(lake.path(), 0, round * 10 + 9);
                let hidden = marks.join(".mark");
                std::fs::write(&hidden, round.to_string()).unwrap();
                std::fs::rename(hidden, marks.join("users.json")).unwrap();
                std::fs::remove_file(small).unwrap();
                std::fs::remove_file(object(lake.path(), 0, round * 10 - 1)).unwrap();
            }
            landed.store(i64::MAX, Ordering::SeqCst);
        });
        loop {
            let before = landed.load(Ordering::SeqCst);
            let sql = "SELECT COUNT(*), COUNT(DISTINCT _offset), SUM(_offset) FROM raw_users";
            let answer = ask(&session, sql).unwrap();
            let [Cell::Int(rows), Cell::Int(distinct), Cell::Int(sum)] = answer[0].as_slice() else {
                panic!("{answer:?}")
            };
            assert_eq!(rows, distinct, "a row twice");
            assert_eq!(*sum, (0..*rows).sum::<i128>(), "not the first rows");
            if before == i64::MAX {
                assert_eq!(*rows, 400);
                break;
            }
            assert!(*rows >= i128::from(before), "{rows} of {before} rows");
        }
    });
}

#[test]
fn who_may_not_read_of_persons_sees_no_such_table() {
    let lake = tempfile::tempdir().unwrap();
    write(&users(lake.path(), "2026-01-31"), vec![("id", texts(&["a"]))]);
    let session = Session::open(lake.path()).unwrap();
    let ask = |sql: &str| {
        session
            .engine()
            .query(sql, Access::WithoutPersons, &Cancel::default())
            .map(|answer| answer.map(|batch| batch.unwrap().len()).sum::<usize>())
    };
    for table in
        ["raw_users", "users_transformed", "users_transformed_latest", "dim_user_demographics_history"]
    {
        let error = ask(&format!("SELECT COUNT(*) FROM {table}")).unwrap_err();
        assert_eq!(error.state(), "42501", "{table}: {error}");
        let listed =
            ask(&format!("SELECT 1 FROM information_schema.tables WHERE table_name = '{table}'")).unwrap();
        assert_eq!(listed, 0, "{table} is listed");
    }
    assert_eq!(ask("SELECT COUNT(*) FROM fact_age_generation_analysis").unwrap(), 1);
}

#[test]
fn statements_are_held_to_memory_and_time() {
    let lake = tempfile::tempdir().unwrap();
    land(lake.path(), 0, 199_999);
    let store = || Arc::new(millrace_lake::FolderStore::new(lake.path()));
    let limits = Limits { memory: 32 << 20, ..Limits::default() };
    let session = Session::over(store(), &limits).unwrap();
    // Sorting spills.
    let sorted = "SELECT user_id, _offset FROM raw_users ORDER BY user_id DESC, _offset";
    assert_eq!(session.query(sorted).unwrap().map(|batch| batch.unwrap().len()).sum::<usize>(), 200_000);
    let joined = "SELECT COUNT(*) FROM raw_users a JOIN raw_users b ON a.user_id = b.user_id AND a._offset < b._offset + 1";
    let failed = session
        .query(joined)
        .and_then(|answer| answer.map(|batch| batch.map(|_| ())).collect::<Result<Vec<_>, _>>());
    if let Err(error) = failed {
        assert_eq!(error.state(), "53200", "{error}");
    }
    let limits = Limits { timeout: Some(std::time::Duration::from_millis(300)), ..Limits::default() };
    let session = Session::over(store(), &limits).unwrap();
    let heavy = "SELECT SUM(a._offset % 7 * b._offset % 3) FROM raw_users a CROSS JOIN raw_users b";
    let error = ask(&session, heavy).unwrap_err();
    assert_eq!(error.state(), "57014", "{error}");
    assert_eq!(lines(&session, "SELECT 1"), ["1"], "the next statement is answered");
}

#[test]
fn an_answer_that_is_dropped_midway_stops() {
    let lake = tempfile::tempdir().unwrap();
    land(lake.path(), 0, 99_999);
    let session = Session::open(lake.path()).unwrap();
    let mut answer = session.query("SELECT user_id FROM raw_users").unwrap();
    assert!(!answer.next().unwrap().unwrap().is_empty());
    drop(answer);
    assert_eq!(lines(&session, "SELECT 1"), ["1"]);
}

#[test]
fn parquet_answers_are_whole_and_carry_utc() {
    let lake = tempfile::tempdir().unwrap();
    land(lake.path(), 0, 99_999);
    let session = Session::open(lake.path()).unwrap();
    let path = lake.path().join("answer.parquet");
    let answer = session.query("SELECT user_id, _timestamp FROM raw_users ORDER BY _timestamp DESC").unwrap();
    assert_eq!(answer.write_parquet(File::create(&path).unwrap()).unwrap(), 100_000);
    let read = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
    let types: Vec<String> =
        read.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(types, ["Utf8", "Timestamp(µs, \"UTC\")"]);
    assert_eq!(read.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 100_000);
}

#[test]
fn a_lake_that_is_not_there_says_what_to_run() {
    let error = Session::open(Path::new("/nowhere/lake")).unwrap_err().to_string();
    assert!(error.contains("/nowhere/lake") && error.contains("millrace run"), "{error}");
}

#[test]
fn persons_whose_erasure_is_under_way_are_in_no_answer() {
    use millrace_lake::erasure::erased_ids::Salt;
    let lake = tempfile::tempdir().unwrap();
    land(lake.path(), 0, 9);
    write(
        &users(lake.path(), "2026-01-31"),
        vec![("id", texts(&["u1", "u2"])), ("country", texts(&["Norway", "Chile"]))],
    );
    let session = Session::open(lake.path()).unwrap();
    let marker = lake.path().join("_erasures/unfinished/0123456789abcdef.json");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = millrace_lake::FolderStore::new(lake.path());
    let salt = runtime.block_on(Salt::made(&store)).unwrap();
    std::fs::create_dir_all(marker.parent().unwrap()).unwrap();
    let ids = [salt.hash("u1"), salt.hash("u7")];
    let body = serde_json::json!({"begun_at": 1, "persons": 2, "hashes": {"ids": ids, "found": []}});
    std::fs::write(&marker, body.to_string()).unwrap();
    for (sql, expected) in [
        ("SELECT COUNT(*) FROM raw_users", "8"),
        ("SELECT COUNT(*) FROM raw_users WHERE user_id = 'u7'", "0"),
        ("SELECT STRING_AGG(country, ',') FROM users_transformed", "Chile"),
        ("SELECT STRING_AGG(country, ',') FROM users_transformed_latest", "Chile"),
        ("SELECT COUNT(*) FROM users_transformed u JOIN raw_users r ON u.id = r.user_id", "1"),
    ] {
        assert_eq!(lines(&session, sql), [expected], "{sql}");
    }
    std::fs::remove_file(&marker).unwrap();
    assert_eq!(lines(&session, "SELECT COUNT(*) FROM raw_users"), ["10"]);
}

#[test]
fn the_damaged_file_is_named() {
    let lake = tempfile::tempdir().unwrap();
    let paths = [land(lake.path(), 0, 49_999), land(lake.path(), 50_000, 99_999)];
    let session = Session::open(lake.path()).unwrap();
    let whole = std::fs::read(&paths[1]).unwrap();
    let mut torn = whole.clone();
    let middle = torn.len() / 3;
    torn[middle..middle + 4_000].fill(0xA5);
    for bytes in [&torn[..], &whole[..whole.len() / 2]] {
        std::fs::write(&paths[1], bytes).unwrap();
        let error = ask(&session, "SELECT * FROM raw_users").unwrap_err();
        assert!(
            error.to_string().contains("00000000000000099999.parquet is no readable Parquet file"),
            "{error}"
        );
    }
}
