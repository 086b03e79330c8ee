//! From raw rows to users_transformed: each of its 41 columns, by the rules of docs/tables.md.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use millrace_events::enrich::{self, GenderBranch};
use millrace_tables::curated::USERS_TRANSFORMED;
use millrace_tables::job_names::RAW_TRANSFORMATION;
use millrace_tables::{RunContext, ages};

use crate::columns::{Texts, numbers};
use crate::kernel_error::KernelError;
use crate::source_position::{self, whole};
use crate::{clean, email, phone, quality};

/// What the table needs of a raw row, and its record's timestamp, by which rows compete; the rest stays in raw.
pub const RAW_COLUMNS: [&str; 25] = [
    "user_id",
    "first_name",
    "last_name",
    "gender",
    "street_number",
    "street_name",
    "city",
    "state",
    "country",
    "country_code",
    "postcode",
    "latitude",
    "longitude",
    "email",
    "username",
    "dob",
    "registered_at",
    "phone",
    "picture_url",
    "source",
    "_topic",
    "_generation",
    "_partition",
    "_offset",
    "_timestamp",
];

/// The texts of raw rows, however an engine holds them.
pub trait RawTexts {
    /// A column.
    type Column<'a>: TextColumn
    where
        Self: 'a;

    /// The column `name`; `None` where the rows lack it.
    ///
    /// # Errors
    /// It holds no texts.
    fn column(&self, name: &'static str) -> Result<Option<Self::Column<'_>>, KernelError>;
}

/// A column of texts.
pub trait TextColumn {
    /// The text of a row, which the column has; `None` where it is absent.
    fn at(&self, row: usize) -> Option<&str>;
}

impl RawTexts for RecordBatch {
    type Column<'a> = Texts<'a>;

    fn column(&self, name: &'static str) -> Result<Option<Texts<'_>>, KernelError> {
        Ok(Some(Texts::of(self, name)?).filter(|texts| !matches!(texts, Texts::Absent)))
    }
}

impl TextColumn for Texts<'_> {
    fn at(&self, row: usize) -> Option<&str> {
        Texts::at(self, row)
    }
}

/// Each raw row as the table's row, in the order in which they come; columns as the table's files have them.
///
/// A column that `raw` lacks is absent in every row, one that nobody reads is passed over. Texts may be Utf8, LargeUtf8 or Utf8View.
///
/// # Errors
/// A row has no source position, or a column is of another type than raw/users has.
pub fn transform(raw: &RecordBatch, run: &RunContext) -> Result<RecordBatch, KernelError> {
    transform_texts(raw, raw, run)
}

/// [`transform`] for an engine that holds texts in its own way: `texts` has them, of as many rows as `raw`, which has the numbers and instants.
///
/// # Errors
/// See [`transform`].
pub fn transform_texts(
    texts: &impl RawTexts,
    raw: &RecordBatch,
    run: &RunContext,
) -> Result<RecordBatch, KernelError> {
    let rows = raw.num_rows();
    let trimmed = |name| Ok::<_, KernelError>(made(rows, texts.column(name)?.as_ref(), clean::trimmed));
    let squeezed = |name| Ok::<_, KernelError>(made(rows, texts.column(name)?.as_ref(), clean::squeezed));
    let named = |name| Ok::<_, KernelError>(made(rows, texts.column(name)?.as_ref(), clean::name));

    let id = made(rows, texts.column("user_id")?.as_ref(), clean::id);
    let (first_name, last_name) = (named("first_name")?, named("last_name")?);
    let gender = texts.column("gender")?;
    let gender = |row| GenderBranch::of(gender.as_ref().and_then(|gender| gender.at(row)));
    let genders: Vec<GenderBranch> = (0..rows).map(gender).collect();
    let (address, username, number) = (trimmed("email")?, trimmed("username")?, trimmed("phone")?);
    let (street_number, street_name) = (squeezed("street_number")?, squeezed("street_name")?);
    let (city, state, country) = (squeezed("city")?, squeezed("state")?, squeezed("country")?);
    let country_code = trimmed("country_code")?;
    let (birth_date, registration_date) = (dates(raw, "dob")?, dates(raw, "registered_at")?);

    let street = joined([&street_number, &street_name], " ");
    let email_domain = made(rows, Some(&Texts::Plain(&address)), email::domain);
    let email_valid = holds(&address, email::is_valid);
    let phone_valid = holds(&number, phone::is_valid);
    let age_years: Int32Array =
        birth_date.iter().map(|birth| birth.and_then(|birth| ages::age_years(birth, run.as_of))).collect();
    let account_age: Int32Array =
        registration_date.iter().map(|day| day.map(|day| ages::account_age_days(day, run.as_of))).collect();
    let found = (0..rows).map(|row| [id.is_null(row), !email_valid.value(row), !phone_valid.value(row)]);
    let (scores, issues) = judged(found);

    let [topic, generation, partition, offset] = source_position::COLUMNS;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(id),
        Arc::new(first_name.clone()),
        Arc::new(last_name.clone()),
        Arc::new(joined([&first_name, &last_name], " ")),
        Arc::new(words(genders.iter().map(|gender| gender.as_str()))),
        Arc::new(address.clone()),
        Arc::new(email_domain.clone()),
        Arc::new(words((0..rows).map(|row| email::provider_type(at(&email_domain, row))))),
        Arc::new(email_valid),
        Arc::new(username.clone()),
        Arc::new(formatted_phones(&number, &country_code)),
        Arc::new(phone_valid),
        Arc::new(joined([&street, &city, &state, &country], ", ")),
        Arc::new(street),
        Arc::new(city),
        Arc::new(state),
        Arc::new(country),
        Arc::new(country_code),
        Arc::new(trimmed("postcode")?),
        Arc::new(finite(raw, "latitude")?),
        Arc::new(finite(raw, "longitude")?),
        Arc::new(birth_date.clone()),
        Arc::new(age_years.clone()),
        Arc::new(words(age_years.iter().map(ages::age_group))),
        Arc::new(words(birth_date.iter().map(|birth| ages::generation(birth, run.as_of)))),
        Arc::new(registration_date),
        Arc::new(account_age.clone()),
        Arc::new(words(account_age.iter().map(ages::account_tenure_category))),
        scores,
        issues,
        Arc::new(trimmed("picture_url")?),
        Arc::new(written(rows, |row, out| {
            enrich::write_business_email(at(&address, row), genders[row], out)
        })),
        Arc::new(written(rows, |row, out| enrich::write_user_company(at(&username, row), out))),
        Arc::new(TimestampMicrosecondArray::from_value(run.started_at.get(), rows).with_timezone("UTC")),
        Arc::new(Date32Array::from_value(ages::days(run.as_of), rows)),
        Arc::new(trimmed("source")?),
        Arc::new(words(std::iter::repeat_n(RAW_TRANSFORMATION, rows))),
        Arc::new(placed(rows, texts, topic)?),
        Arc::new(placed(rows, texts, generation)?),
        Arc::new(whole::<Int32Type>(raw, partition)?.clone()),
        Arc::new(whole::<Int64Type>(raw, offset)?.clone()),
    ];
    Ok(RecordBatch::try_new(USERS_TRANSFORMED.arrow_schema(), columns)?)
}

fn at(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

/// `rule` over the present texts; absent stays absent.
fn made<'a, C: TextColumn, T: AsRef<str>>(
    rows: usize,
    texts: Option<&'a C>,
    rule: impl Fn(&'a str) -> Option<T>,
) -> StringArray {
    match texts {
        Some(texts) => (0..rows).map(|row| texts.at(row).and_then(&rule)).collect(),
        None => StringArray::new_null(rows),
    }
}

/// A text of the source position.
fn placed(rows: usize, texts: &impl RawTexts, column: &'static str) -> Result<StringArray, KernelError> {
    let found = texts.column(column)?.ok_or(KernelError::MissingPosition { column })?;
    let found = made(rows, Some(&found), Some);
    match found.null_count() {
        0 => Ok(found),
        rows => Err(KernelError::NullPosition { column, rows }),
    }
}

/// Texts that a rule appends to what it is given; absent where it says that there is none.
fn written(rows: usize, write: impl Fn(usize, &mut String) -> bool) -> StringArray {
    let mut texts = StringBuilder::with_capacity(rows, 0);
    let mut text = String::new();
    for row in 0..rows {
        text.clear();
        texts.append_option(write(row, &mut text).then_some(text.as_str()));
    }
    texts.finish()
}

/// Texts of which none is absent.
fn words<'a>(words: impl Iterator<Item = &'a str>) -> StringArray {
    StringArray::from_iter_values(words)
}

fn joined<const N: usize>(parts: [&StringArray; N], separator: &str) -> StringArray {
    let rows = parts.first().map_or(0, |part| part.len());
    (0..rows).map(|row| clean::joined(parts.map(|part| at(part, row)), separator)).collect()
}

/// A truth about a text; of an absent one it is `false`.
fn holds(texts: &StringArray, rule: fn(&str) -> bool) -> BooleanArray {
    texts.iter().map(|text| Some(text.is_some_and(rule))).collect()
}

fn formatted_phones(numbers: &StringArray, country_codes: &StringArray) -> StringArray {
    let pairs = numbers.iter().zip(country_codes);
    pairs.map(|(number, country)| number.map(|number| phone::formatted(number, country))).collect()
}

/// The UTC dates of instants.
fn dates(raw: &RecordBatch, name: &'static str) -> Result<Date32Array, KernelError> {
    Ok(match numbers::<TimestampMicrosecondType>(raw, name)? {
        Some(instants) => instants.unary(ages::day_of),
        None => Date32Array::new_null(raw.num_rows()),
    })
}

/// NaN and the infinities are absent.
fn finite(raw: &RecordBatch, name: &'static str) -> Result<Float64Array, KernelError> {
    Ok(match numbers::<Float64Type>(raw, name)? {
        Some(numbers) => numbers.iter().map(|number| number.filter(|number| number.is_finite())).collect(),
        None => Float64Array::new_null(raw.num_rows()),
    })
}

/// The scores of rows and their lists of issues, by which of the three each has.
fn judged(found: impl ExactSizeIterator<Item = [bool; 3]>) -> (ArrayRef, ArrayRef) {
    let mut scores = Vec::with_capacity(found.len());
    let mut lists = ListBuilder::with_capacity(StringBuilder::new(), found.len());
    for found in found {
        scores.push(quality::score(found));
        quality::issues(found).for_each(|issue| lists.values().append_value(issue));
        lists.append(true);
    }
    (Arc::new(Float64Array::from(scores)), Arc::new(lists.finish()))
}
