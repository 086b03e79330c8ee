//! A lake that answers queries.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_lake::Store;
use polars::prelude::Schema;
use polars::sql::SQLContext;
use tokio::runtime::Handle;

use super::answer::{Answer, failed};
use super::mirror::Mirror;
use super::open_files::OpenFiles;
use super::views::{View, Wanted};
use super::{Lake, QueryError, gaps, scan};

/// How often a query begins again because objects went away between their listing and their opening.
const ATTEMPTS: usize = 100;

/// Answers queries over the tables of one lake.
#[derive(Debug, Clone)]
pub struct Session {
    root: PathBuf,
    mirror: Option<Arc<Mirror>>,
}

impl Session {
    /// Fails when there is no folder `root`.
    pub fn open(root: &Path) -> Result<Self, QueryError> {
        Lake::list(root)?;
        // It writes to standard error otherwise, between the lines of an answer.
        polars::error::set_warning_function(|warning, _| tracing::debug!(warning, "a warning of the engine"));
        Ok(Self { root: root.to_owned(), mirror: None })
    }

    /// Over a lake that is no folder: what a query names is copied into a folder of this session's own before it starts.
    /// `handle` is of a runtime with more than one thread, which outlives the session.
    pub fn over(store: Arc<dyn Store>, handle: Handle) -> Result<Self, QueryError> {
        let mirror = Arc::new(Mirror::new(store, handle)?);
        let session = Self::open(mirror.path())?;
        Ok(Self { mirror: Some(mirror), ..session })
    }

    /// The lake as it is now. One that is no folder is copied whole.
    pub fn lake(&self) -> Result<Lake, QueryError> {
        self.lake_with(|_| Wanted::All)
    }

    /// The lake as it is now, with the files that are `wanted` of a table; of a folder, with all.
    pub fn lake_with(&self, wanted: impl Fn(&str) -> Wanted) -> Result<Lake, QueryError> {
        if let Some(mirror) = &self.mirror {
            mirror.bring(wanted)?;
        }
        Lake::list(&self.root).map_err(|error| self.named(error))
    }

    /// The error, a damaged file named as the lake has it, and not as the copy that was read.
    pub fn named(&self, error: QueryError) -> QueryError {
        match error {
            QueryError::BadFile { path, source } if self.mirror.is_some() => {
                let path = path.strip_prefix(&self.root).map(Path::to_owned).unwrap_or(path);
                QueryError::BadFile { path, source }
            }
            error => error,
        }
    }

    /// Starts one query. The lake is listed anew for each, so that a run beside it is seen; what the query reads is
    /// opened before it starts, so that nothing done to the lake meanwhile shows in the answer.
    pub fn query(&self, sql: &str) -> Result<Answer, QueryError> {
        for _ in 0..ATTEMPTS {
            let lake = self.lake_with(|table| Wanted::by(sql, table))?;
            if let Some(open) = OpenFiles::of(&lake, sql).map_err(|error| self.named(error))? {
                let answer = start(sql, &lake, &open).map_err(|error| self.named(open.told(error)))?;
                return Ok(answer.over(open, self.clone()));
            }
        }
        Err(QueryError::Restless { path: self.root.clone() })
    }
}

fn start(sql: &str, lake: &Lake, open: &OpenFiles) -> Result<Answer, QueryError> {
    let statement = gaps::check(sql, lake)?;
    let mut context = SQLContext::new();
    for table in &lake.tables {
        let rows = scan::scan_table(table, open).map_err(failed)?;
        for view in table.views() {
            let rows = match view {
                View::Latest => scan::scan_table(&table.of_newest_day(), open).map_err(failed)?,
                View::Current | View::History => rows.clone(),
            };
            context.register(&view.name(&table.name), view.over(rows, &table.schema).map_err(failed)?);
        }
        context.register(&table.name, rows);
    }
    let mut query = context.execute(&statement).map_err(failed)?;
    let schema = query.collect_schema().map_err(failed)?;
    let mut query = scan::with_zone(query, &schema);
    let schema: Arc<Schema> = query.collect_schema().map_err(failed)?;
    Answer::start(query, schema)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use polars::prelude::{
        DataFrame, DataType, IntoColumn, NamedFrom, ParquetReader, ParquetWriter, SerReader, Series,
        TimeUnit, df,
    };

    use super::super::Cell;
    use super::*;

    fn write(root: &Path, name: &str, mut rows: DataFrame) {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        ParquetWriter::new(File::create(path).unwrap()).finish(&mut rows).unwrap();
    }

    fn raw(first: i64, last: i64) -> (String, DataFrame) {
        let offsets: Vec<i64> = (first..=last).collect();
        let rows = df!(
            "_topic" => vec!["users_created"; offsets.len()],
            "_generation" => vec!["g1"; offsets.len()],
            "_partition" => vec![0_i32; offsets.len()],
            "_offset" => offsets,
        );
        let name = format!(
            "raw/users/date=2026-01-31/hour=00/users_created-g1-00000-{first:020}-{last:020}.parquet"
        );
        (name, rows.unwrap())
    }

    fn ask(session: &Session, sql: &str) -> Result<Vec<Vec<Cell>>, QueryError> {
        let mut rows = Vec::new();
        for batch in session.query(sql)? {
            rows.extend(batch?.rows());
        }
        Ok(rows)
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
                Err(QueryError::NoTable { name: told, known }) => {
                    assert_eq!(told, name, "{sql}");
                    for table in ["raw_users", "users_transformed", "dim_user_demographics_current"] {
                        assert!(known.iter().any(|known| known == table), "{table}");
                    }
                }
                other => panic!("{sql}: {:?}", other.map(|_| ())),
            }
        }
        for sql in [
            "WITH a AS (SELECT user_id FROM raw_users), b AS (SELECT * FROM a) SELECT COUNT(*) AS n FROM b",
            "SELECT x.user_id FROM (SELECT user_id FROM raw_users) AS x",
            "SELECT COUNT(*) AS n FROM dim_user_demographics_history",
            "SELECT user_id FROM raw_users WHERE user_id IN (SELECT id FROM users_transformed)",
            "SHOW TABLES",
        ] {
            assert!(session.query(sql).is_ok(), "{sql}: {:?}", session.query(sql).err());
        }
    }

    const DAY: &str = "curated/users_transformed/processing_date=2026-01-31/part-00000.parquet";

    #[test]
    fn raw_objects_that_overlap_give_each_position_once() {
        let lake = tempfile::tempdir().unwrap();
        for (first, last) in [(0, 9), (5, 14), (14, 14), (20, 29)] {
            let (name, rows) = raw(first, last);
            write(lake.path(), &name, rows);
        }
        let session = Session::open(lake.path()).unwrap();
        let rows =
            ask(&session, "SELECT COUNT(*), COUNT(DISTINCT _offset), SUM(_offset) FROM raw_users").unwrap();
        let sum = (0..15).chain(20..30).sum::<i128>();
        assert_eq!(rows, [[Cell::Int(25), Cell::Int(25), Cell::Int(sum)]]);
        let table = session.lake().unwrap();
        let table = table.table("raw_users").unwrap();
        assert_eq!(
            (table.rows_in_files().unwrap(), table.newest_date()),
            (31, Some("2026-01-31".to_owned()))
        );
    }

    #[test]
    fn a_missing_column_is_null_and_an_extra_one_is_not_there() {
        let lake = tempfile::tempdir().unwrap();
        write(lake.path(), DAY, df!("id" => ["a"], "shoe_size" => [44]).unwrap());
        let session = Session::open(lake.path()).unwrap();
        assert_eq!(
            ask(&session, "SELECT id, country FROM users_transformed").unwrap(),
            [[Cell::Text("a".to_owned()), Cell::Null]]
        );
        let error = ask(&session, "SELECT shoe_size FROM users_transformed").unwrap_err().to_string();
        assert!(error.contains("unable to find column \"shoe_size\""), "{error}");
    }

    #[test]
    fn a_wrong_type_stops_and_names_the_column() {
        let lake = tempfile::tempdir().unwrap();
        write(lake.path(), DAY, df!("id" => ["a"], "age_years" => ["old"]).unwrap());
        let session = Session::open(lake.path()).unwrap();
        let error = ask(&session, "SELECT age_years FROM users_transformed").unwrap_err().to_string();
        assert!(error.contains("age_years") && !error.contains("old"), "{error}");
    }

    #[test]
    fn sums_and_differences_do_not_wrap_around() {
        let lake = tempfile::tempdir().unwrap();
        write(lake.path(), DAY, df!("account_age_days" => vec![i32::MAX; 3]).unwrap());
        let session = Session::open(lake.path()).unwrap();
        let rows =
            ask(&session, "SELECT SUM(account_age_days), 1 - COUNT(*) FROM users_transformed").unwrap();
        assert_eq!(rows, [[Cell::Int(3 * i128::from(i32::MAX)), Cell::Int(-2)]]);
    }

    #[test]
    fn a_table_that_only_the_folder_knows_is_there() {
        let lake = tempfile::tempdir().unwrap();
        write(
            lake.path(),
            "analytics/dim_later/processing_date=2026-01-31/part-00000.parquet",
            df!("n" => [7_i64]).unwrap(),
        );
        let session = Session::open(lake.path()).unwrap();
        assert_eq!(ask(&session, "SELECT n FROM dim_later").unwrap(), [[Cell::Int(7)]]);
    }

    #[test]
    fn a_lake_that_is_not_there_says_what_to_run() {
        let error = Session::open(Path::new("/nowhere/lake")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/lake") && error.contains("millrace run"), "{error}");
    }

    #[test]
    fn failed_casts_do_not_tell_values() {
        let lake = tempfile::tempdir().unwrap();
        write(lake.path(), DAY, df!("first_name" => ["Secretia"]).unwrap());
        let session = Session::open(lake.path()).unwrap();
        let error = ask(&session, "SELECT CAST(first_name AS INTEGER) FROM users_transformed").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("Secretia"), "{error:?}");
        assert!(error.to_string().contains("TRY_CAST"), "{error}");
    }

    #[test]
    fn parquet_answers_carry_utc_again_and_large_ones_are_whole() {
        let lake = tempfile::tempdir().unwrap();
        let instants: Vec<i64> = (0..100_000).collect();
        let instants = Series::new("processed_at".into(), instants)
            .cast(&DataType::Datetime(TimeUnit::Microseconds, Some(polars::prelude::TimeZone::UTC)))
            .unwrap();
        write(lake.path(), DAY, DataFrame::new(100_000, vec![instants.into_column()]).unwrap());
        let session = Session::open(lake.path()).unwrap();
        let path = lake.path().join("answer.parquet");
        let answer =
            session.query("SELECT processed_at FROM users_transformed ORDER BY processed_at DESC").unwrap();
        assert_eq!(answer.write_parquet(File::create(&path).unwrap()).unwrap(), 100_000);
        let read = ParquetReader::new(File::open(&path).unwrap()).finish().unwrap();
        let column = read.column("processed_at").unwrap();
        assert_eq!(read.height(), 100_000);
        assert!(
            matches!(column.dtype(), DataType::Datetime(TimeUnit::Microseconds, Some(_))),
            "{}",
            column.dtype()
        );
        assert_eq!(column.datetime().unwrap().phys.get(0), Some(99_999));
    }

    #[test]
    fn an_answer_that_is_dropped_midway_stops() {
        let lake = tempfile::tempdir().unwrap();
        write(lake.path(), DAY, df!("id" => vec!["a"; 100_000]).unwrap());
        let session = Session::open(lake.path()).unwrap();
        let mut answer = session.query("SELECT id FROM users_transformed").unwrap();
        assert!(!answer.next().unwrap().unwrap().is_empty());
        drop(answer);
    }
}
