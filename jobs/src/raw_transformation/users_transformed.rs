//! From raw rows to users_transformed: pure plans, knowing neither where rows come from nor where they go.

use millrace_events::enrich::{self, GenderBranch};
use millrace_kernels::{clean, email, phone, quality};
use millrace_tables::ages;
use millrace_tables::curated::USERS_TRANSFORMED;
use millrace_tables::job_names::RAW_TRANSFORMATION;
use polars::prelude::*;

use super::expressions::{date, finite, holds, integer, part_of_text, text, texts, word};
use crate::job_settings::RunContext;
use crate::polars_schema::{polars_schema, timestamp};

/// The raw rows as they compete: an id of blanks is no id.
pub fn with_ids(raw: LazyFrame) -> LazyFrame {
    raw.with_column(part_of_text(col("user_id"), clean::id))
}

/// The order of the published table: by id, then source position; no id first; bytewise.
pub fn in_order(users: LazyFrame) -> LazyFrame {
    let key = ["id", "source_topic", "source_generation", "source_partition", "source_offset"];
    users.sort(key, SortMultipleOptions::new())
}

/// Each raw row as the table's row.
pub fn users_transformed(raw: LazyFrame, run: &RunContext) -> LazyFrame {
    let as_of = run.as_of;
    let columns: Vec<Expr> = users_transformed_schema().iter_names().map(|name| col(name.clone())).collect();
    raw.select(cleaned())
        .with_columns(from_texts())
        .with_columns([
            text(col("email"), email::domain).alias("email_domain"),
            texts(["street_address", "city", "state", "country"], |parts| clean::joined(parts, ", "))
                .alias("address"),
            integer(col("birth_date"), move |birth| ages::age_years(birth, as_of)).alias("age_years"),
            word(col("birth_date"), move |birth| ages::generation(birth, as_of)).alias("generation"),
            integer(col("registration_date"), move |day| Some(ages::account_age_days(day, as_of)))
                .alias("account_age_days"),
            issues_found(score_column, DataType::Float64).alias("data_quality_score"),
            issues_found(issues_column, DataType::List(Box::new(DataType::String))).alias("quality_issues"),
            texts(["email", "gender"], |[email, gender]| business_email(email, gender))
                .alias("business_email"),
            texts(["username"], |[username]| user_company(username)).alias("user_company"),
            texts(["phone", "country_code"], |[number, country]| {
                number.map(|number| phone::formatted(number, country))
            })
            .alias("phone"),
        ])
        .with_columns([
            texts(["email_domain"], |[domain]| Some(email::provider_type(domain)))
                .alias("email_provider_type"),
            word(col("age_years"), ages::age_group).alias("age_group"),
            word(col("account_age_days"), ages::account_tenure_category).alias("account_tenure_category"),
            lit(run.started_at.get()).cast(timestamp()).alias("processed_at"),
            lit(ages::days(as_of)).cast(DataType::Date).alias("processing_date"),
            lit(RAW_TRANSFORMATION).alias("job_name"),
        ])
        .select(columns)
}

/// The raw values under the table's names: texts trimmed, names capitalised, numbers finite, instants as dates.
fn cleaned() -> Vec<Expr> {
    let trimmed = |raw: &'static str| part_of_text(col(raw), clean::trimmed);
    let squeezed = |raw: &'static str| {
        texts([raw], |[value]| value.and_then(clean::squeezed).map(std::borrow::Cow::into_owned)).alias(raw)
    };
    vec![
        col("user_id").alias("id"),
        text(col("first_name"), clean::name),
        text(col("last_name"), clean::name),
        texts(["gender"], |[gender]| Some(GenderBranch::of(gender).as_str())).alias("gender"),
        trimmed("email"),
        trimmed("username"),
        trimmed("phone"),
        squeezed("street_number"),
        squeezed("street_name"),
        squeezed("city"),
        squeezed("state"),
        squeezed("country"),
        trimmed("country_code"),
        trimmed("postcode").alias("post_code"),
        finite("latitude"),
        finite("longitude"),
        date("dob", ages::day_of).alias("birth_date"),
        date("registered_at", ages::day_of).alias("registration_date"),
        trimmed("picture_url").alias("picture"),
        trimmed("source").alias("data_source"),
        col("_topic").alias("source_topic"),
        col("_generation").alias("source_generation"),
        col("_partition").alias("source_partition"),
        col("_offset").alias("source_offset"),
    ]
}

/// What follows from the cleaned values alone.
fn from_texts() -> [Expr; 4] {
    [
        texts(["first_name", "last_name"], |parts| clean::joined(parts, " ")).alias("full_name"),
        texts(["street_number", "street_name"], |parts| clean::joined(parts, " ")).alias("street_address"),
        holds("email", email::is_valid).alias("email_valid"),
        holds("phone", phone::is_valid).alias("phone_valid"),
    ]
}

fn business_email(email: Option<&str>, gender: Option<&str>) -> Option<String> {
    let mut out = String::new();
    enrich::write_business_email(email, GenderBranch::of(gender), &mut out).then_some(out)
}

fn user_company(username: Option<&str>) -> Option<String> {
    let mut out = String::new();
    enrich::write_user_company(username, &mut out).then_some(out)
}

/// A column computed from which of the three quality issues each row has.
fn issues_found(column: fn(&mut dyn Iterator<Item = [bool; 3]>, usize) -> Column, dtype: DataType) -> Expr {
    map_multiple(
        move |inputs| {
            let missing_id = inputs[0].is_null();
            let (email_valid, phone_valid) = (inputs[1].bool()?, inputs[2].bool()?);
            let mut found = missing_id.iter().zip(email_valid.iter()).zip(phone_valid.iter()).map(
                |((missing_id, email_valid), phone_valid)| {
                    [missing_id == Some(true), email_valid != Some(true), phone_valid != Some(true)]
                },
            );
            Ok(column(&mut found, missing_id.len()))
        },
        [col("id"), col("email_valid"), col("phone_valid")],
        move |_, fields| Ok(Field::new(fields[0].name().clone(), dtype.clone())),
    )
}

fn score_column(found: &mut dyn Iterator<Item = [bool; 3]>, _rows: usize) -> Column {
    found.map(|found| Some(quality::score(found))).collect::<Float64Chunked>().into_column()
}

fn issues_column(found: &mut dyn Iterator<Item = [bool; 3]>, rows: usize) -> Column {
    let mut lists = ListStringChunkedBuilder::new("quality_issues".into(), rows, rows);
    for found in found {
        lists.append_values_iter(quality::issues(found));
    }
    lists.finish().into_column()
}

/// users_transformed: names, types and order of its columns.
pub fn users_transformed_schema() -> SchemaRef {
    polars_schema(&USERS_TRANSFORMED.arrow_schema())
}
