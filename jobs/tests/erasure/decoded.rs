//! All that a file says, and what an Iceberg table reads, by a decoding of the test's own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use apache_avro::Reader;
use apache_avro::types::Value;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::lake::files;

/// The texts of a Parquet file, Avro file or JSON file, and the file's bytes.
pub(crate) fn said(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("readable");
    let mut said = bytes.clone();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("parquet") => rows(path).iter().for_each(|batch| texts_of(batch, &mut said)),
        Some("avro") => values(path).iter().for_each(|value| texts_in(value, &mut said)),
        Some("json") => {
            let value: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
            json_texts(&value, &mut said);
        }
        _ => {}
    }
    said
}

/// The files below the lake, its locks and scratch too, that say one of `needles`, whatever the case.
pub(crate) fn telling(lake: &Path, needles: &[&str]) -> Vec<PathBuf> {
    let tells = |path: &PathBuf| {
        let said = said(path).to_ascii_lowercase();
        let said = String::from_utf8_lossy(&said);
        needles.iter().any(|needle| said.contains(needle))
    };
    files(lake).into_iter().filter(tells).collect()
}

fn rows(path: &Path) -> Vec<RecordBatch> {
    let file = std::fs::File::open(path).expect("open");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader");
    reader.map(|batch| batch.expect("rows")).collect()
}

fn texts_of(batch: &RecordBatch, said: &mut Vec<u8>) {
    for column in batch.columns() {
        let texts = column.as_string_opt::<i32>().map(|texts| texts.iter().flatten().collect::<String>());
        let views = column.as_string_view_opt().map(|texts| texts.iter().flatten().collect::<String>());
        let large = column.as_string_opt::<i64>().map(|texts| texts.iter().flatten().collect::<String>());
        said.extend([texts, views, large].into_iter().flatten().flat_map(String::into_bytes));
    }
}

pub(crate) fn values(path: &Path) -> Vec<Value> {
    let bytes = std::fs::read(path).expect("readable");
    Reader::new(&bytes[..]).expect("Avro").map(|value| value.expect("a record")).collect()
}

fn texts_in(value: &Value, said: &mut Vec<u8>) {
    match value {
        Value::String(text) => said.extend(text.bytes()),
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => said.extend(bytes),
        Value::Union(_, value) => texts_in(value, said),
        Value::Array(values) => values.iter().for_each(|value| texts_in(value, said)),
        Value::Map(values) => values.values().for_each(|value| texts_in(value, said)),
        Value::Record(fields) => fields.iter().for_each(|(_, value)| texts_in(value, said)),
        _ => {}
    }
}

fn json_texts(value: &serde_json::Value, said: &mut Vec<u8>) {
    match value {
        serde_json::Value::String(text) => said.extend(text.bytes()),
        serde_json::Value::Array(values) => values.iter().for_each(|value| json_texts(value, said)),
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                said.extend(name.bytes());
                json_texts(value, said);
            }
        }
        _ => {}
    }
}

/// Rows, each as its cells' texts.
pub(crate) type Rows = BTreeSet<String>;

/// An Iceberg table without a catalogue, read by its files.
pub(crate) struct Seen {
    /// What each snapshot reads.
    pub(crate) snapshots: BTreeMap<i64, Rows>,
    /// What readers read.
    pub(crate) now: Option<i64>,
    /// Branches and tags.
    pub(crate) refs: BTreeSet<String>,
}

/// The newest metadata of a table.
pub(crate) fn metadata(lake: &Path, table: &str) -> (PathBuf, u64, serde_json::Value) {
    let folder = lake.join("iceberg").join(table).join("metadata");
    let version = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?.strip_prefix('v')?.strip_suffix(".metadata.json")?;
        name.parse::<u64>().ok()
    };
    let newest = files(&folder).into_iter().filter_map(|path| Some((version(&path)?, path))).max();
    let (version, path) = newest.expect("metadata");
    let value = serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("JSON");
    (path, version, value)
}

fn path_of(location: &str) -> PathBuf {
    PathBuf::from(format!("/{}", location.strip_prefix("file:").expect("a file").trim_start_matches('/')))
}

fn field<'v>(value: &'v Value, name: &str) -> &'v Value {
    let Value::Record(fields) = value else { panic!("{value:?} is no record") };
    &fields.iter().find(|(field, _)| field == name).unwrap_or_else(|| panic!("no {name}")).1
}

fn text(value: &Value) -> &str {
    let Value::String(text) = value else { panic!("{value:?} is no text") };
    text
}

/// The data files that a snapshot reads.
pub(crate) fn data_files(manifest_list: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for manifest in values(&path_of(manifest_list)) {
        for entry in values(&path_of(text(field(&manifest, "manifest_path")))) {
            if *field(&entry, "status") != Value::Int(2) {
                found.push(path_of(text(field(field(&entry, "data_file"), "file_path"))));
            }
        }
    }
    found
}

/// The rows of Parquet files.
pub(crate) fn rows_of(paths: impl IntoIterator<Item = PathBuf>) -> Rows {
    let mut found = Rows::new();
    for path in paths {
        for batch in rows(&path) {
            for row in 0..batch.num_rows() {
                let row: Vec<String> =
                    batch.columns().iter().map(|column| format!("{:?}", column.slice(row, 1))).collect();
                found.insert(row.join("|"));
            }
        }
    }
    found
}

pub(crate) fn table(lake: &Path, name: &str) -> Seen {
    let (_, _, metadata) = metadata(lake, name);
    let snapshots = metadata["snapshots"].as_array().expect("snapshots").iter().map(|snapshot| {
        let list = snapshot["manifest-list"].as_str().expect("a list");
        (snapshot["snapshot-id"].as_i64().expect("an id"), rows_of(data_files(list)))
    });
    Seen {
        snapshots: snapshots.collect(),
        now: metadata["current-snapshot-id"].as_i64(),
        refs: metadata["refs"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect(),
    }
}

/// A manifest list whose manifests are of row-level deletes.
pub(crate) fn as_deletes(list: &[u8]) -> Vec<u8> {
    let reader = Reader::new(list).expect("Avro");
    let schema = reader.writer_schema().clone();
    let mut writer = apache_avro::Writer::new(&schema, Vec::new()).expect("a writer");
    for manifest in reader {
        let Value::Record(mut fields) = manifest.expect("a record") else { panic!("no record") };
        for (_, value) in fields.iter_mut().filter(|(name, _)| name == "content") {
            *value = Value::Int(1);
        }
        writer.append_value(Value::Record(fields)).expect("appended");
    }
    writer.into_inner().expect("Avro")
}
