//! What ours is held against.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, ensure};
use arrow_array::builder::{
    Float64Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use millrace_events::raw_schema;
use millrace_proto::users::v1::UserCreated;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use prost::Message;

/// prost's own types, Arrow's builders and Parquet's defaults (zstd level 1), one file, fsynced. Answers its size.
pub(crate) fn stock(folder: &Path, values: &[Vec<u8>]) -> anyhow::Result<u64> {
    let file = File::create(folder.join("stock.parquet"))?;
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(file, raw_schema::users(), Some(properties))?;
    for (chunk, values) in values.chunks(4_096).enumerate() {
        writer.write(&batch(values, (chunk * 4_096) as i64)?)?;
    }
    let file = writer.into_inner()?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

fn batch(values: &[Vec<u8>], first_offset: i64) -> anyhow::Result<RecordBatch> {
    let users =
        values.iter().map(|value| UserCreated::decode(value.as_slice())).collect::<Result<Vec<_>, _>>()?;
    let text = |field: fn(&UserCreated) -> &Option<String>| {
        let mut column = StringBuilder::new();
        users.iter().for_each(|user| column.append_option(field(user).as_ref()));
        Arc::new(column.finish()) as ArrayRef
    };
    let double = |field: fn(&UserCreated) -> Option<f64>| {
        let mut column = Float64Builder::new();
        users.iter().for_each(|user| column.append_option(field(user)));
        Arc::new(column.finish()) as ArrayRef
    };
    let instants = |values: &mut dyn Iterator<Item = Option<i64>>| {
        let mut column = TimestampMicrosecondBuilder::new().with_timezone("UTC");
        values.for_each(|value| column.append_option(value));
        Arc::new(column.finish()) as ArrayRef
    };
    let instant = |field: fn(&UserCreated) -> &Option<prost_types::Timestamp>| {
        let micros = |at: &prost_types::Timestamp| at.seconds * 1_000_000 + i64::from(at.nanos / 1_000);
        instants(&mut users.iter().map(|user| field(user).as_ref().map(micros)))
    };
    let mut page = Int32Builder::new();
    users.iter().for_each(|user| page.append_option(user.source_page));
    let (mut topic, mut generation) = (StringBuilder::new(), StringBuilder::new());
    let (mut partition, mut offset) = (Int32Builder::new(), Int64Builder::new());
    for index in 0..users.len() {
        topic.append_value("users_created");
        generation.append_value("bench");
        partition.append_value(0);
        offset.append_value(first_offset + index as i64);
    }
    let now = 1_767_225_600_000_000;
    Ok(RecordBatch::try_new(
        raw_schema::users(),
        vec![
            text(|u| &u.user_id),
            text(|u| &u.title),
            text(|u| &u.first_name),
            text(|u| &u.last_name),
            text(|u| &u.gender),
            text(|u| &u.street_number),
            text(|u| &u.street_name),
            text(|u| &u.city),
            text(|u| &u.state),
            text(|u| &u.country),
            text(|u| &u.country_code),
            text(|u| &u.postcode),
            double(|u| u.latitude),
            double(|u| u.longitude),
            text(|u| &u.timezone_offset),
            text(|u| &u.timezone_description),
            text(|u| &u.email),
            text(|u| &u.username),
            instant(|u| &u.dob),
            instant(|u| &u.registered_at),
            text(|u| &u.phone),
            text(|u| &u.cell),
            text(|u| &u.national_id_name),
            text(|u| &u.national_id_value),
            text(|u| &u.picture_url),
            instant(|u| &u.fetched_at),
            text(|u| &u.source),
            text(|u| &u.source_seed),
            Arc::new(page.finish()),
            text(|u| &u.gender_branch),
            text(|u| &u.business_email),
            text(|u| &u.user_company),
            Arc::new(topic.finish()),
            Arc::new(generation.finish()),
            Arc::new(partition.finish()),
            Arc::new(offset.finish()),
            instants(
                &mut (0..users.len() as i64).map(|index| Some(now + (first_offset + index) / 100 * 1_000)),
            ),
            instants(&mut users.iter().map(|_| Some(now))),
        ],
    )?)
}

/// A Python with pyarrow, from `MILLRACE_PYTHON`.
pub(crate) fn python() -> Option<PathBuf> {
    let python = PathBuf::from(std::env::var_os("MILLRACE_PYTHON")?);
    let imports = Command::new(&python).args(["-c", "import pyarrow"]).output().ok()?;
    imports.status.success().then_some(python)
}

/// CPU seconds that Python needs for the same records into the same columns, codec and level, fsynced.
pub(crate) fn json_pyarrow(python: &Path, lines: &Path, out: &Path) -> anyhow::Result<f64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("json_pyarrow.py");
    let output = Command::new(python)
        .arg(script)
        .arg(lines)
        .arg(out)
        .output()
        .context("the peer could not be started")?;
    ensure!(output.status.success(), "the peer failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}
