//! The views of the slowly changing dimension: what holds of each user now, and what held when.

use polars::prelude::{Expr, LazyFrame, PolarsResult, SchemaRef, SortOptions, WindowMapping, col, lit};

/// The table that the views are of: each partition holds the versions that are new on its day.
pub(super) const DIMENSION: &str = "dim_user_demographics";

/// A view that queries name like a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Each user's latest version, all columns.
    Current,
    /// Every version: valid_from its processing_date, valid_to that of the next, exclusive, null for the latest, for which
    /// is_current is true.
    History,
}

impl View {
    pub(super) const ALL: [Self; 2] = [Self::Current, Self::History];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Current => "dim_user_demographics_current",
            Self::History => "dim_user_demographics_history",
        }
    }

    /// The view over the rows of [`DIMENSION`], whose columns are `schema`'s.
    pub(super) fn over(self, versions: LazyFrame, schema: &SchemaRef) -> PolarsResult<LazyFrame> {
        let kept: Vec<Expr> = schema.iter_names().map(|name| col(name.clone())).collect();
        // A window over each user, not a shift over all rows: what the query asks of the view may not be asked of the
        // versions before their successors are known.
        let by_day = Some(([col("processing_date")], SortOptions::default()));
        let next = col("processing_date").shift(lit(-1)).over_with_options(
            Some([col("user_id")]),
            by_day,
            WindowMapping::GroupsToRows,
        )?;
        let versions = versions.with_column(next.alias("valid_to"));
        Ok(match self {
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use polars::prelude::{Column, DataFrame, DataType, ParquetWriter};

    use super::super::{Cell, Session};

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
        let sql = "WITH dim_user_demographics_current AS (SELECT 1 AS x) SELECT x FROM dim_user_demographics_current";
        assert!(session.query(sql).unwrap_err().to_string().contains("has the name of a table"));
    }
}
