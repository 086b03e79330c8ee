//! data_quality_summary: one row, counted while users_transformed is written.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

use millrace_tables::ages;
use millrace_tables::curated::DATA_QUALITY_SUMMARY;
use millrace_tables::job_names::RAW_TRANSFORMATION;
use polars::prelude::*;

use crate::job_settings::RunContext;
use crate::polars_schema::{polars_schema, timestamp};

/// What has been counted so far.
#[derive(Debug, Default)]
pub struct Summary {
    total: i64,
    high: i64,
    medium: i64,
    low: i64,
    // Scores are whole numbers, so their sum is exact.
    score_sum: i64,
    valid_emails: i64,
    valid_phones: i64,
    email_domains: Distinct,
    countries: Distinct,
}

impl Summary {
    /// Counts rows of users_transformed.
    pub fn add(&mut self, users: &DataFrame) -> PolarsResult<()> {
        for score in users.column("data_quality_score")?.f64()?.iter().flatten() {
            self.score_sum += score as i64;
            match score {
                80.0.. => self.high += 1,
                50.0.. => self.medium += 1,
                _ => self.low += 1,
            }
        }
        let held = |name: &str| PolarsResult::Ok(i64::from(users.column(name)?.bool()?.sum().unwrap_or(0)));
        self.total += users.height() as i64;
        self.valid_emails += held("email_valid")?;
        self.valid_phones += held("phone_valid")?;
        self.email_domains.add(users.column("email_domain")?.str()?);
        self.countries.add(users.column("country")?.str()?);
        Ok(())
    }

    /// The table.
    pub fn table(&self, run: &RunContext) -> PolarsResult<DataFrame> {
        let average = (self.total > 0).then(|| self.score_sum as f64 / self.total as f64);
        let count = |name: &str, value: i64| Column::new(name.into(), [value]);
        DataFrame::new(
            1,
            vec![
                count("total_records", self.total),
                count("high_quality_records", self.high),
                count("medium_quality_records", self.medium),
                count("low_quality_records", self.low),
                Column::new("avg_quality_score".into(), [average]),
                count("valid_emails", self.valid_emails),
                count("valid_phones", self.valid_phones),
                count("unique_email_domains", self.email_domains.count()),
                count("unique_countries", self.countries.count()),
                Column::new("quality_check_timestamp".into(), [run.started_at.get()]).cast(&timestamp())?,
                Column::new("processing_date".into(), [ages::days(run.as_of)]).cast(&DataType::Date)?,
                Column::new("job_name".into(), [RAW_TRANSFORMATION]),
            ],
        )
    }
}

/// data_quality_summary: names, types and order of its columns.
pub fn data_quality_summary_schema() -> SchemaRef {
    polars_schema(&DATA_QUALITY_SUMMARY.arrow_schema())
}

/// Distinct texts, told apart by 128 bits of hash, so that millions of long ones cost 16 bytes each: two of a billion
/// texts share theirs with a chance below 10^-20.
#[derive(Debug, Default)]
struct Distinct(HashSet<(u64, u64)>);

impl Distinct {
    fn add(&mut self, texts: &StringChunked) {
        for text in texts.iter().flatten() {
            let hash = |salt: u8| {
                let mut hasher = DefaultHasher::new();
                hasher.write_u8(salt);
                hasher.write(text.as_bytes());
                hasher.finish()
            };
            self.0.insert((hash(0), hash(1)));
        }
    }

    fn count(&self) -> i64 {
        self.0.len() as i64
    }
}
