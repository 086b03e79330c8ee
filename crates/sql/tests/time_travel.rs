//! Tables as they were: each snapshot answers what was published at its time.

#![allow(clippy::unwrap_used)]

mod history;

use chrono::Duration;
use history::{ADDED, COLUMNS, HistoryLake, USERS, ask, at, day, rows_of};
use millrace_iceberg::Retention;
use millrace_sql::wire::{Server, ServerSettings};
use millrace_sql::{Access, Cancel, QueryError, Session, Statements};
use tokio_postgres::{NoTls, SimpleQueryMessage};

#[test]
fn each_snapshot_answers_what_was_published_at_its_time() {
    let lake = HistoryLake::filled();
    let newest = &lake.moments.last().unwrap().rows;
    assert!(lake.moments.iter().filter(|moment| moment.rows == *newest).count() == 1, "they differ");
    for moment in &lake.moments {
        let by_id = rows_of(&format!("{USERS} VERSION AS OF {}", moment.snapshot));
        assert_eq!(lake.lines(&by_id), moment.rows, "snapshot of {} o'clock", moment.hour);
        for instant in [at(moment.hour), at(moment.hour) + Duration::minutes(59)] {
            let text = instant.format("%Y-%m-%d %H:%M:%S");
            for literal in
                [format!("'{text}'"), format!("TIMESTAMP '{text}'"), format!("'{}'", instant.to_rfc3339())]
            {
                let by_time = rows_of(&format!("{USERS} TIMESTAMP AS OF {literal}"));
                assert_eq!(lake.lines(&by_time), moment.rows, "{literal}");
            }
        }
    }
    // What is called the same instant elsewhere, and what is yet to come.
    let berlin = rows_of(&format!("{USERS} TIMESTAMP AS OF '2026-03-01 11:30:00+01:00'"));
    assert_eq!(lake.lines(&berlin), lake.moments[0].rows);
    assert_eq!(lake.lines(&rows_of(&format!("{USERS} TIMESTAMP AS OF '2030-01-01'"))), *newest);
    // Text of an id is as good, names in any case are, and so is where the table lies.
    let id = lake.moments[2].snapshot;
    for from in [
        format!("{USERS} version as of '{id}'"),
        format!("Users_Transformed Version As /* then */ Of\n{id}"),
        format!("lake.public.{USERS} VERSION AS OF {id}"),
        format!("\"{USERS}\" VERSION AS OF {id} AS u"),
    ] {
        assert_eq!(lake.lines(&rows_of(&from)), lake.moments[2].rows, "{from}");
    }
}

#[test]
fn columns_are_those_of_the_snapshot() {
    let lake = HistoryLake::filled();
    let [early, late] = [0, 3].map(|moment| lake.moments[moment].snapshot);
    let described = |what: &str| lake.lines(&format!("DESCRIBE {what}"));
    let now = described(USERS);
    let (old, new) = (
        described(&format!("{USERS} VERSION AS OF {early}")),
        described(&format!("{USERS} VERSION AS OF {late}")),
    );
    let without: Vec<_> = now.iter().filter(|line| !line.starts_with(ADDED)).cloned().collect();
    assert_eq!(old, without, "with the table's types");
    assert_eq!(new.len(), now.len());
    let error = lake.error(&format!("SELECT {ADDED} FROM {USERS} VERSION AS OF {early}"));
    assert_eq!(error.state(), "42703", "{error}");
    let sql = format!("SELECT id, {ADDED} FROM {USERS} VERSION AS OF {late} ORDER BY processing_date, id");
    assert_eq!(lake.lines(&sql), ["u1 –", "u1 –", "u3 –", "u1 32", "u4 50"]);
}

#[test]
fn versions_stand_wherever_tables_do() {
    let lake = HistoryLake::filled();
    let [a, b, c] = [0, 1, 2].map(|moment| lake.moments[moment].snapshot);
    for (sql, expected) in [
        // Two versions of one table, one of them without a name of its own.
        (
            format!(
                "SELECT a.id, a.country, b.country FROM {USERS} VERSION AS OF {b} a JOIN {USERS} VERSION AS OF {c} b \
                 ON a.id = b.id AND a.processing_date = b.processing_date WHERE a.country <> b.country"
            ),
            vec!["u1 Norway Denmark"],
        ),
        (
            format!(
                "SELECT {USERS}.id FROM {USERS} VERSION AS OF {a} LEFT JOIN {USERS} TIMESTAMP AS OF '2026-03-01 12:00:00' AS later \
                 USING (id, processing_date) WHERE later.country IS NULL"
            ),
            vec!["u2"],
        ),
        // Beside the table as it is.
        (
            format!("SELECT COUNT(*) FROM {USERS} VERSION AS OF {a} AS a, {USERS} WHERE a.id = {USERS}.id"),
            vec!["3"],
        ),
        (
            format!(
                "WITH then AS (SELECT * FROM {USERS} VERSION AS OF {a}) SELECT id FROM then WHERE id NOT IN \
                 (SELECT id FROM {USERS} VERSION AS OF {c}) ORDER BY id"
            ),
            vec!["u2"],
        ),
        (
            format!(
                "SELECT id FROM {USERS} VERSION AS OF {b} EXCEPT SELECT id FROM (SELECT id FROM {USERS} VERSION AS OF {a}) x"
            ),
            vec!["u3"],
        ),
        (
            format!(
                "SELECT (SELECT COUNT(*) FROM {USERS} VERSION AS OF {a}) AS a, (SELECT COUNT(*) FROM {USERS} VERSION AS OF {b}) AS b"
            ),
            vec!["2 4"],
        ),
        (
            format!("SELECT 1 WHERE ('u2', 'Chile') IN (SELECT id, country FROM {USERS} VERSION AS OF {a})"),
            vec!["1"],
        ),
        // The newest day of that time.
        (format!("SELECT id FROM {USERS}_latest VERSION AS OF {b} ORDER BY id"), vec!["u1", "u3"]),
        (
            format!("SELECT id FROM {USERS}_latest TIMESTAMP AS OF '2026-03-01 10:00:00' ORDER BY id"),
            vec!["u1", "u2"],
        ),
    ] {
        assert_eq!(lake.lines(&sql), expected, "{sql}");
    }
    let explained = lake.lines(&format!("EXPLAIN SELECT id FROM {USERS} VERSION AS OF {a}")).join("\n");
    assert!(explained.contains("10-run.parquet") && !explained.contains("11-run"), "{explained}");
    // The same words as names of one's own.
    for (sql, expected) in [
        ("SELECT version AS of FROM (VALUES (1)) AS t(version)", "1"),
        ("SELECT DISTINCT timestamp AS of FROM (VALUES (1)) AS t(timestamp)", "1"),
        ("SELECT timestamp.a, version.a FROM (VALUES (1)) AS timestamp(a), (VALUES (2)) version(a)", "1 2"),
        ("SELECT at.a, of.a FROM (VALUES (1)) at(a) JOIN (VALUES (2)) AS of(a) ON true", "1 2"),
        ("SELECT SUBSTRING('abc' FROM 1 FOR version) FROM (VALUES (2)) AS t(version)", "ab"),
        ("SELECT 't VERSION AS OF 3' AS a -- t VERSION AS OF 3", "t VERSION AS OF 3"),
    ] {
        assert_eq!(lake.lines(sql), [expected], "{sql}");
    }
    let plain = format!(
        "SELECT COUNT(*) FROM {USERS} timestamp JOIN {USERS} AS version ON timestamp.id = version.id"
    );
    assert_eq!(lake.lines(&plain), ["7"]);
}

#[test]
fn only_files_of_the_days_asked_for_are_opened() {
    let lake = HistoryLake::filled();
    let table = format!("{USERS} VERSION AS OF {}", lake.moments[3].snapshot);
    let explained = lake
        .lines(&format!("EXPLAIN SELECT id FROM {table} WHERE processing_date = DATE '2026-02-03'"))
        .join("\n");
    assert!(explained.contains("13-run.parquet"), "{explained}");
    assert!(!explained.contains("11-run") && !explained.contains("12-run"), "{explained}");
    assert!(explained.contains("projection=[id"), "{explained}");
    // Whoever opens it fails.
    std::fs::write(lake.data_path(11), "no Parquet").unwrap();
    let sql = format!("SELECT COUNT(*) FROM {table} WHERE processing_date <> '2026-02-02'");
    assert_eq!(lake.lines(&sql), ["3"]);
    let error = lake.error(&format!("SELECT COUNT(*) FROM {table}")).to_string();
    assert!(error.contains("11-run.parquet is no readable Parquet file"), "{error}");
}

#[test]
fn a_snapshot_that_is_not_there_names_the_oldest_that_is() {
    let lake = HistoryLake::filled();
    let oldest = lake.moments[0].snapshot.to_string();
    for clause in ["VERSION AS OF 12", "TIMESTAMP AS OF '2026-03-01 09:59:59'"] {
        let error = lake.error(&format!("SELECT * FROM {USERS} {clause}"));
        let text = error.to_string();
        assert_eq!(error.state(), "42704", "{text}");
        for part in [&oldest, "2026-03-01T10:00:00Z", "millrace tables --history users_transformed"] {
            assert!(text.contains(part), "{text}");
        }
    }
    // Expired ones too: the first two snapshots of the line go, and so does what was rolled back.
    let retention = Retention { older_than: at(15), keep_last: 1 };
    lake.runtime.block_on(lake.table.expire(retention, at(16))).unwrap();
    let error = lake.error(&rows_of(&format!("{USERS} TIMESTAMP AS OF '2026-03-01 10:30:00'"))).to_string();
    let left = lake.moments[5].snapshot.to_string();
    assert!(error.contains(&left) && error.contains("2026-03-01T15:00:00Z"), "{error}");

    let empty = HistoryLake::empty();
    let error = empty.error(&format!("SELECT * FROM {USERS} VERSION AS OF 1")).to_string();
    assert!(error.contains("none yet"), "{error}");
}

#[test]
fn tables_without_a_history_say_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let session = Session::open(folder.path()).unwrap();
    let error = ask(&session, &format!("SELECT * FROM {USERS} VERSION AS OF 1")).unwrap_err();
    assert!(error.to_string().contains("`millrace adopt`"), "{error}");
    assert_eq!(error.state(), "42704");
    let lake = HistoryLake::filled();
    let raw = lake.error("SELECT * FROM raw_users TIMESTAMP AS OF '2026-03-01'").to_string();
    assert!(raw.contains("raw_users has no Iceberg table") && raw.contains("_timestamp"), "{raw}");
    let other = lake.error("SELECT * FROM fact_geographic_analysis VERSION AS OF 1").to_string();
    assert!(
        other.contains("fact_geographic_analysis has no Iceberg table") && other.contains("adopt"),
        "{other}"
    );
    for name in ["user_transformed", "\"Users\""] {
        let error = lake.error(&format!("SELECT * FROM {name} VERSION AS OF 1"));
        let QueryError::NoTable { name: told, .. } = &error else { panic!("{error}") };
        assert_eq!(told, name.trim_matches('"'));
    }
}

#[test]
fn who_may_not_read_of_persons_reads_no_version_of_them_either() {
    let lake = HistoryLake::filled();
    let id = lake.moments[0].snapshot;
    for table in [USERS.to_owned(), format!("{USERS}_latest"), "dim_later".to_owned(), "raw_users".to_owned()]
    {
        let sql = format!("SELECT COUNT(*) FROM {table} VERSION AS OF {id}");
        let asked = lake.session.engine().query(&sql, Access::WithoutPersons, &Cancel::default());
        assert_eq!(asked.err().map(|error| error.state()), Some("42501"), "{table}");
    }
}

#[test]
fn persons_whose_erasure_is_under_way_are_in_no_version() {
    use millrace_lake::erasure::erased_ids::Salt;
    let lake = HistoryLake::filled();
    let store = millrace_lake::FolderStore::new(lake.folder.path());
    let salt = lake.runtime.block_on(Salt::made(&store)).unwrap();
    let marker = lake.folder.path().join("_erasures/unfinished/0123456789abcdef.json");
    std::fs::create_dir_all(marker.parent().unwrap()).unwrap();
    let body =
        serde_json::json!({"begun_at": 1, "persons": 1, "hashes": {"ids": [salt.hash("u1")], "found": []}});
    std::fs::write(&marker, body.to_string()).unwrap();
    let id = lake.moments[1].snapshot;
    for from in
        [format!("{USERS} VERSION AS OF {id}"), format!("{USERS} TIMESTAMP AS OF '2026-03-01 11:00:00'")]
    {
        assert_eq!(lake.lines(&format!("SELECT id FROM {from} ORDER BY id")), ["u2", "u3"]);
    }
    assert_eq!(lake.lines(&format!("SELECT id FROM {USERS}_latest VERSION AS OF {id}")), ["u3"]);
}

#[test]
fn files_that_a_vacuum_takes_meanwhile_are_asked_for_again() {
    let lake = HistoryLake::filled();
    let id = lake.moments[0].snapshot;
    let sql = rows_of(&format!("{USERS} VERSION AS OF {id}"));
    // Rows of it may be out: what is open stays.
    let mut answer = lake.session.query(&sql).unwrap();
    std::fs::remove_file(lake.data_path(10)).unwrap();
    assert_eq!(answer.by_ref().map(|batch| batch.unwrap().len()).sum::<usize>(), 2);
    let error = lake.error(&sql);
    assert_eq!(error.state(), "40001", "{error}");
    // The same of what names the data files.
    let metadata = lake.folder.path().join(format!("iceberg/{USERS}/metadata"));
    let lists = std::fs::read_dir(metadata).unwrap().map(|entry| entry.unwrap().path());
    for list in lists.filter(|path| path.extension().is_some_and(|kind| kind == "avro")) {
        std::fs::remove_file(list).unwrap();
    }
    assert_eq!(lake.error(&sql).state(), "40001");
}

#[test]
fn a_date_is_the_instant_at_which_it_begins() {
    let lake = HistoryLake::filled();
    let sql =
        format!("SELECT DISTINCT processing_date FROM {USERS} TIMESTAMP AS OF DATE '2026-03-02' ORDER BY 1");
    assert_eq!(lake.lines(&sql), [day(1), day(2), day(4)].map(|day| day.to_string()));
}

/// Rows of one column, by the simple protocol.
async fn shown(client: &tokio_postgres::Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let text = |message: SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("–").to_owned()),
        _ => None,
    };
    messages.into_iter().filter_map(text).collect()
}

#[test]
fn clients_of_postgresql_travel_too() {
    let lake = HistoryLake::filled();
    let [a, b] = [0, 1].map(|moment| lake.moments[moment].snapshot);
    lake.runtime.block_on(async {
        let settings = ServerSettings::on("127.0.0.1:0".parse().unwrap());
        let server = Server::bind(lake.session.engine().clone(), &settings).await.unwrap();
        let address = server.address();
        tokio::spawn(server.serve());
        let config = format!("host=127.0.0.1 port={} user=bi dbname=lake", address.port());
        let (client, connection) = tokio_postgres::connect(&config, NoTls).await.unwrap();
        tokio::spawn(connection);

        let old = format!("SELECT id FROM {USERS} VERSION AS OF {a} ORDER BY id");
        assert_eq!(shown(&client, &old).await, ["u1", "u2"]);
        let rows = client.query(&old, &[]).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.get::<_, &str>(0)).collect::<Vec<_>>(), ["u1", "u2"]);
        // Parameters of the rest of the statement are as ever.
        let at_time = format!("SELECT id FROM {USERS} TIMESTAMP AS OF '2026-03-01 11:00' u WHERE u.country = $1 ORDER BY 1");
        let rows = client.query(&at_time, &[&"Spain"]).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.get::<_, &str>(0)).collect::<Vec<_>>(), ["u3"]);
        let two = format!(
            "SELECT b.id FROM {USERS} VERSION AS OF {b} b LEFT JOIN {USERS} VERSION AS OF {a} a ON a.id = b.id WHERE a.id IS NULL"
        );
        assert_eq!(shown(&client, &two).await, ["u3"]);
        // What the server writes in words of its own: a cursor's query, a copy's, one beside the catalogue.
        let cursor = format!("BEGIN; DECLARE c CURSOR FOR {old}; FETCH ALL FROM c; COMMIT");
        assert_eq!(shown(&client, &cursor).await, ["u1", "u2"]);
        let copied = client.copy_out(&format!("COPY ({old}) TO STDOUT")).await.unwrap();
        let copied: Vec<u8> = futures::TryStreamExt::try_collect::<Vec<_>>(copied).await.unwrap().concat();
        assert_eq!(copied, b"u1\nu2\n");
        let beside = format!("SELECT COUNT(*) FROM {USERS} VERSION AS OF {a} WHERE current_schema() = 'public'");
        assert_eq!(shown(&client, &beside).await, ["2"]);

        for (sql, state) in [
            (format!("SELECT id FROM {USERS} VERSION AS OF 1"), "42704"),
            (format!("SELECT id FROM {USERS} TIMESTAMP AS OF '2020-01-01'"), "42704"),
            (format!("SELECT id FROM {USERS} VERSION AS OF $1"), "42601"),
            (format!("SELECT id FROM {USERS} FOR SYSTEM_TIME AS OF '2026-03-01'"), "0A000"),
            (format!("SELECT id FROM {USERS} AT (TIMESTAMP => '2026-03-01'::timestamp)"), "0A000"),
        ] {
            let error = client.simple_query(&sql).await.unwrap_err();
            let error = error.as_db_error().unwrap();
            assert_eq!(error.code().code(), state, "{sql}: {error}");
        }
    });
}

#[test]
fn pyiceberg_reads_the_same_of_each_snapshot() {
    let Some(python) = std::env::var_os("MILLRACE_PYICEBERG_PYTHON") else {
        millrace_skips::skipped(
            "time travel against pyiceberg",
            "not asked for: cargo xtask test --with iceberg",
        );
        return;
    };
    let lake = HistoryLake::filled();
    let location = lake.runtime.block_on(lake.table.load()).unwrap().location;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/history/read_by_pyiceberg.py");
    let columns = COLUMNS.split(", ");
    let output = std::process::Command::new(python).arg(script).arg(location).args(columns).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen.as_object().unwrap().len(), 5, "snapshots");
    for (id, theirs) in seen.as_object().unwrap() {
        let mut rows = lake.lines(&rows_of(&format!("{USERS} VERSION AS OF {id}")));
        rows.sort();
        assert_eq!(serde_json::json!(rows), theirs["rows"], "{id}");
        let described = lake.lines(&format!("DESCRIBE {USERS} VERSION AS OF {id}"));
        let names: Vec<_> = described.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(serde_json::json!(names), theirs["columns"], "{id}");
    }
}

#[test]
fn the_examples_of_the_docs_are_answered() {
    let lake = HistoryLake::filled();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sql.md")).unwrap();
    let section = page.split("## Tables as they were\n").nth(1).unwrap();
    let block = section.split("```sql\n").nth(1).unwrap().split("```").next().unwrap();
    let block = block.replace("1234567890", &lake.moments[0].snapshot.to_string());
    let answers: Vec<_> = Statements::split(&block).complete.iter().map(|sql| lake.lines(sql)).collect();
    assert_eq!(answers[0], ["u1 Norway", "u2 Chile"]);
    assert_eq!(answers[1..], [vec!["2"], vec!["u1 Norway Denmark"], vec!["Chile 1", "Norway 1"]]);
}
