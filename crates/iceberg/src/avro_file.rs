//! Avro's container files, by which manifests and their lists are kept: fields are found by Iceberg's numbers, as writers spell names
//! differently.

use std::collections::BTreeMap;

use apache_avro::schema::{RecordSchema, Schema, SchemaKind, UnionSchema};
use apache_avro::types::Value;
use apache_avro::{Codec, DeflateSettings, Reader, Writer};

use crate::failure::IcebergError;

/// More records than any manifest of a lake; a file may claim billions of empty ones.
const MOST_RECORDS: usize = 4_000_000;

/// The schema of `json`, which this crate wrote itself.
pub(crate) fn schema(file: &str, json: &serde_json::Value) -> Result<Schema, IcebergError> {
    let mut schema = Schema::parse(json).map_err(|error| encode(file, error))?;
    mark_maps(&mut schema);
    Ok(schema)
}

/// Says of lists of pairs that they are maps, without which readers refuse them: the parser drops a logical type that it doesn't know.
fn mark_maps(schema: &mut Schema) {
    match schema {
        Schema::Record(record) => record.fields.iter_mut().for_each(|field| mark_maps(&mut field.schema)),
        Schema::Union(union) => {
            let mut variants = union.variants().to_vec();
            variants.iter_mut().for_each(mark_maps);
            // The same variants, which are a union already.
            if let Ok(marked) = UnionSchema::new(variants) {
                *union = marked;
            }
        }
        Schema::Array(array) => {
            let names = |record: &RecordSchema| {
                record.lookup.contains_key("key") && record.lookup.contains_key("value")
            };
            if matches!(&*array.items, Schema::Record(record) if names(record)) {
                array.attributes.insert("logicalType".to_owned(), "map".into());
            }
        }
        _ => {}
    }
}

/// `records` as a file, with `properties` in its header.
pub(crate) fn write(
    file: &str,
    schema: &Schema,
    properties: &[(&str, String)],
    records: impl IntoIterator<Item = Value>,
) -> Result<Vec<u8>, IcebergError> {
    let said = |error| encode(file, error);
    // Deflate: what other writers use, and every reader has.
    let codec = Codec::Deflate(DeflateSettings::default());
    let mut writer = Writer::with_codec(schema, Vec::new(), codec).map_err(said)?;
    for (name, value) in properties {
        writer.add_user_metadata((*name).to_owned(), value).map_err(said)?;
    }
    for record in records {
        writer.append_value(record).map_err(said)?;
    }
    writer.into_inner().map_err(said)
}

fn encode(file: &str, error: apache_avro::Error) -> IcebergError {
    IcebergError::Encode { file: file.to_owned(), what: "Avro", source: Box::new(error) }
}

/// A record's values by the numbers of their fields. Nulls are left out.
#[derive(Debug, Clone)]
pub(crate) struct Record<'f> {
    file: &'f str,
    values: BTreeMap<i32, (Value, &'f Schema)>,
}

/// Reads all records of a file, each by `take`.
///
/// # Errors
/// It is no such file, is cut off, or has a schema that no manifest has.
pub(crate) fn read<T>(
    file: &str,
    bytes: &[u8],
    take: impl Fn(Record<'_>) -> Result<T, IcebergError>,
) -> Result<Vec<T>, IcebergError> {
    let said = |error: apache_avro::Error| IcebergError::damaged(file, error);
    let mut reader = Reader::new(bytes).map_err(said)?;
    let schema = reader.writer_schema().clone();
    check(file, &schema)?;
    let mut records = Vec::new();
    for value in &mut reader {
        if records.len() == MOST_RECORDS {
            return Err(IcebergError::damaged(file, format!("it has more than {MOST_RECORDS} records")));
        }
        records.push(take(Record::new(file, value.map_err(said)?, &schema)?)?);
    }
    Ok(records)
}

/// Refuses schemas that metadata doesn't have and whose records could be read for ever or take all memory: those that hold themselves, lists
/// of what takes no byte, and bytes of a length that only the schema knows (the decoder allocates it before it looks for them).
fn check(file: &str, schema: &Schema) -> Result<(), IcebergError> {
    match schema {
        Schema::Record(record) => record.fields.iter().try_for_each(|field| check(file, &field.schema)),
        Schema::Array(array) => {
            if takes_no_byte(&array.items) {
                return Err(IcebergError::damaged(file, "its schema has a list of nothing"));
            }
            check(file, &array.items)
        }
        Schema::Map(map) => check(file, &map.types),
        Schema::Union(union) => union.variants().iter().try_for_each(|variant| check(file, variant)),
        Schema::Null
        | Schema::Boolean
        | Schema::Int
        | Schema::Long
        | Schema::Float
        | Schema::Double
        | Schema::Bytes
        | Schema::String
        | Schema::Date
        | Schema::TimeMicros
        | Schema::TimestampMicros => Ok(()),
        other => {
            let kind = SchemaKind::from(other);
            Err(IcebergError::damaged(
                file,
                format!("its schema has {kind:?}, which metadata here never has"),
            ))
        }
    }
}

fn takes_no_byte(schema: &Schema) -> bool {
    match schema {
        Schema::Null => true,
        Schema::Record(record) => record.fields.iter().all(|field| takes_no_byte(&field.schema)),
        _ => false,
    }
}

impl<'f> Record<'f> {
    fn new(file: &'f str, value: Value, schema: &'f Schema) -> Result<Self, IcebergError> {
        let (value, schema) = present(value, schema);
        let (Value::Record(values), Schema::Record(described)) = (value, schema) else {
            return Err(IcebergError::damaged(file, "a value that should be a record is none"));
        };
        let mut numbered = BTreeMap::new();
        for ((_, value), field) in values.into_iter().zip(&described.fields) {
            let number = field.custom_attributes.get("field-id").and_then(serde_json::Value::as_i64);
            let Some(number) = number.and_then(|number| i32::try_from(number).ok()) else { continue };
            let (value, schema) = present(value, &field.schema);
            if value != Value::Null {
                numbered.insert(number, (value, schema));
            }
        }
        Ok(Self { file, values: numbered })
    }

    fn wrong(&self, number: i32, wanted: &str) -> IcebergError {
        IcebergError::damaged(self.file, format!("its field {number} is no {wanted}"))
    }

    /// A whole number of a field; `None` where it is null or not there.
    pub(crate) fn long(&self, number: i32) -> Result<Option<i64>, IcebergError> {
        match self.values.get(&number) {
            None => Ok(None),
            Some((value, _)) => whole(value).map(Some).ok_or_else(|| self.wrong(number, "whole number")),
        }
    }

    /// As [`long`](Self::long), for what fits into 32 bits.
    pub(crate) fn int(&self, number: i32) -> Result<Option<i32>, IcebergError> {
        let long = self.long(number)?;
        long.map(|long| i32::try_from(long).map_err(|_| self.wrong(number, "number of 32 bits"))).transpose()
    }

    /// A number that must be there and isn't below 0: a count, or a size.
    pub(crate) fn count(&self, number: i32) -> Result<i64, IcebergError> {
        self.long(number)?.filter(|count| *count >= 0).ok_or_else(|| self.wrong(number, "count"))
    }

    /// A truth.
    pub(crate) fn boolean(&self, number: i32) -> Result<Option<bool>, IcebergError> {
        match self.values.get(&number) {
            None => Ok(None),
            Some((Value::Boolean(value), _)) => Ok(Some(*value)),
            Some(_) => Err(self.wrong(number, "truth")),
        }
    }

    /// A text that must be there.
    pub(crate) fn text(&self, number: i32) -> Result<String, IcebergError> {
        match self.values.get(&number) {
            Some((Value::String(text), _)) => Ok(text.clone()),
            _ => Err(self.wrong(number, "text")),
        }
    }

    /// Bytes.
    pub(crate) fn bytes(&self, number: i32) -> Result<Option<Vec<u8>>, IcebergError> {
        match self.values.get(&number) {
            None => Ok(None),
            Some((Value::Bytes(bytes), _)) => Ok(Some(bytes.clone())),
            Some(_) => Err(self.wrong(number, "bytes")),
        }
    }

    /// A record inside.
    pub(crate) fn record(&self, number: i32) -> Result<Self, IcebergError> {
        let (value, schema) = self.values.get(&number).ok_or_else(|| self.wrong(number, "record"))?;
        Self::new(self.file, value.clone(), schema)
    }

    /// A list of records inside; empty where it is null.
    pub(crate) fn records(&self, number: i32) -> Result<Option<Vec<Self>>, IcebergError> {
        match self.values.get(&number) {
            None => Ok(None),
            Some((Value::Array(values), Schema::Array(array))) => values
                .iter()
                .map(|value| Self::new(self.file, value.clone(), &array.items))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) => Err(self.wrong(number, "list of records")),
        }
    }

    /// Whole numbers in a list.
    pub(crate) fn longs(&self, number: i32) -> Result<Option<Vec<i64>>, IcebergError> {
        match self.values.get(&number) {
            None => Ok(None),
            Some((Value::Array(values), _)) => values
                .iter()
                .map(|value| whole(value).ok_or_else(|| self.wrong(number, "list of numbers")))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) => Err(self.wrong(number, "list of numbers")),
        }
    }

    /// A map from columns' numbers, which the format keeps as a list of pairs: of `key` and `value`.
    pub(crate) fn map<T>(
        &self,
        number: i32,
        (key, value): (i32, i32),
        get: impl Fn(&Self, i32) -> Result<Option<T>, IcebergError>,
    ) -> Result<BTreeMap<i32, T>, IcebergError> {
        let mut map = BTreeMap::new();
        for pair in self.records(number)?.unwrap_or_default() {
            if let (Some(key), Some(value)) = (pair.int(key)?, get(&pair, value)?) {
                map.insert(key, value);
            }
        }
        Ok(map)
    }
}

/// A value and its schema, out of the union that allows null.
fn present(value: Value, schema: &Schema) -> (Value, &Schema) {
    match (value, schema) {
        (Value::Union(which, inner), Schema::Union(union)) => match union.variants().get(which as usize) {
            Some(variant) => (*inner, variant),
            None => (Value::Null, &Schema::Null),
        },
        (value, schema) => (value, schema),
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) | Value::Date(value) => Some(i64::from(*value)),
        Value::Long(value) | Value::TimestampMicros(value) => Some(*value),
        _ => None,
    }
}
