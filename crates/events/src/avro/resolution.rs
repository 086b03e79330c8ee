//! What to do with each of a writer's fields: made once for a writer's schema and an event.

use apache_avro::schema::{EnumSchema, RecordField, RecordSchema, Schema, UuidSchema};

use super::skip::{ShapeId, Shapes};
use crate::decode_error::DecodeError;
use crate::event::Event;
use crate::field::{Field, Kind, Meaning};

/// How the values of one writer's schema become rows of one event.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) root: Root,
    pub(super) shapes: Shapes,
}

/// What a value is: a record, or a union of which one or more are.
#[derive(Debug)]
pub(super) enum Root {
    /// One step a field of the writer's, in its order.
    Record(Vec<Step>),
    /// By branch; `None` is one that is none of the event's.
    Union(Vec<Option<Vec<Step>>>),
}

#[derive(Debug)]
pub(super) enum Step {
    Take(usize, Take),
    /// One of two branches is null, as nearly every field is written: its index, then the other branch's.
    Nullable {
        slot: usize,
        null: i64,
        value: i64,
        take: Take,
    },
    Union(usize, Vec<Branch>),
    Skip(ShapeId),
}

/// A branch of a union that holds a field of ours.
#[derive(Debug)]
pub(super) enum Branch {
    Take(Take),
    /// Its type cannot be the field's; a value of it is refused.
    Misfit,
}

/// How a value is read into a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Take {
    Null,
    Text,
    Int,
    Long,
    /// Of an int or a long, as Avro promotes them.
    WholeDouble,
    Float,
    Double,
    /// What each symbol of the writer's means.
    Symbol(Vec<Meaning>),
    /// An enum's symbol written as a text.
    SymbolText,
    Millis,
    Micros,
    Nanos,
    /// RFC 3339.
    InstantText,
}

impl Plan {
    /// `parts` is the writer's schema behind what it refers to. It has to be a record, or a union with one; a field of it that is
    /// ours by name or alias has to fit ours.
    pub(crate) fn new(event: &Event, parts: &[Schema]) -> Result<Self, DecodeError> {
        let misfit = |reason: String| DecodeError::UnfitSchema { reason };
        let unknown = |name: String| misfit(format!("holds no type {name}"));
        let mut shapes = Shapes::default();
        // Types are named where they stand first, a field of ours among them.
        let ids = parts.iter().map(|part| shapes.add(part).map_err(unknown));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        let (Some(writer), Some(&id)) = (parts.last(), ids.last()) else {
            return Err(misfit("has no text".to_owned()));
        };
        let named = Named::of(parts);
        let steps = |record: &RecordSchema, id: ShapeId| {
            let fields = record.fields.iter().zip(shapes.parts(id));
            fields.map(|(field, &id)| step(event, field, id, &named).map_err(misfit)).collect()
        };
        let root = match (named.record(writer), writer) {
            (Some(record), _) => Root::Record(steps(record, id)?),
            (None, Schema::Union(union)) => {
                let records = branches_of(event, union.variants(), &named).map_err(misfit)?;
                let branches = records.into_iter().zip(shapes.parts(id));
                let steps = branches.map(|(record, &id)| record.map(|record| steps(record, id)).transpose());
                Root::Union(steps.collect::<Result<_, _>>()?)
            }
            _ => return Err(misfit(format!("is {} where a record is meant", name_of(writer)))),
        };
        shapes.close();
        Ok(Self { root, shapes })
    }
}

/// The branches that can be the event's: a lone record, whatever its name; of several those that are named as the event is.
fn branches_of<'s>(
    event: &Event,
    branches: &'s [Schema],
    named: &Named<'s>,
) -> Result<Vec<Option<&'s RecordSchema>>, String> {
    let records: Vec<_> = branches.iter().map(|branch| named.record(branch)).collect();
    let message = event.message().rsplit('.').next().unwrap_or_default();
    let is_lone = records.iter().flatten().count() == 1;
    let chosen =
        records.into_iter().map(|record| record.filter(|record| is_lone || record.name.name() == message));
    let chosen: Vec<_> = chosen.collect();
    if chosen.iter().any(Option::is_some) {
        return Ok(chosen);
    }
    let names: Vec<_> = branches.iter().map(name_of).collect();
    Err(format!("is a union of {}, of which none is the record {message}", names.join(" and ")))
}

/// The field of ours that the writer's is: by its name, or by an alias. No two fields of a schema share a name or alias.
fn slot_of(event: &Event, field: &RecordField) -> Option<usize> {
    event.slot(&field.name).or_else(|| field.aliases.iter().find_map(|alias| event.slot(alias)))
}

/// The types of a schema that may be referred to by name.
struct Named<'s> {
    enums: Vec<&'s EnumSchema>,
    records: Vec<&'s RecordSchema>,
}

impl<'s> Named<'s> {
    fn of(parts: &'s [Schema]) -> Self {
        let mut named = Self { enums: Vec::new(), records: Vec::new() };
        parts.iter().for_each(|part| named.gather(part));
        named
    }

    fn gather(&mut self, schema: &'s Schema) {
        match schema {
            Schema::Enum(values) => self.enums.push(values),
            Schema::Array(array) => self.gather(&array.items),
            Schema::Map(map) => self.gather(&map.types),
            Schema::Union(union) => union.variants().iter().for_each(|branch| self.gather(branch)),
            Schema::Record(record) => {
                self.records.push(record);
                record.fields.iter().for_each(|field| self.gather(&field.schema));
            }
            _ => {}
        }
    }

    /// The record that this is, or that it names.
    fn record(&self, schema: &'s Schema) -> Option<&'s RecordSchema> {
        match schema {
            Schema::Record(record) => Some(record),
            Schema::Ref { name } => self.records.iter().rfind(|record| record.name == *name).copied(),
            _ => None,
        }
    }
}

/// What to do with a writer's field: taken into ours, or passed over.
fn step(event: &Event, field: &RecordField, id: ShapeId, named: &Named<'_>) -> Result<Step, String> {
    match slot_of(event, field) {
        Some(slot) => taken(&event.fields()[slot], slot, &field.schema, named),
        None => Ok(Step::Skip(id)),
    }
}

fn taken(field: &Field, slot: usize, writer: &Schema, named: &Named<'_>) -> Result<Step, String> {
    let misfit = |found: &str| format!("writes {} as {found} where {} is meant", field.name, expected(field));
    let Schema::Union(union) = writer else {
        let take = take(field, writer, named).ok_or_else(|| misfit(&name_of(writer)))?;
        return Ok(Step::Take(slot, take));
    };
    let takes: Vec<_> = union.variants().iter().map(|branch| take(field, branch, named)).collect();
    let fits = takes.iter().flatten().any(|take| *take != Take::Null);
    if !fits && takes.iter().any(Option::is_none) {
        let branches: Vec<_> = union.variants().iter().map(name_of).collect();
        return Err(misfit(&format!("a union of {}", branches.join(" and "))));
    }
    Ok(match takes.as_slice() {
        [Some(Take::Null), Some(take)] => Step::Nullable { slot, null: 0, value: 1, take: take.clone() },
        [Some(take), Some(Take::Null)] => Step::Nullable { slot, null: 1, value: 0, take: take.clone() },
        _ => {
            let branches = takes.into_iter().map(|take| take.map_or(Branch::Misfit, Branch::Take));
            Step::Union(slot, branches.collect())
        }
    })
}

/// Avro's promotions, and instants and enums as texts; `None` where the writer's type cannot be the field's.
fn take(field: &Field, writer: &Schema, named: &Named<'_>) -> Option<Take> {
    if let Schema::Ref { name } = writer {
        let values = named.enums.iter().find(|values| values.name == *name)?;
        return (field.kind == Kind::Enum).then(|| symbols(field, values));
    }
    Some(match (field.kind, writer) {
        (_, Schema::Null) => Take::Null,
        (Kind::Text, Schema::String | Schema::Bytes | Schema::Uuid(UuidSchema::String)) => Take::Text,
        (Kind::Int32, Schema::Int) => Take::Int,
        (Kind::Int64, Schema::Int) => Take::Int,
        (Kind::Int64, Schema::Long) => Take::Long,
        (Kind::Double, Schema::Int | Schema::Long) => Take::WholeDouble,
        (Kind::Double, Schema::Float) => Take::Float,
        (Kind::Double, Schema::Double) => Take::Double,
        (Kind::Enum, Schema::Enum(values)) => symbols(field, values),
        (Kind::Enum, Schema::String) => Take::SymbolText,
        (Kind::Instant, Schema::TimestampMillis) => Take::Millis,
        (Kind::Instant, Schema::TimestampMicros) => Take::Micros,
        (Kind::Instant, Schema::TimestampNanos) => Take::Nanos,
        (Kind::Instant, Schema::String) => Take::InstantText,
        _ => return None,
    })
}

fn symbols(field: &Field, values: &EnumSchema) -> Take {
    Take::Symbol(values.symbols.iter().map(|symbol| field.meaning_of_name(symbol.as_bytes())).collect())
}

fn expected(field: &Field) -> &'static str {
    match field.kind {
        Kind::Text => "string",
        Kind::Double => "double",
        Kind::Int32 => "int",
        Kind::Int64 => "long",
        Kind::Instant => "timestamp-millis, timestamp-micros, timestamp-nanos or string",
        Kind::Enum => "enum or string",
    }
}

/// A type as the schema names it.
fn name_of(schema: &Schema) -> String {
    match schema {
        Schema::Record(record) => format!("record {}", record.name),
        Schema::Enum(values) => format!("enum {}", values.name),
        Schema::Fixed(fixed) => format!("fixed {}", fixed.name),
        Schema::Ref { name } => name.to_string(),
        other => format!("{:?}", apache_avro::schema::SchemaKind::from(other)),
    }
}
