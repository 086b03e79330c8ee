//! A day's `users_transformed`: one file, as raw-transformation writes it.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use anyhow::{Context, anyhow, bail};
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    TimestampMicrosecondArray,
};
use arrow_schema::SchemaRef;
use chrono::NaiveDate;
use millrace_lake::layout::{self, Layer};
use millrace_tables::tables;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::words::{COUNTRIES, mixed, user_id, write_name, write_uuid};

/// The day that the users are of.
pub(crate) const DAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 1, 31).expect("a day");
/// Of the job's files.
const ROW_GROUP: usize = 131_072;

/// What a user's columns are made of.
struct User {
    number: u64,
    id: u128,
    /// Scattered numbers, of which each column takes its own part.
    name: u64,
    place: u64,
    digits: u64,
    country: usize,
    female: bool,
    age: i32,
    /// Days since the registration.
    tenure: i32,
    /// Of quality issues: none to three.
    issues: usize,
}

/// Writes `users` of `all` users below `lake`: every so-manieth, so that a smaller lake's are among a larger's.
pub(crate) fn write(lake: &Path, users: u64, all: u64) -> anyhow::Result<()> {
    let table = tables().iter().find(|table| table.name() == "users_transformed");
    let schema = Arc::clone(&table.context("the table is in the catalogue")?.schema);
    let path = lake.join(layout::partition_key(Layer::Curated, "users_transformed", DAY)?.as_str());
    std::fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_created_by("millrace".to_owned())
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(File::create(path)?, Arc::clone(&schema), options)?;
    std::thread::scope(|scope| {
        let (sender, batches) = sync_channel(2);
        let maker = scope.spawn(move || -> anyhow::Result<()> {
            for first in (0..users).step_by(ROW_GROUP) {
                let end = users.min(first + ROW_GROUP as u64);
                if sender.send(batch(&schema, first..end, all / users, all)?).is_err() {
                    break;
                }
            }
            Ok(())
        });
        for batch in batches {
            writer.write(&batch)?;
        }
        maker.join().map_err(|_| anyhow!("the thread that makes users panicked"))?
    })?;
    writer.close()?;
    Ok(())
}

fn batch(
    schema: &SchemaRef,
    rows: std::ops::Range<u64>,
    stride: u64,
    all: u64,
) -> anyhow::Result<RecordBatch> {
    let mut random = ChaCha8Rng::seed_from_u64(rows.start);
    let users: Vec<User> = rows
        .map(|row| {
            let number = row * stride;
            // Two dice: ages and tenures are not spread evenly.
            let tenure = random.random_range(0..3_650).min(random.random_range(0..3_650));
            User {
                number,
                id: user_id(number, all),
                name: random.random(),
                place: random.random(),
                digits: random.random(),
                country: random.random_range(0..COUNTRIES.len()).min(random.random_range(0..COUNTRIES.len())),
                female: random.random(),
                age: 18 + (random.random_range(0..35) + random.random_range(0..35)),
                tenure,
                issues: [0, 0, 0, 0, 0, 0, 1, 1, 2, 3][random.random_range(0..10)],
            }
        })
        .collect();
    let columns = schema.fields().iter().map(|field| column(field.name(), &users));
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect::<anyhow::Result<_>>()?)?)
}

fn texts(
    users: &[User],
    write: impl Fn(&User, &mut StringBuilder) -> std::fmt::Result,
) -> anyhow::Result<ArrayRef> {
    let mut texts = StringBuilder::with_capacity(users.len(), users.len() * 16);
    for user in users {
        write(user, &mut texts)?;
        texts.append_value("");
    }
    Ok(Arc::new(texts.finish()))
}

fn days(users: &[User], before: impl Fn(&User) -> i32) -> ArrayRef {
    let today = DAY.to_epoch_days();
    Arc::new(users.iter().map(|user| Some(today - before(user))).collect::<Date32Array>())
}

fn numbers(users: &[User], of: impl Fn(&User) -> i32) -> ArrayRef {
    Arc::new(users.iter().map(|user| Some(of(user))).collect::<Int32Array>())
}

const PROVIDERS: [&str; 8] = [
    "gmail.com",
    "yahoo.com",
    "outlook.com",
    "example.com",
    "example.org",
    "proton.me",
    "web.de",
    "orange.fr",
];
const ISSUES: [&str; 5] =
    ["missing_phone", "invalid_email", "missing_postcode", "implausible_age", "missing_coordinates"];

fn column(name: &str, users: &[User]) -> anyhow::Result<ArrayRef> {
    let first = |user: &User, out: &mut StringBuilder| write_name(out, user.name % 300);
    let last = |user: &User, out: &mut StringBuilder| write_name(out, user.name / 300 % 2_000);
    let provider = |user: &User| PROVIDERS[(user.digits % 16).min(7) as usize];
    // A country's 60 places are others than the next one's.
    let city = |user: &User, out: &mut StringBuilder| {
        write_name(out, (user.country as u64 * 60 + user.place % 60) % 2_000)
    };
    let state = |user: &User, out: &mut StringBuilder| {
        write_name(out, (user.country as u64 * 60 + user.place % 60) / 4 * 4)?;
        out.write_str(" Region")
    };
    let street = |user: &User, out: &mut StringBuilder| {
        write!(out, "{} ", user.place / 64 % 9_999)?;
        write_name(out, user.place / 7 % 2_000)?;
        out.write_str(" Street")
    };
    let company = |user: &User, out: &mut StringBuilder| {
        write_name(out, user.name / 11 % 2_000)?;
        out.write_str([" Ltd", " GmbH", " AB"][(user.name % 3) as usize])
    };
    let post_code = |user: &User, out: &mut StringBuilder| write!(out, "{}", 10_000 + user.place % 80_000);
    let micros = DAY.and_hms_opt(3, 0, 0).context("an instant")?.and_utc().timestamp_micros();
    Ok(match name {
        "id" => texts(users, |user, out| write_uuid(out, user.id))?,
        "first_name" => texts(users, first)?,
        "last_name" => texts(users, last)?,
        "full_name" => texts(users, |user, out| {
            first(user, out)?;
            out.write_str(" ")?;
            last(user, out)
        })?,
        "gender" => texts(users, |user, out| out.write_str(if user.female { "female" } else { "male" }))?,
        "email" => texts(users, |user, out| {
            first(user, out)?;
            out.write_str(".")?;
            last(user, out)?;
            write!(out, "{}@{}", user.digits / 16 % 10_000, provider(user))
        })?,
        "email_domain" => texts(users, |user, out| out.write_str(provider(user)))?,
        "email_provider_type" => {
            texts(users, |user, out| out.write_str(if user.digits % 16 < 3 { "free" } else { "other" }))?
        }
        "email_valid" => {
            Arc::new(users.iter().map(|user| Some(user.digits % 50 > 0)).collect::<BooleanArray>())
        }
        "phone_valid" => {
            Arc::new(users.iter().map(|user| Some(user.digits % 20 > 0)).collect::<BooleanArray>())
        }
        "username" => texts(users, |user, out| write!(out, "user{:x}", mixed(user.number) >> 24))?,
        "phone" => {
            texts(users, |user, out| write!(out, "+{}", 10_000_000_000 + user.digits % 89_999_999_999))?
        }
        "address" => texts(users, |user, out| {
            street(user, out)?;
            out.write_str(", ")?;
            city(user, out)?;
            out.write_str(", ")?;
            post_code(user, out)?;
            write!(out, ", {}", COUNTRIES[user.country].0)
        })?,
        "street_address" => texts(users, street)?,
        "city" => texts(users, city)?,
        "state" => texts(users, state)?,
        "country" => texts(users, |user, out| out.write_str(COUNTRIES[user.country].0))?,
        "country_code" => texts(users, |user, out| out.write_str(COUNTRIES[user.country].1))?,
        "post_code" => texts(users, post_code)?,
        "latitude" => Arc::new(Float64Array::from_iter_values(
            users.iter().map(|user| (user.place % 1_800_000) as f64 / 1e4 - 90.0),
        )),
        "longitude" => Arc::new(Float64Array::from_iter_values(
            users.iter().map(|user| (user.digits % 3_600_000) as f64 / 1e4 - 180.0),
        )),
        "birth_date" => days(users, |user| user.age * 365 + user.age / 4 + (user.digits % 365) as i32),
        "age_years" => numbers(users, |user| user.age),
        "age_group" => texts(users, |user, out| {
            out.write_str(
                ["18-24", "25-34", "35-44", "45-54", "55-64", "65+"]
                    [((user.age - 15) / 10).clamp(0, 5) as usize],
            )
        })?,
        "generation" => texts(users, |user, out| {
            out.write_str(
                ["Gen Z", "Millennial", "Gen X", "Boomer"][((user.age - 13) / 16).clamp(0, 3) as usize],
            )
        })?,
        "registration_date" => days(users, |user| user.tenure),
        "account_age_days" => numbers(users, |user| user.tenure),
        "account_tenure_category" => texts(users, |user, out| {
            out.write_str(
                ["new", "regular", "established", "veteran"][(user.tenure / 365).clamp(0, 3) as usize],
            )
        })?,
        "data_quality_score" => Arc::new(Float64Array::from_iter_values(
            users.iter().map(|user| 100.0 - user.issues as f64 * 12.5),
        )),
        "quality_issues" => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for user in users {
                for issue in 0..user.issues {
                    lists.values().append_value(ISSUES[(user.digits as usize + issue) % ISSUES.len()]);
                }
                lists.append(true);
            }
            Arc::new(lists.finish())
        }
        "picture" => texts(users, |user, out| {
            write!(
                out,
                "https://randomuser.me/api/portraits/{}/{}.jpg",
                if user.female { "women" } else { "men" },
                user.digits % 100
            )
        })?,
        "business_email" => texts(users, |user, out| {
            last(user, out)?;
            write!(out, "{}@company{}.example", user.digits % 1_000, user.name / 11 % 2_000)
        })?,
        "user_company" => texts(users, company)?,
        "processed_at" => {
            let instants = TimestampMicrosecondArray::from_value(micros, users.len());
            Arc::new(instants.with_timezone("UTC"))
        }
        "processing_date" => days(users, |_| 0),
        "data_source" => texts(users, |_, out| out.write_str("randomuser.me"))?,
        "job_name" => texts(users, |_, out| out.write_str("raw-transformation"))?,
        "source_topic" => texts(users, |_, out| out.write_str("users_created"))?,
        "source_generation" => texts(users, |_, out| out.write_str("bench"))?,
        "source_partition" => numbers(users, |user| (user.digits % 4) as i32),
        "source_offset" => {
            Arc::new(Int64Array::from_iter_values(users.iter().map(|user| user.number as i64 / 4)))
        }
        _ => bail!("users_transformed has the column {name}, which the bench does not make"),
    })
}
