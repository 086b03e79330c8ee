//! A small table of untidy rows, and its files.
#![allow(dead_code, reason = "each test file uses some of it")]

pub(crate) mod bare;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use millrace_iceberg::{Commit, DataFile, Definition, Partitioning, Table, Warehouse, data_key, measure};
use millrace_lake::Store;
use parquet::arrow::ArrowWriter;

pub(crate) const TABLE: &str = "users";
const MICROS_A_DAY: i64 = 86_400_000_000;

pub(crate) fn day(n: i64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 2, 1).unwrap() + Duration::days(n)
}

pub(crate) fn at(minute: i64) -> DateTime<Utc> {
    "2026-03-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minute)
}

pub(crate) fn schema(more: &[&str]) -> SchemaRef {
    let mut fields = vec![
        Field::new("processing_date", DataType::Date32, true),
        Field::new("email", DataType::Utf8, true),
        Field::new("n", DataType::Int64, true),
        Field::new("age", DataType::Int32, true),
        Field::new("share", DataType::Float64, true),
        Field::new("valid", DataType::Boolean, true),
        Field::new("seen", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new_list("issues", Field::new("item", DataType::Utf8, true), true),
        Field::new("city", DataType::Utf8, true),
    ];
    fields.extend(more.iter().map(|name| Field::new(*name, DataType::Utf8, true)));
    Arc::new(Schema::new(fields))
}

/// `rows` rows of a day, whose `n` count from `from`; every third value is null.
pub(crate) fn batch(day: NaiveDate, from: i64, rows: i64, more: &[&str]) -> RecordBatch {
    let days = (day - NaiveDate::default()).num_days();
    let numbers = || (0..rows).map(|row| from + row);
    let some = |n: i64| n % 3 != 2;
    let text = |what: &str| -> ArrayRef {
        Arc::new(
            numbers().map(|n| some(n).then(|| format!("{what}{n}@example.com"))).collect::<StringArray>(),
        )
    };
    let mut issues = ListBuilder::new(StringBuilder::new());
    for n in numbers() {
        (0..n % 3).for_each(|issue| issues.values().append_value(format!("issue {issue}")));
        issues.append(n % 4 != 3);
    }
    let seen = numbers().map(|n| some(n).then(|| days * MICROS_A_DAY + n));
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from_value(days as i32, rows as usize)),
        text("person"),
        Arc::new(Int64Array::from_iter_values(numbers())),
        Arc::new(numbers().map(|n| some(n).then_some(n as i32 % 90)).collect::<Int32Array>()),
        Arc::new(numbers().map(|n| some(n).then_some(n as f64 / 7.0)).collect::<Float64Array>()),
        Arc::new(numbers().map(|n| some(n).then_some(n % 2 == 0)).collect::<BooleanArray>()),
        Arc::new(seen.collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
        Arc::new(issues.finish()),
        Arc::new(StringArray::from_iter_values(numbers().map(|n| format!("Ciudad del Este y más {n:05}")))),
    ];
    columns.extend(more.iter().map(|name| text(name)));
    RecordBatch::try_new(schema(more), columns).unwrap()
}

pub(crate) fn parquet(batch: &RecordBatch) -> Bytes {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    // Two row groups, so that bounds are over both.
    let half = batch.num_rows() / 2;
    writer.write(&batch.slice(0, half)).unwrap();
    writer.flush().unwrap();
    writer.write(&batch.slice(half, batch.num_rows() - half)).unwrap();
    writer.close().unwrap();
    bytes.into()
}

pub(crate) fn table(store: Arc<dyn Store>) -> Table {
    let warehouse =
        Warehouse::of_folder(Arc::clone(&store)).unwrap_or_else(|| Warehouse::new(store, "s3://bucket/lake"));
    Table::without_catalogue(warehouse, TABLE).unwrap()
}

pub(crate) async fn create(table: &Table) {
    let schema = schema(&[]);
    let definition = Definition {
        schema: &schema,
        partitioning: Partitioning::Date("processing_date".to_owned()),
        sorted_by: vec!["n".to_owned()],
        properties: BTreeMap::from([("owner".to_owned(), "millrace".to_owned())]),
    };
    assert!(table.create(&definition, at(0)).await.unwrap());
}

/// A data file of the run `run`, put where it belongs.
pub(crate) async fn file(table: &Table, of: NaiveDate, run: &str, batch: &RecordBatch) -> DataFile {
    let metadata = table.load().await.unwrap().metadata;
    let key = data_key(TABLE, &metadata, of, at(0), run, 0).unwrap();
    table.warehouse().store().put(&key, parquet(batch)).await.unwrap();
    let personal = BTreeSet::from(["email".to_owned()]);
    measure(table.warehouse(), &key, &metadata, of, &personal).await.unwrap()
}

pub(crate) fn commit(id: &str, started: i64) -> Commit {
    let summary = BTreeMap::from([("millrace.kafka-offsets".to_owned(), r#"{"users-0":17}"#.to_owned())]);
    Commit { id: id.to_owned(), started: at(started), now: at(started), summary }
}
