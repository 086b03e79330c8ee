//! Records of one partition into an Arrow batch of `raw/users`.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::ArrowError;

use crate::decode::{self, Value};
use crate::refusal::Refusal;
use crate::schema;
use crate::user::User;

/// One life of a topic's partition: what all rows of a batch have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionLife {
    pub topic: String,
    pub generation: String,
    pub partition: i32,
}

/// Gathers the rows of one partition's records.
#[derive(Debug)]
pub struct UserBatchBuilder {
    life: PartitionLife,
    user_id: StringBuilder,
    title: StringBuilder,
    first_name: StringBuilder,
    last_name: StringBuilder,
    gender: StringBuilder,
    street_number: StringBuilder,
    street_name: StringBuilder,
    city: StringBuilder,
    state: StringBuilder,
    country: StringBuilder,
    country_code: StringBuilder,
    postcode: StringBuilder,
    latitude: Float64Builder,
    longitude: Float64Builder,
    timezone_offset: StringBuilder,
    timezone_description: StringBuilder,
    email: StringBuilder,
    username: StringBuilder,
    dob: TimestampMicrosecondBuilder,
    registered_at: TimestampMicrosecondBuilder,
    phone: StringBuilder,
    cell: StringBuilder,
    national_id_name: StringBuilder,
    national_id_value: StringBuilder,
    picture_url: StringBuilder,
    fetched_at: TimestampMicrosecondBuilder,
    source: StringBuilder,
    source_seed: StringBuilder,
    source_page: Int32Builder,
    gender_branch: StringBuilder,
    business_email: StringBuilder,
    user_company: StringBuilder,
    offset: Int64Builder,
    timestamp: TimestampMicrosecondBuilder,
}

impl UserBatchBuilder {
    /// `rows` is how many rows to make room for.
    pub fn new(life: PartitionLife, rows: usize) -> Self {
        let text = |bytes: usize| StringBuilder::with_capacity(rows, rows * bytes);
        let instant = || TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC");
        Self {
            life,
            // The room for each text is its mean length in the API's answers, rounded up.
            user_id: text(36),
            title: text(6),
            first_name: text(10),
            last_name: text(12),
            gender: text(7),
            street_number: text(5),
            street_name: text(20),
            city: text(14),
            state: text(16),
            country: text(16),
            country_code: text(2),
            postcode: text(7),
            latitude: Float64Builder::with_capacity(rows),
            longitude: Float64Builder::with_capacity(rows),
            timezone_offset: text(6),
            timezone_description: text(32),
            email: text(32),
            username: text(18),
            dob: instant(),
            registered_at: instant(),
            phone: text(16),
            cell: text(16),
            national_id_name: text(6),
            national_id_value: text(16),
            picture_url: text(56),
            fetched_at: instant(),
            source: text(16),
            source_seed: text(16),
            source_page: Int32Builder::with_capacity(rows),
            gender_branch: text(7),
            business_email: text(34),
            user_company: text(24),
            offset: Int64Builder::with_capacity(rows),
            timestamp: instant(),
        }
    }

    /// Adds the record at `offset`, of Kafka timestamp `timestamp` (µs since 1970, UTC). A refused one adds nothing.
    pub fn push(&mut self, value: &Value<'_>, offset: i64, timestamp: i64) -> Result<(), Refusal> {
        let user = decode::user(value)?;
        self.push_user(&user);
        self.offset.append_value(offset);
        self.timestamp.append_value(timestamp);
        Ok(())
    }

    fn push_user(&mut self, user: &User<'_>) {
        append(&mut self.user_id, &user.user_id);
        append(&mut self.title, &user.title);
        append(&mut self.first_name, &user.first_name);
        append(&mut self.last_name, &user.last_name);
        append(&mut self.gender, &user.gender);
        append(&mut self.street_number, &user.street_number);
        append(&mut self.street_name, &user.street_name);
        append(&mut self.city, &user.city);
        append(&mut self.state, &user.state);
        append(&mut self.country, &user.country);
        append(&mut self.country_code, &user.country_code);
        append(&mut self.postcode, &user.postcode);
        self.latitude.append_option(user.latitude);
        self.longitude.append_option(user.longitude);
        append(&mut self.timezone_offset, &user.timezone_offset);
        append(&mut self.timezone_description, &user.timezone_description);
        append(&mut self.email, &user.email);
        append(&mut self.username, &user.username);
        self.dob.append_option(user.dob);
        self.registered_at.append_option(user.registered_at);
        append(&mut self.phone, &user.phone);
        append(&mut self.cell, &user.cell);
        append(&mut self.national_id_name, &user.national_id_name);
        append(&mut self.national_id_value, &user.national_id_value);
        append(&mut self.picture_url, &user.picture_url);
        self.fetched_at.append_option(user.fetched_at);
        append(&mut self.source, &user.source);
        append(&mut self.source_seed, &user.source_seed);
        self.source_page.append_option(user.source_page);
        append(&mut self.gender_branch, &user.gender_branch);
        append(&mut self.business_email, &user.business_email);
        append(&mut self.user_company, &user.user_company);
    }

    /// Rows gathered since the last [`finish`](Self::finish).
    pub fn rows(&self) -> usize {
        self.offset.values_slice().len()
    }

    /// The rows gathered, landed at `ingested_at` (µs since 1970, UTC), in the order of [`schema::users`]; the
    /// builder is empty again.
    pub fn finish(&mut self, ingested_at: i64) -> Result<RecordBatch, ArrowError> {
        let rows = self.rows();
        let repeated = |text: &str| Arc::new(StringArray::new_repeated(text, rows)) as ArrayRef;
        let mut partition = Int32Builder::with_capacity(rows);
        partition.append_value_n(self.life.partition, rows);
        let mut ingested = TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC");
        ingested.append_value_n(ingested_at, rows);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.user_id.finish()),
            Arc::new(self.title.finish()),
            Arc::new(self.first_name.finish()),
            Arc::new(self.last_name.finish()),
            Arc::new(self.gender.finish()),
            Arc::new(self.street_number.finish()),
            Arc::new(self.street_name.finish()),
            Arc::new(self.city.finish()),
            Arc::new(self.state.finish()),
            Arc::new(self.country.finish()),
            Arc::new(self.country_code.finish()),
            Arc::new(self.postcode.finish()),
            Arc::new(self.latitude.finish()),
            Arc::new(self.longitude.finish()),
            Arc::new(self.timezone_offset.finish()),
            Arc::new(self.timezone_description.finish()),
            Arc::new(self.email.finish()),
            Arc::new(self.username.finish()),
            Arc::new(self.dob.finish()),
            Arc::new(self.registered_at.finish()),
            Arc::new(self.phone.finish()),
            Arc::new(self.cell.finish()),
            Arc::new(self.national_id_name.finish()),
            Arc::new(self.national_id_value.finish()),
            Arc::new(self.picture_url.finish()),
            Arc::new(self.fetched_at.finish()),
            Arc::new(self.source.finish()),
            Arc::new(self.source_seed.finish()),
            Arc::new(self.source_page.finish()),
            Arc::new(self.gender_branch.finish()),
            Arc::new(self.business_email.finish()),
            Arc::new(self.user_company.finish()),
            repeated(&self.life.topic),
            repeated(&self.life.generation),
            Arc::new(partition.finish()),
            Arc::new(self.offset.finish()),
            Arc::new(self.timestamp.finish()),
            Arc::new(ingested.finish()),
        ];
        RecordBatch::try_new(schema::users(), columns)
    }
}

#[inline]
fn append(column: &mut StringBuilder, text: &Option<Cow<'_, str>>) {
    match text {
        Some(text) => column.append_value(text),
        None => column.append_null(),
    }
}
