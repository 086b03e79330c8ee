//! A value into a row, by its writer's plan.

use super::cursor::Cursor;
use super::resolution::{Branch, Plan, Root, Step, Take};
use crate::binary_error::BinaryError;
use crate::event::{Event, Unreadable};
use crate::field::Meaning;
use crate::json_cursor::is_blank;
use crate::row::{Cell, RowBuffer};
use crate::timestamp;

impl Plan {
    /// Reads a bare value into `row`, which has to be clear.
    pub(crate) fn read(&self, event: &Event, value: &[u8], row: &mut RowBuffer) -> Result<(), BinaryError> {
        row.hold(value);
        let mut cursor = Cursor::new(value);
        let steps = match &self.root {
            Root::Record(steps) => steps,
            Root::Union(branches) => {
                let branch = usize::try_from(cursor.long()?).ok().and_then(|at| branches.get(at));
                branch.ok_or(NO_BRANCH)?.as_ref().ok_or(NOT_OURS)?
            }
        };
        for step in steps {
            match step {
                Step::Take(slot, take) => take.read(event, *slot, &mut cursor, row)?,
                Step::Nullable { slot, null, value, take } => match cursor.long()? {
                    branch if branch == *value => take.read(event, *slot, &mut cursor, row)?,
                    branch if branch == *null => {}
                    _ => return Err(NO_BRANCH),
                },
                Step::Union(slot, branches) => {
                    let branch = usize::try_from(cursor.long()?).ok().and_then(|at| branches.get(at));
                    match branch.ok_or(NO_BRANCH)? {
                        Branch::Take(take) => take.read(event, *slot, &mut cursor, row)?,
                        Branch::Misfit => {
                            return Err(BinaryError::Field(
                                *slot,
                                "of a type of the union that is not the field's",
                            ));
                        }
                    }
                }
                Step::Skip(shape) => self.shapes.skip(*shape, &mut cursor)?,
            }
        }
        if cursor.rest.is_empty() {
            Ok(())
        } else {
            Err(BinaryError::Value("Avro value", "bytes follow behind the last field of its schema"))
        }
    }
}

const NO_BRANCH: BinaryError =
    BinaryError::Value("Avro value", "a union's branch is none that its schema has");

const NOT_OURS: BinaryError = BinaryError::Value(
    "Avro value of the event",
    "it is of a branch of its schema's union that is another type",
);

impl Take {
    #[inline]
    fn read(
        &self,
        event: &Event,
        slot: usize,
        cursor: &mut Cursor<'_>,
        row: &mut RowBuffer,
    ) -> Result<(), BinaryError> {
        let cell = match self {
            Self::Null => Cell::Absent,
            Self::Text => {
                let length = cursor.bytes()?.len();
                let end = cursor.taken();
                return row.put_bytes(slot, end - length, end);
            }
            Self::Int => Cell::Int(cursor.int()?),
            Self::Long => Cell::Int(cursor.long()?),
            Self::WholeDouble => Cell::Double(cursor.long()? as f64),
            Self::Float => double(f64::from(cursor.float()?)),
            Self::Double => double(cursor.double()?),
            Self::Symbol(meanings) => {
                let meaning = usize::try_from(cursor.long()?).ok().and_then(|at| meanings.get(at));
                let no_symbol =
                    BinaryError::Value("Avro value", "an enum's symbol is none that its schema has");
                row.put_meaning(slot, *meaning.ok_or(no_symbol)?);
                return Ok(());
            }
            Self::SymbolText => {
                let name = cursor.bytes()?;
                let meaning = match event.fields()[slot].meaning_of_name(name) {
                    Meaning::Unknown if text(name)?.is_none() => Meaning::Absent,
                    meaning => meaning,
                };
                row.put_meaning(slot, meaning);
                return Ok(());
            }
            Self::Millis => instant(slot, timestamp::of_millis(cursor.long()?))?,
            Self::Micros => instant(slot, timestamp::of_micros(cursor.long()?))?,
            Self::Nanos => instant(slot, timestamp::of_micros(cursor.long()?.div_euclid(1_000)))?,
            Self::InstantText => match text(cursor.bytes()?)? {
                None => Cell::Absent,
                Some(text) => match timestamp::read(event, text) {
                    Some(micros) => Cell::Int(micros),
                    None if event.unreadable() == Unreadable::Absent => Cell::Absent,
                    None => return Err(BinaryError::Field(slot, timestamp::UNREADABLE)),
                },
            },
        };
        row.put(slot, cell);
        Ok(())
    }
}

/// No infinity and no NaN reach a table.
fn double(number: f64) -> Cell {
    if number.is_finite() { Cell::Double(number) } else { Cell::Absent }
}

fn instant(slot: usize, micros: Option<i64>) -> Result<Cell, BinaryError> {
    micros.map(Cell::Int).ok_or(BinaryError::Field(slot, timestamp::FAR_AWAY))
}

/// A blank text is absent.
fn text(bytes: &[u8]) -> Result<Option<&str>, BinaryError> {
    let text = simdutf8::basic::from_utf8(bytes).map_err(|_| BinaryError::NotUtf8)?;
    Ok(Some(text).filter(|text| !is_blank(text)))
}
