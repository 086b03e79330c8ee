//! One event between its encodings: a buffer that every record is decoded into, and the row that can be read from it.

use crate::event::Event;
use crate::fault::Fault;
use crate::field::{Kind, Meaning};
use crate::json::is_blank;
use crate::refusal::Refusal;

/// What a field holds. A text lies in the buffer's bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell {
    Absent,
    Text {
        start: u32,
        end: u32,
    },
    /// An int32, an int64 or an instant.
    Int(i64),
    Double(f64),
    /// An index in the field's symbols.
    Symbol(u16),
    /// A value that the enum does not have. It is no fault yet: in Protobuf a later one may replace it.
    UnknownSymbol,
}

/// What a field of a [`Row`] holds.
#[derive(Clone, Copy, PartialEq)]
pub enum Datum<'r> {
    Absent,
    Text(&'r str),
    /// An int32 or an int64.
    Int(i64),
    /// Finite.
    Double(f64),
    /// Microseconds since 1970, UTC.
    Instant(i64),
    /// An enum's short name.
    Symbol(&'r str),
}

/// Row values never reach a log.
impl std::fmt::Debug for Datum<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Text(_) => "Text",
            Self::Int(_) => "Int",
            Self::Double(_) => "Double",
            Self::Instant(_) => "Instant",
            Self::Symbol(_) => "Symbol",
        })
    }
}

/// Where a record's fields are gathered. It is used again and again and then allocates nothing.
///
/// Texts lie one behind the other, so that all are checked to be UTF-8 at once: for texts this short a check of each
/// costs more than their copy.
#[derive(Clone)]
pub struct RowBuffer {
    cells: Vec<Cell>,
    bytes: Vec<u8>,
    /// Which fields have occurred in a JSON object: a bit each.
    seen: Vec<u64>,
    /// Whether a cell has to be looked at again once the texts are known to be UTF-8. One whose first byte is a visible
    /// ASCII character and whose last is ASCII is not blank and neither begins nor ends within a character.
    doubtful: bool,
}

impl std::fmt::Debug for RowBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowBuffer").field("fields", &self.cells.len()).finish_non_exhaustive()
    }
}

impl RowBuffer {
    /// An empty row of this event.
    pub fn new(event: &Event) -> Self {
        let fields = event.fields().len();
        Self {
            cells: vec![Cell::Absent; fields],
            bytes: Vec::new(),
            seen: vec![0; fields.div_ceil(64)],
            doubtful: false,
        }
    }

    /// All fields become absent.
    pub fn clear(&mut self) {
        self.cells.fill(Cell::Absent);
        self.bytes.clear();
        self.seen.fill(0);
        self.doubtful = false;
    }

    /// Answers whether the field is there for the first time.
    #[inline]
    pub(crate) fn see(&mut self, slot: usize) -> bool {
        let (word, bit) = (&mut self.seen[slot / 64], 1 << (slot % 64));
        let is_first = *word & bit == 0;
        *word |= bit;
        is_first
    }

    /// Sets the field at `slot` of [`Event::fields`]; what does not fit the field's kind (a symbol that it has not, an
    /// int32 out of range, a double that is not finite) makes it absent.
    pub fn set(&mut self, event: &Event, slot: usize, datum: Datum<'_>) {
        let field = &event.fields()[slot];
        self.cells[slot] = match (field.kind, datum) {
            (Kind::Text, Datum::Text(text)) => return self.put_text(slot, text.as_bytes()),
            (Kind::Int32, Datum::Int(number)) if i32::try_from(number).is_ok() => Cell::Int(number),
            (Kind::Int64, Datum::Int(number)) | (Kind::Instant, Datum::Instant(number)) => Cell::Int(number),
            (Kind::Double, Datum::Double(number)) if number.is_finite() => Cell::Double(number),
            (Kind::Enum, Datum::Symbol(name)) => match field.meaning_of_name(name.as_bytes()) {
                Meaning::Symbol(symbol) => Cell::Symbol(symbol),
                _ => Cell::Absent,
            },
            _ => Cell::Absent,
        };
    }

    #[inline]
    pub(crate) fn cell(&self, slot: usize) -> Cell {
        self.cells[slot]
    }

    #[inline]
    pub(crate) fn put(&mut self, slot: usize, cell: Cell) {
        self.cells[slot] = cell;
    }

    #[inline]
    pub(crate) fn put_meaning(&mut self, slot: usize, meaning: Meaning) {
        self.cells[slot] = match meaning {
            Meaning::Symbol(symbol) => Cell::Symbol(symbol),
            Meaning::Absent => Cell::Absent,
            Meaning::Unknown => {
                self.doubtful = true;
                Cell::UnknownSymbol
            }
        };
    }

    /// `text` need not be UTF-8: [`row`](Self::row) finds out.
    #[inline]
    pub(crate) fn put_text(&mut self, slot: usize, text: &[u8]) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(text);
        self.doubtful |=
            !text.first().is_some_and(u8::is_ascii_graphic) || !text.last().is_some_and(u8::is_ascii);
        self.cells[slot] = Cell::Text { start, end: self.bytes.len() as u32 };
    }

    /// The row that was gathered: blank texts are absent. Texts that are no UTF-8 and symbols that an enum does not have
    /// are a refusal.
    pub fn row(&mut self, event: &Event) -> Result<Row<'_>, Refusal> {
        self.settle().map_err(|fault| fault.of(event))
    }

    pub(crate) fn settle(&mut self) -> Result<Row<'_>, Fault> {
        let text = simdutf8::basic::from_utf8(&self.bytes).map_err(|_| Fault::NotUtf8)?;
        let doubtful = if self.doubtful { self.cells.as_mut_slice() } else { &mut [] };
        for (slot, cell) in doubtful.iter_mut().enumerate() {
            match *cell {
                Cell::Text { start, end } => {
                    // None where a text begins or ends within a character that its neighbour completes.
                    let text = text.get(start as usize..end as usize).ok_or(Fault::NotUtf8)?;
                    if is_blank(text) {
                        *cell = Cell::Absent;
                    }
                }
                Cell::UnknownSymbol => return Err(Fault::Field(slot, "a value that its enum does not have")),
                _ => {}
            }
        }
        Ok(Row { cells: &self.cells, text })
    }
}

/// One event's fields, typed and borrowed; its rules may not have been looked at.
#[derive(Clone, Copy)]
pub struct Row<'r> {
    cells: &'r [Cell],
    text: &'r str,
}

impl std::fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").field("fields", &self.cells.len()).finish_non_exhaustive()
    }
}

impl<'r> Row<'r> {
    /// The field at `slot` of the event's fields.
    pub fn get(&self, event: &'r Event, slot: usize) -> Datum<'r> {
        let field = &event.fields()[slot];
        match (self.cells[slot], field.kind) {
            (Cell::Text { .. }, _) => self.text(slot).map_or(Datum::Absent, Datum::Text),
            (Cell::Int(number), Kind::Instant) => Datum::Instant(number),
            (Cell::Int(number), _) => Datum::Int(number),
            (Cell::Double(number), _) => Datum::Double(number),
            (Cell::Symbol(symbol), _) => Datum::Symbol(&field.symbols[usize::from(symbol)].name),
            (Cell::Absent | Cell::UnknownSymbol, _) => Datum::Absent,
        }
    }

    #[inline]
    pub(crate) fn cells(&self) -> &'r [Cell] {
        self.cells
    }

    /// The text of a cell of this row.
    #[inline]
    pub(crate) fn slice(&self, start: u32, end: u32) -> &'r str {
        &self.text[start as usize..end as usize]
    }

    pub(crate) fn text(&self, slot: usize) -> Option<&'r str> {
        match self.cells[slot] {
            Cell::Text { start, end } => Some(self.slice(start, end)),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn is_present(&self, slot: usize) -> bool {
        self.cells[slot] != Cell::Absent
    }

    #[inline]
    pub(crate) fn int(&self, slot: usize) -> Option<i64> {
        match self.cells[slot] {
            Cell::Int(number) => Some(number),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn symbol(&self, slot: usize) -> Option<u16> {
        match self.cells[slot] {
            Cell::Symbol(symbol) => Some(symbol),
            _ => None,
        }
    }
}
