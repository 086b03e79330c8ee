//! The views that queries name beside the tables: of each snapshot table its newest day; of the slowly changing
//! dimension what holds of each user now, and what held when. Snowflake has the same ones (sql/021, sql/022).

use polars::prelude::{Expr, LazyFrame, PolarsResult, SchemaRef, SortOptions, WindowMapping, col, lit};

/// No snapshot: each partition holds the versions that are new on its day.
pub(super) const DIMENSION: &str = "dim_user_demographics";

/// A view that queries name like a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// The newest day of a table whose days each hold everything.
    Latest,
    /// Each user's latest version, all columns.
    Current,
    /// Every version: valid_from its processing_date, valid_to that of the next, exclusive, null for the latest, for which
    /// is_current is true.
    History,
}

impl View {
    pub(super) fn name(self, table: &str) -> String {
        let view = match self {
            Self::Latest => LATEST,
            Self::Current => "_current",
            Self::History => "_history",
        };
        format!("{table}{view}")
    }

    /// The view over the rows that it is of: a table's newest day, or all versions of [`DIMENSION`]. Their columns are
    /// `schema`'s.
    pub(super) fn over(self, rows: LazyFrame, schema: &SchemaRef) -> PolarsResult<LazyFrame> {
        if self == Self::Latest {
            return Ok(rows);
        }
        let kept: Vec<Expr> = schema.iter_names().map(|name| col(name.clone())).collect();
        // A window over each user, not a shift over all rows: what the query asks of the view may not be asked of the
        // versions before their successors are known.
        let by_day = Some(([col("processing_date")], SortOptions::default()));
        let next = col("processing_date").shift(lit(-1)).over_with_options(
            Some([col("user_id")]),
            by_day,
            WindowMapping::GroupsToRows,
        )?;
        let versions = rows.with_column(next.alias("valid_to"));
        Ok(match self {
            Self::Latest => versions,
            Self::Current => versions.filter(col("valid_to").is_null()).select(kept),
            Self::History => {
                let kept = schema.iter_names().filter(|name| name.as_str() != "is_current");
                let mut columns: Vec<Expr> = kept.map(|name| col(name.clone())).collect();
                columns.push(col("processing_date").alias("valid_from"));
                columns.push(col("valid_to"));
                columns.push(col("valid_to").is_null().alias("is_current"));
                versions.select(columns)
            }
        })
    }
}

const LATEST: &str = "_latest";

/// What a query needs of a table's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Nothing,
    NewestDay,
    All,
}

impl Wanted {
    /// By the query's text. A name may stand in it by chance, or begin that of a view: then there is more than is needed.
    pub(super) fn by(sql: &str, table: &str) -> Self {
        let (sql, table) = (sql.to_lowercase(), table.to_lowercase());
        let mut wanted = Self::Nothing;
        for (at, _) in sql.match_indices(&table) {
            let rest = sql[at + table.len()..].strip_prefix(LATEST);
            match rest.map(|rest| rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')) {
                Some(false) => wanted = Self::NewestDay,
                _ => return Self::All,
            }
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use polars::prelude::{Column, DataFrame, DataType, ParquetWriter};

    use super::super::{Cell, Session};
    use super::Wanted;

    /// The versions of users that are new on a day, as (user, country).
    fn write(lake: &Path, day: i32, versions: &[(&str, &str)]) {
        let text = |name: &str, values: Vec<&str>| Column::new(name.into(), values);
        let days =
            Column::new("processing_date".into(), vec![day; versions.len()]).cast(&DataType::Date).unwrap();
        let columns = vec![
            text("user_id", versions.iter().map(|(user, _)| *user).collect()),
            text("country", versions.iter().map(|(_, country)| *country).collect()),
            days,
            Column::new("is_current".into(), vec![true; versions.len()]),
        ];
        let mut rows = DataFrame::new(versions.len(), columns).unwrap();
        let day = chrono::NaiveDate::from_epoch_days(day).unwrap();
        let folder = lake.join(format!("analytics/dim_user_demographics/processing_date={day}"));
        std::fs::create_dir_all(&folder).unwrap();
        ParquetWriter::new(File::create(folder.join("part-00000.parquet")).unwrap())
            .finish(&mut rows)
            .unwrap();
    }

    fn lake() -> (tempfile::TempDir, Session) {
        let lake = tempfile::tempdir().unwrap();
        write(lake.path(), 10, &[("a", "Norway"), ("b", "Norway"), ("c", "Chile")]);
        write(lake.path(), 11, &[("a", "Denmark")]);
        write(lake.path(), 13, &[("a", "Norway"), ("b", "Chile"), ("d", "Chile")]);
        let session = Session::open(lake.path()).unwrap();
        (lake, session)
    }

    fn ask(session: &Session, sql: &str) -> Vec<String> {
        let told = |cell: &Cell| match cell {
            Cell::Text(text) => text.clone(),
            Cell::Null => "–".to_owned(),
            other => format!("{other:?}"),
        };
        let answer = session.query(sql).unwrap();
        let rows = answer.flat_map(|batch| batch.unwrap().rows().collect::<Vec<_>>());
        rows.map(|row| row.iter().map(told).collect::<Vec<_>>().join(" ")).collect()
    }

    const DAYS: &str = "CAST(valid_from AS VARCHAR), CAST(valid_to AS VARCHAR)";

    #[test]
    fn current_is_the_latest_version_of_each_user() {
        let (_lake, session) = lake();
        let all = "SELECT user_id, country FROM dim_user_demographics_current ORDER BY user_id";
        assert_eq!(ask(&session, all), ["a Norway", "b Chile", "c Chile", "d Chile"]);
        let current = session.query("SELECT * FROM dim_user_demographics_current").unwrap().columns();
        let stored = session.query("SELECT * FROM dim_user_demographics").unwrap().columns();
        assert_eq!(current, stored);
    }

    #[test]
    fn what_is_asked_of_a_view_is_not_asked_of_the_versions_before() {
        let (_lake, session) = lake();
        // b was in Norway, and is not any more.
        let norway =
            "SELECT user_id FROM dim_user_demographics_current WHERE country = 'Norway' ORDER BY user_id";
        assert_eq!(ask(&session, norway), ["a"]);
        let denmark =
            format!("SELECT user_id, {DAYS} FROM dim_user_demographics_history WHERE country = 'Denmark'");
        assert_eq!(ask(&session, &denmark), ["a 1970-01-12 1970-01-14"]);
        let early = "SELECT COUNT(*) AS n FROM dim_user_demographics_current WHERE processing_date < DATE '1970-01-14'";
        assert_eq!(ask(&session, early), ["Int(1)"], "c alone has had no version since");
        let first =
            format!("SELECT {DAYS} FROM dim_user_demographics_history ORDER BY user_id, valid_from LIMIT 1");
        assert_eq!(ask(&session, &first), ["1970-01-11 1970-01-12"]);
        let one =
            "SELECT COUNT(*) AS n FROM (SELECT user_id FROM dim_user_demographics_current LIMIT 3) AS t";
        assert_eq!(ask(&session, one), ["Int(3)"]);
    }

    #[test]
    fn history_tells_from_when_to_when_each_version_held() {
        let (_lake, session) = lake();
        let all = format!(
            "SELECT user_id, country, {DAYS} FROM dim_user_demographics_history ORDER BY user_id, valid_from"
        );
        let expected = [
            "a Norway 1970-01-11 1970-01-12",
            "a Denmark 1970-01-12 1970-01-14",
            "a Norway 1970-01-14 –",
            "b Norway 1970-01-11 1970-01-14",
            "b Chile 1970-01-14 –",
            "c Chile 1970-01-11 –",
            "d Chile 1970-01-14 –",
        ];
        assert_eq!(ask(&session, &all), expected);
        let current = "SELECT user_id FROM dim_user_demographics_history WHERE is_current ORDER BY user_id";
        assert_eq!(ask(&session, current), ["a", "b", "c", "d"]);
        let columns = session.query("SELECT * FROM dim_user_demographics_history").unwrap().columns();
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        assert!(names.ends_with(&["valid_from", "valid_to", "is_current"]), "{names:?}");
        assert_eq!(names.iter().filter(|name| **name == "is_current").count(), 1);
    }

    #[test]
    fn a_view_is_named_by_nothing_else() {
        let (_lake, session) = lake();
        for view in ["dim_user_demographics_current", "users_transformed_latest"] {
            let sql = format!("WITH {view} AS (SELECT 1 AS x) SELECT x FROM {view}");
            assert!(session.query(&sql).unwrap_err().to_string().contains("has the name of a table"));
        }
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
        let mut known: Vec<_> = lake().1.lake().unwrap().views().collect();
        created.sort();
        known.sort();
        assert_eq!(known, created);
        assert_eq!(known.iter().filter(|view| view.ends_with("_latest")).count(), 16);
    }

    const NEWEST: &str = "SELECT id FROM users_transformed_latest ORDER BY id";

    /// Three days of users, the first of which nobody can read.
    fn days(lake: &Path) {
        for (day, users) in [(1, &["a"][..]), (2, &["a", "b"]), (3, &["b", "c"])] {
            let folder = lake.join(format!("curated/users_transformed/processing_date=2026-01-0{day}"));
            std::fs::create_dir_all(&folder).unwrap();
            let file = File::create(folder.join("part-00000.parquet")).unwrap();
            let columns = vec![Column::new("id".into(), users.to_vec())];
            ParquetWriter::new(file).finish(&mut DataFrame::new(users.len(), columns).unwrap()).unwrap();
        }
        let first = lake.join("curated/users_transformed/processing_date=2026-01-01/part-00000.parquet");
        std::fs::write(first, "no Parquet").unwrap();
    }

    #[test]
    fn latest_is_the_newest_day_and_nothing_else_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        // Its own folder's name is no day.
        let lake = folder.path().join("processing_date=2030-01-01");
        days(&lake);
        let session = Session::open(&lake).unwrap();
        assert_eq!(ask(&session, NEWEST), ["b", "c"]);
        assert!(session.query("SELECT COUNT(*) FROM users_transformed").unwrap().any(|batch| batch.is_err()));
        let table = session.lake().unwrap();
        let table = table.table("users_transformed").unwrap();
        assert_eq!(table.newest_date().as_deref(), Some("2026-01-03"));
        // A day on which a table has no rows is a day.
        let empty = lake.join("curated/users_transformed/processing_date=2026-01-04");
        std::fs::create_dir_all(&empty).unwrap();
        let columns = vec![Column::new("id".into(), Vec::<&str>::new())];
        ParquetWriter::new(File::create(empty.join("part-00000.parquet")).unwrap())
            .finish(&mut DataFrame::new(0, columns).unwrap())
            .unwrap();
        assert_eq!(ask(&session, NEWEST), Vec::<String>::new());
    }

    #[test]
    fn a_view_of_nothing_is_empty_with_all_columns() {
        let folder = tempfile::tempdir().unwrap();
        let session = Session::open(folder.path()).unwrap();
        assert_eq!(ask(&session, NEWEST), Vec::<String>::new());
        let of = |table: &str| session.query(&format!("SELECT * FROM {table}")).unwrap().columns();
        assert_eq!(of("users_transformed_latest"), of("users_transformed"));
    }

    #[test]
    fn a_lake_that_is_no_folder_brings_the_newest_day_alone() {
        let folder = tempfile::tempdir().unwrap();
        days(folder.path());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let store = std::sync::Arc::new(millrace_lake::FolderStore::new(folder.path()));
        let session = Session::over(store, runtime.handle().clone()).unwrap();
        assert_eq!(ask(&session, NEWEST), ["b", "c"]);
        let brought = |session: &Session| {
            let lake = session.lake_with(|_| Wanted::Nothing).unwrap();
            lake.table("users_transformed").unwrap().files.len()
        };
        assert_eq!(brought(&session), 1);
        let whole = session.query("SELECT id FROM users_transformed, users_transformed_latest");
        assert!(whole.is_err() || brought(&session) == 3);
        assert_eq!(brought(&session), 3);
        assert_eq!(ask(&session, NEWEST), ["b", "c"]);
    }

    #[test]
    fn what_a_query_needs_is_told_by_its_text() {
        use super::Wanted::{All, NewestDay, Nothing};
        for (sql, wanted) in [
            ("SELECT 1", Nothing),
            ("SELECT * FROM tab_latest", NewestDay),
            ("SELECT * FROM \"TAB_LATEST\" AS t, tab_latest", NewestDay),
            ("SELECT * FROM tab_latest JOIN tab ON TRUE", All),
            ("SELECT * FROM tab", All),
            ("SELECT * FROM tab_latest_2", All),
            ("SELECT * FROM tab_later", All),
        ] {
            assert_eq!(Wanted::by(sql, "tab"), wanted, "{sql}");
        }
    }
}
