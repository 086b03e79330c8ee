//! What a job is told by its environment.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use millrace_jobs::job_settings::{LEAST_MEMORY, LITTLE_MEMORY};
use millrace_lake::data_catalog::DatabaseName;
use millrace_runtime::settings::{Environment, SettingsError};

const GLUE_DATABASE: &str = "MILLRACE_GLUE_DATABASE";
const ICEBERG_DATABASE: &str = "MILLRACE_ICEBERG_DATABASE";

/// A job's settings.
#[derive(Debug)]
pub struct Settings {
    /// `MILLRACE_LAKE`: the lake, `s3://bucket/prefix` or a folder.
    pub lake: String,
    /// `MILLRACE_AS_OF`: the logical day, `YYYY-MM-DD`; unless set, the day before the run's start (UTC), which is the last that
    /// has ended.
    pub as_of: Option<NaiveDate>,
    /// `MILLRACE_STARTED_AT`: the run's start, such as `2026-02-01T03:00:00Z`, one for all jobs of a day's run; now
    /// unless set.
    pub started_at: DateTime<Utc>,
    /// `MILLRACE_MEMORY_BYTES`: what raw-transformation's rows may hold in memory; 96 MiB unless set.
    pub memory_bytes: u64,
    /// `MILLRACE_SCRATCH`: where raw-transformation spills; the system's folder for temporary files unless set.
    pub scratch: PathBuf,
    /// `MILLRACE_GLUE_DATABASE`: the database of the Glue catalogue in which published partitions are registered; without it
    /// nothing is registered. The lake has to be on S3, where the catalogue's readers find it.
    pub glue_database: Option<DatabaseName>,
    /// `MILLRACE_ICEBERG_DATABASE`: the database of the Glue catalogue that says where Iceberg tables' metadata is, of Iceberg tables alone;
    /// without it there are none. The lake has to be on S3.
    pub iceberg_database: Option<DatabaseName>,
}

impl Settings {
    /// Reads all variables; `now` stands for an absent start.
    ///
    /// # Errors
    /// All that is missing, unknown or wrong, at once.
    pub fn of(mut environment: Environment, now: DateTime<Utc>) -> Result<Self, SettingsError> {
        let lake = environment.required("MILLRACE_LAKE");
        let as_of = environment.optional("MILLRACE_AS_OF");
        let started_at = environment.or("MILLRACE_STARTED_AT", now);
        let memory_bytes = environment.or("MILLRACE_MEMORY_BYTES", LITTLE_MEMORY);
        if memory_bytes.is_some_and(|bytes| bytes < LEAST_MEMORY) {
            environment
                .refuse("MILLRACE_MEMORY_BYTES", "is too little to be of use; give at least 8388608 (8 MiB)");
        }
        let scratch = environment.or("MILLRACE_SCRATCH", std::env::temp_dir().join("millrace"));
        let glue_database = environment.optional::<DatabaseName>(GLUE_DATABASE);
        let iceberg_database = environment.optional::<DatabaseName>(ICEBERG_DATABASE);
        let on_s3 = lake.as_ref().is_none_or(|lake: &String| lake.starts_with("s3://"));
        for (name, database) in [(GLUE_DATABASE, &glue_database), (ICEBERG_DATABASE, &iceberg_database)] {
            if matches!(database, Some(Some(_))) && !on_s3 {
                environment.refuse(
                    name,
                    "is set, but engines that read the catalogue cannot reach a folder; give MILLRACE_LAKE as s3://<bucket>/<prefix>, \
                     or unset it",
                );
            }
        }
        if matches!((&glue_database, &iceberg_database), (Some(Some(one)), Some(Some(other))) if one == other)
        {
            environment.refuse(
                ICEBERG_DATABASE,
                "is the database of MILLRACE_GLUE_DATABASE, which has tables of the same names; give Iceberg tables one of their own",
            );
        }
        environment.finish(|| {
            Some(Self {
                lake: lake?,
                as_of: as_of?,
                started_at: started_at?,
                memory_bytes: memory_bytes?,
                scratch: scratch?,
                glue_database: glue_database?,
                iceberg_database: iceberg_database?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lake_has_to_be_named() {
        let now = DateTime::from_timestamp_micros(1_769_828_400_000_000).expect("an instant");
        let of = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            Settings::of(Environment::of(variables), now)
        };
        let settings = of(&[("MILLRACE_LAKE", "/lake")]).expect("settings");
        assert_eq!((settings.as_of, settings.started_at), (None, now));
        let settings = of(&[
            ("MILLRACE_LAKE", "/lake"),
            ("MILLRACE_AS_OF", "2026-01-09"),
            ("MILLRACE_STARTED_AT", "2026-01-10T03:00:00Z"),
        ]);
        let settings = settings.expect("settings");
        assert_eq!(settings.as_of, NaiveDate::from_ymd_opt(2026, 1, 9));
        assert_eq!(settings.started_at.to_rfc3339(), "2026-01-10T03:00:00+00:00");
        assert_eq!((settings.glue_database, settings.iceberg_database), (None, None));
        assert!(of(&[("MILLRACE_AS_OF", "yesterday")]).is_err());
        let memory =
            |bytes: u64| of(&[("MILLRACE_LAKE", "/lake"), ("MILLRACE_MEMORY_BYTES", &bytes.to_string())]);
        assert_eq!(memory(LEAST_MEMORY).expect("settings").memory_bytes, LEAST_MEMORY);
        let error = memory(LEAST_MEMORY - 1).expect_err("too little").to_string();
        assert!(error.contains(&format!("at least {LEAST_MEMORY} ")), "{error}");
    }

    #[test]
    fn a_catalogue_is_for_a_lake_on_s3() {
        let now = DateTime::from_timestamp_micros(1_769_828_400_000_000).expect("an instant");
        let of = |lake: &str, database: &str| {
            let variables = [("MILLRACE_LAKE", lake), ("MILLRACE_GLUE_DATABASE", database)];
            let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
            Settings::of(Environment::of(variables), now)
        };
        let settings = of("s3://lake/dev", "millrace_dev").expect("settings");
        assert_eq!(settings.glue_database.expect("a database").as_str(), "millrace_dev");
        let error = of("/lake", "millrace_dev").expect_err("a folder").to_string();
        assert!(error.contains("MILLRACE_GLUE_DATABASE is set, but"), "{error}");
        assert!(of("s3://lake/dev", "Millrace-Dev").is_err());
    }

    #[test]
    fn iceberg_tables_have_a_database_of_their_own() {
        let now = DateTime::from_timestamp_micros(1_769_828_400_000_000).expect("an instant");
        let of = |lake: &str, glue: &str, iceberg: &str| {
            let variables = [("MILLRACE_LAKE", lake), (GLUE_DATABASE, glue), (ICEBERG_DATABASE, iceberg)];
            let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
            Settings::of(Environment::of(variables), now)
        };
        let settings = of("s3://lake/dev", "millrace_dev", "millrace_dev_iceberg").expect("settings");
        assert_eq!(settings.iceberg_database.expect("a database").as_str(), "millrace_dev_iceberg");
        let error =
            of("s3://lake/dev", "millrace_dev", "millrace_dev").expect_err("one database").to_string();
        assert!(error.contains("MILLRACE_ICEBERG_DATABASE is the database of"), "{error}");
        let error = of("/lake", "millrace_dev", "millrace_dev_iceberg").expect_err("a folder").to_string();
        assert!(error.contains("MILLRACE_ICEBERG_DATABASE is set, but"), "{error}");
    }
}
