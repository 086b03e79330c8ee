//! Passing over a value that no field of ours wants: no memory, a bound on depth, and no loop that takes no bytes.

use std::collections::HashMap;

use apache_avro::schema::{InnerDecimalSchema, Schema, UuidSchema};

use super::cursor::Cursor;
use crate::binary_error::BinaryError;

/// A value's shape, in a list of all shapes of a schema: a named type may hold itself.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Number,
    Bytes,
    Fixed(usize),
    Array(ShapeId),
    Map(ShapeId),
    Record(Vec<ShapeId>),
    Union(Vec<ShapeId>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShapeId(usize);

/// Deeper values are refused: the reading calls itself for each level.
const DEPTH: usize = 64;

/// The shapes of one writer's schema.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    shapes: Vec<Shape>,
    /// Whether values of the shape take no bytes at all, whatever they are.
    empty: Vec<bool>,
    named: HashMap<String, ShapeId>,
}

impl Shapes {
    /// The shape of `schema`; a name that no type has is the error.
    pub(super) fn add(&mut self, schema: &Schema) -> Result<ShapeId, String> {
        let shape = match schema {
            Schema::Null => Shape::Fixed(0),
            Schema::Boolean => Shape::Fixed(1),
            Schema::Float => Shape::Fixed(4),
            Schema::Double => Shape::Fixed(8),
            Schema::Duration(fixed) | Schema::Uuid(UuidSchema::Fixed(fixed)) => {
                return Ok(self.add_named(fixed.name.to_string(), Shape::Fixed(fixed.size)));
            }
            Schema::Fixed(fixed) => {
                return Ok(self.add_named(fixed.name.to_string(), Shape::Fixed(fixed.size)));
            }
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Bytes => Shape::Bytes,
                InnerDecimalSchema::Fixed(fixed) => {
                    return Ok(self.add_named(fixed.name.to_string(), Shape::Fixed(fixed.size)));
                }
            },
            Schema::Bytes
            | Schema::String
            | Schema::BigDecimal
            | Schema::Uuid(UuidSchema::Bytes | UuidSchema::String) => Shape::Bytes,
            Schema::Enum(values) => return Ok(self.add_named(values.name.to_string(), Shape::Number)),
            Schema::Int
            | Schema::Long
            | Schema::Date
            | Schema::TimeMillis
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => Shape::Number,
            Schema::Array(array) => Shape::Array(self.add(&array.items)?),
            Schema::Map(map) => Shape::Map(self.add(&map.types)?),
            Schema::Union(union) => {
                let branches = union.variants().iter().map(|branch| self.add(branch));
                Shape::Union(branches.collect::<Result<_, _>>()?)
            }
            Schema::Record(record) => {
                // Named before its fields are looked at: they may hold it again.
                let id = self.add_named(record.name.to_string(), Shape::Record(Vec::new()));
                let fields = record.fields.iter().map(|field| self.add(&field.schema));
                self.shapes[id.0] = Shape::Record(fields.collect::<Result<_, _>>()?);
                return Ok(id);
            }
            Schema::Ref { name } => {
                return self.named.get(&name.to_string()).copied().ok_or_else(|| name.to_string());
            }
        };
        Ok(self.push(shape))
    }

    /// A record's fields, or a union's branches, before the shapes are [closed](Self::close).
    pub(super) fn parts(&self, id: ShapeId) -> &[ShapeId] {
        match &self.shapes[id.0] {
            Shape::Record(parts) | Shape::Union(parts) => parts,
            _ => &[],
        }
    }

    fn push(&mut self, shape: Shape) -> ShapeId {
        self.shapes.push(shape);
        ShapeId(self.shapes.len() - 1)
    }

    fn add_named(&mut self, name: String, shape: Shape) -> ShapeId {
        let id = self.push(shape);
        self.named.insert(name, id);
        id
    }

    /// To be called once, when all shapes are there: finds those whose values take no bytes, and forgets them where
    /// they are fields. What is left of a record takes a byte for each field at least, so that the bytes bound the work.
    pub(super) fn close(&mut self) {
        self.empty = self.shapes.iter().map(|shape| *shape == Shape::Fixed(0)).collect();
        loop {
            let mut changed = false;
            // Most types stand behind what holds them.
            for id in (0..self.shapes.len()).rev() {
                if let Shape::Record(fields) = &self.shapes[id]
                    && !self.empty[id]
                    && fields.iter().all(|field| self.empty[field.0])
                {
                    self.empty[id] = true;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        for shape in &mut self.shapes {
            if let Shape::Record(fields) = shape {
                fields.retain(|field| !self.empty[field.0]);
            }
        }
        self.named = HashMap::new();
    }

    pub(super) fn skip(&self, id: ShapeId, cursor: &mut Cursor<'_>) -> Result<(), BinaryError> {
        self.skip_at(id, cursor, DEPTH)
    }

    fn skip_at(&self, id: ShapeId, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), BinaryError> {
        let Some(depth) = depth.checked_sub(1) else { return Err(BinaryError::TooDeep) };
        match &self.shapes[id.0] {
            Shape::Number => cursor.long().map(drop),
            Shape::Bytes => cursor.bytes().map(drop),
            Shape::Fixed(length) => cursor.take(*length).map(drop),
            Shape::Record(fields) => fields.iter().try_for_each(|&field| self.skip_at(field, cursor, depth)),
            Shape::Union(branches) => {
                let branch = usize::try_from(cursor.long()?).ok().and_then(|at| branches.get(at));
                self.skip_at(*branch.ok_or(BinaryError::Malformed)?, cursor, depth)
            }
            Shape::Array(items) => {
                let is_empty = self.empty[items.0];
                self.skip_blocks(cursor, is_empty, |cursor| self.skip_at(*items, cursor, depth))
            }
            Shape::Map(values) => self.skip_blocks(cursor, false, |cursor| {
                cursor.bytes()?;
                self.skip_at(*values, cursor, depth)
            }),
        }
    }

    /// The blocks of an array or a map, to the block of no items. Items that take no bytes are not gone through, however
    /// many they are; of others there are no more than bytes.
    fn skip_blocks(
        &self,
        cursor: &mut Cursor<'_>,
        is_empty: bool,
        mut item: impl FnMut(&mut Cursor<'_>) -> Result<(), BinaryError>,
    ) -> Result<(), BinaryError> {
        loop {
            let count = cursor.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                // Then the block's length in bytes follows.
                cursor.bytes()?;
                continue;
            }
            if is_empty {
                continue;
            }
            if usize::try_from(count).is_ok_and(|count| count > cursor.rest.len()) {
                return Err(BinaryError::CutShort);
            }
            for _ in 0..count {
                item(cursor)?;
            }
        }
    }
}
