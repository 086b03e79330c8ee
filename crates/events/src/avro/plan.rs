//! What to do with each of a writer's fields: made once for a writer's schema and an event.

use apache_avro::schema::{EnumSchema, RecordField, RecordSchema, Schema, UuidSchema};

use super::skip::{ShapeId, Shapes};
use crate::event::Event;
use crate::field::{Field, Kind, Meaning};
use crate::refusal::Refusal;

/// How the values of one writer's schema become rows of one event.
#[derive(Debug)]
pub(crate) struct Plan {
    /// One a field of the writer's, in its order.
    pub(super) steps: Vec<Step>,
    pub(super) shapes: Shapes,
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
    /// `writer` has to be a record; a field of it that is ours by name or alias has to fit ours.
    pub(crate) fn new(event: &Event, writer: &Schema) -> Result<Self, Refusal> {
        let misfit = |reason: String| Refusal::UnfitSchema { reason };
        let Schema::Record(record) = writer else {
            return Err(misfit(format!("is {} where a record is meant", name_of(writer))));
        };
        let mut shapes = Shapes::default();
        let unknown = |name: String| misfit(format!("holds no type {name}"));
        let mut steps = Vec::with_capacity(record.fields.len());
        // Types are named where they stand first, a field of ours among them.
        let ids = record.fields.iter().map(|field| shapes.add(&field.schema).map_err(unknown));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        let named = Named::of(record);
        for (field, id) in record.fields.iter().zip(ids) {
            steps.push(match slot_of(event, field) {
                Some(slot) => step(&event.fields()[slot], slot, &field.schema, &named).map_err(misfit)?,
                None => Step::Skip(id),
            });
        }
        shapes.close();
        Ok(Self { steps, shapes })
    }
}

/// The field of ours that the writer's is: by its name, or by an alias. No two fields of a schema share a name or alias.
fn slot_of(event: &Event, field: &RecordField) -> Option<usize> {
    event.slot(&field.name).or_else(|| field.aliases.iter().find_map(|alias| event.slot(alias)))
}

/// The enums of a schema that its fields may refer to by name.
struct Named<'s>(Vec<&'s EnumSchema>);

impl<'s> Named<'s> {
    fn of(record: &'s RecordSchema) -> Self {
        let mut named = Self(Vec::new());
        record.fields.iter().for_each(|field| named.gather(&field.schema));
        named
    }

    fn gather(&mut self, schema: &'s Schema) {
        match schema {
            Schema::Enum(values) => self.0.push(values),
            Schema::Array(array) => self.gather(&array.items),
            Schema::Map(map) => self.gather(&map.types),
            Schema::Union(union) => union.variants().iter().for_each(|branch| self.gather(branch)),
            Schema::Record(record) => record.fields.iter().for_each(|field| self.gather(&field.schema)),
            _ => {}
        }
    }
}

fn step(field: &Field, slot: usize, writer: &Schema, named: &Named<'_>) -> Result<Step, String> {
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
        let values = named.0.iter().find(|values| values.name == *name)?;
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
