//! A lake whose users have a history: days published, replaced, a column added, rolled back; and what was published at each time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use datafusion::arrow::array::{ArrayRef, Date32Array, Int32Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::Schema;
use datafusion::parquet::arrow::ArrowWriter;
use millrace_iceberg::{
    Catalogue, Commit, DataFile, Definition, LakeTables, Outcome, Partitioning, Table, measure, place,
};
use millrace_lake::{FolderStore, Key, Store};
use millrace_sql::{Cell, QueryError, Session};
use millrace_tables::tables;
use tokio::runtime::Runtime;

pub(crate) const USERS: &str = "users_transformed";
/// Not there at first.
pub(crate) const ADDED: &str = "age_years";
/// What snapshots are compared by.
pub(crate) const COLUMNS: &str = "id, country, processing_date";

pub(crate) fn at(hour: i64) -> DateTime<Utc> {
    "2026-03-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::hours(hour)
}

pub(crate) fn day(n: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 2, n).unwrap()
}

/// `(id, country, age)`.
pub(crate) type User = (&'static str, &'static str, i32);

/// A moment of the table.
pub(crate) struct Moment {
    /// From when on.
    pub(crate) hour: i64,
    pub(crate) snapshot: i64,
    /// What the plain table answered then.
    pub(crate) rows: Vec<String>,
}

pub(crate) struct HistoryLake {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) session: Session,
    pub(crate) table: Table,
    pub(crate) runtime: Runtime,
    pub(crate) moments: Vec<Moment>,
}

pub(crate) fn ask(session: &Session, sql: &str) -> Result<Vec<String>, QueryError> {
    let told = |cell: &Cell| cell.to_text().unwrap_or_else(|| "–".to_owned());
    let mut lines = Vec::new();
    for batch in session.query(sql)? {
        lines.extend(batch?.rows().map(|row| row.iter().map(told).collect::<Vec<_>>().join(" ")));
    }
    Ok(lines)
}

/// The rows of `from`, and the columns that every snapshot has.
pub(crate) fn rows_of(from: &str) -> String {
    format!("SELECT {COLUMNS} FROM {from} ORDER BY processing_date, id")
}

fn plain_key(of: NaiveDate) -> Key {
    Key::new(format!("curated/{USERS}/processing_date={of}/part-00000.parquet")).unwrap()
}

fn publish(root: &Path, of: NaiveDate, users: &[User], with_added: bool) {
    let texts = |value: fn(&User) -> &'static str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(users.iter().map(value)))
    };
    let days = Date32Array::from(vec![of.to_epoch_days(); users.len()]);
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("id", texts(|user| user.0)),
        ("country", texts(|user| user.1)),
        ("processing_date", Arc::new(days)),
    ];
    if with_added {
        columns.push((ADDED, Arc::new(Int32Array::from_iter_values(users.iter().map(|user| user.2)))));
    }
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    );
    let batch = batch.unwrap();
    let path = root.join(plain_key(of).as_str());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let hidden = path.with_file_name(".new");
    let file = std::fs::File::create(&hidden).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    std::fs::rename(hidden, path).unwrap();
}

impl HistoryLake {
    /// Without a snapshot.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let store: Arc<dyn Store> = Arc::new(FolderStore::new(folder.path()));
        let all = &tables().iter().find(|table| table.name() == USERS).unwrap().schema;
        let first = all.fields().iter().filter(|field| field.name() != ADDED).cloned();
        let schema = Schema::new(first.collect::<Vec<_>>());
        let table = runtime.block_on(async {
            let tables = LakeTables::begin(&store, Catalogue::Files, None).await.unwrap();
            let table = tables.table(USERS).unwrap();
            let definition = Definition {
                schema: &schema,
                partitioning: Partitioning::Date("processing_date".to_owned()),
                sorted_by: vec!["id".to_owned()],
                properties: BTreeMap::new(),
            };
            assert!(table.create(&definition, at(0)).await.unwrap());
            table
        });
        let session = Session::open(folder.path()).unwrap();
        Self { folder, session, table, runtime, moments: Vec::new() }
    }

    /// Four days, the first of them twice, the third with a column more; rolled back before the fourth.
    pub(crate) fn filled() -> Self {
        let mut lake = Self::empty();
        let first: &[User] = &[("u1", "Norway", 30), ("u2", "Chile", 40)];
        lake.publish(10, day(1), first, false);
        lake.publish(11, day(2), &[("u1", "Norway", 31), ("u3", "Spain", 25)], false);
        lake.publish(12, day(1), &[("u1", "Denmark", 30)], false);
        let all = &tables().iter().find(|table| table.name() == USERS).unwrap().schema;
        let added = lake.runtime.block_on(lake.table.add_columns(all, at(12))).unwrap();
        assert_eq!(added, [ADDED]);
        lake.publish(13, day(3), &[("u1", "Norway", 32), ("u4", "Spain", 50)], true);
        let target = lake.moments[1].snapshot;
        lake.runtime.block_on(lake.table.roll_back(target, at(14))).unwrap();
        // What is published is as it was then too.
        let root = lake.folder.path().to_owned();
        publish(&root, day(1), first, false);
        std::fs::remove_file(root.join(plain_key(day(3)).as_str())).unwrap();
        let rows = ask(&lake.session, &rows_of(USERS)).unwrap();
        lake.moments.push(Moment { hour: 14, snapshot: target, rows });
        lake.publish(15, day(4), &[("u5", "Chile", 60)], true);
        lake
    }

    /// Publishes a day of users and commits it.
    pub(crate) fn publish(&mut self, hour: i64, of: NaiveDate, users: &[User], with_added: bool) {
        publish(self.folder.path(), of, users, with_added);
        let snapshot = self.runtime.block_on(async {
            // The day is in no part of its place.
            let key = Key::new(format!("iceberg/{USERS}/data/{hour:02}-run.parquet")).unwrap();
            let file = self.data_file(&key, of).await;
            let commit = Commit {
                id: format!("run-{hour}"),
                started: at(hour),
                now: at(hour),
                summary: BTreeMap::new(),
            };
            match self.table.replace_day(of, vec![file], &commit).await.unwrap() {
                Outcome::Committed(snapshot) => snapshot,
                other => panic!("{other:?}"),
            }
        });
        let rows = ask(&self.session, &rows_of(USERS)).unwrap();
        self.moments.push(Moment { hour, snapshot, rows });
    }

    async fn data_file(&self, key: &Key, of: NaiveDate) -> DataFile {
        let warehouse = self.table.warehouse();
        let metadata = self.table.load().await.unwrap().metadata;
        place(warehouse.store().as_ref(), &plain_key(of), key).await.unwrap();
        measure(warehouse, key, &metadata, of, &BTreeSet::from(["id".to_owned()])).await.unwrap()
    }

    /// Where the data file of the run of this hour is.
    pub(crate) fn data_path(&self, hour: i64) -> std::path::PathBuf {
        self.folder.path().join(format!("iceberg/{USERS}/data/{hour:02}-run.parquet"))
    }

    pub(crate) fn lines(&self, sql: &str) -> Vec<String> {
        ask(&self.session, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub(crate) fn error(&self, sql: &str) -> QueryError {
        match ask(&self.session, sql) {
            Err(error) => error,
            Ok(rows) => panic!("{sql} is answered: {rows:?}"),
        }
    }
}
