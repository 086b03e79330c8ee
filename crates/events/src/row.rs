//! One event between its encodings: a buffer that every record is decoded into, and the row that can be read from it.

use std::ops::Range;

use crate::ascii;
use crate::binary_error::BinaryError;
use crate::decode_error::DecodeError;
use crate::event::Event;
use crate::field::{Kind, Meaning};
use crate::json_cursor::is_blank;
use crate::text_column;

/// What a field holds. A text is a part of the buffer's bytes.
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
    /// No value: null in its column.
    Absent,
    /// Never blank.
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

/// Room that a buffer keeps, in bytes: for most values all they need.
const KEPT: usize = 64 << 10;

/// Where a record's fields are gathered. It is used again and again and then allocates nothing.
#[derive(Clone)]
pub struct RowBuffer {
    cells: Vec<Cell>,
    /// The value that is read, where its texts stand in it as they are, and behind it the texts that do not.
    bytes: Vec<u8>,
    /// Which fields have occurred in a JSON object: a bit each.
    seen: Vec<u64>,
    /// Whether a field may hold a value that its enum does not have.
    has_unknown: bool,
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
            has_unknown: false,
        }
    }

    /// All fields become absent.
    pub fn clear(&mut self) {
        self.cells.fill(Cell::Absent);
        self.bytes.clear();
        // There is a buffer for each open object, and no bound on memory counts what one large value leaves behind.
        self.bytes.shrink_to(KEPT);
        self.seen.fill(0);
        self.has_unknown = false;
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
            (Kind::Text, Datum::Text(text)) => return self.put_text(slot, text),
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
                self.has_unknown = true;
                Cell::UnknownSymbol
            }
        };
    }

    /// Copies the text; a blank one is absent.
    #[inline]
    pub(crate) fn put_text(&mut self, slot: usize, text: &str) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(text.as_bytes());
        let cell = Cell::Text { start, end: self.bytes.len() as u32 };
        self.cells[slot] = if is_blank(text) { Cell::Absent } else { cell };
    }

    /// Takes a whole value into the empty buffer, whose parts are the row's texts then.
    ///
    /// One copy of it all costs less than one of each text, and brings the value near: where it comes from another processor,
    /// all of it is waited for at once, and not again and again by a reader who finds the next field behind this one.
    #[inline]
    pub(crate) fn hold(&mut self, value: &[u8]) {
        debug_assert!(self.bytes.is_empty(), "parts are counted from the buffer's start");
        self.bytes.extend_from_slice(value);
    }

    /// The field's text is `part` of `value`, which is [held](Self::hold); it must not be blank.
    #[inline]
    pub(crate) fn put_part(&mut self, slot: usize, value: &str, part: &str) {
        let start = part.as_ptr().addr().wrapping_sub(value.as_ptr().addr());
        debug_assert_eq!(value.get(start..start + part.len()), Some(part), "it is no part of the value");
        self.put_range(slot, start, start + part.len());
    }

    /// The field's text is this part of `value`, which is [held](Self::hold) and ends before and behind the part with whole
    /// characters; a blank one is absent.
    #[inline]
    pub(crate) fn put_checked(&mut self, slot: usize, value: &str, part: Range<usize>) {
        let is_blank = match value.as_bytes()[part.clone()].first() {
            Some(byte) if byte.is_ascii_graphic() => false,
            _ => value.get(part.clone()).is_none_or(is_blank),
        };
        if !is_blank {
            self.put_range(slot, part.start, part.end);
        }
    }

    #[inline]
    fn put_range(&mut self, slot: usize, start: usize, end: usize) {
        self.cells[slot] = Cell::Text { start: start as u32, end: end as u32 };
    }

    /// The field's text is this part of the value [held](Self::hold), at which nobody has looked: what is no UTF-8 is a fault, a
    /// blank text is absent.
    #[inline(always)]
    pub(crate) fn put_bytes(&mut self, slot: usize, start: usize, end: usize) -> Result<(), BinaryError> {
        let value = self.bytes.as_slice();
        let text = &value[start..end];
        if text.first().is_some_and(u8::is_ascii_graphic) && ascii::is_ascii(value, start, end) {
            self.put_range(slot, start, end);
            return Ok(());
        }
        let text = std::str::from_utf8(text).map_err(|_| BinaryError::NotUtf8)?;
        if is_blank(text) {
            self.cells[slot] = Cell::Absent;
        } else {
            self.put_range(slot, start, end);
        }
        Ok(())
    }

    /// The row that was gathered. Symbols that an enum does not have are a refusal.
    pub fn row(&mut self, event: &Event) -> Result<Row<'_>, DecodeError> {
        self.settle().map_err(|fault| fault.of(event))
    }

    #[inline]
    pub(crate) fn settle(&mut self) -> Result<Row<'_>, BinaryError> {
        if self.has_unknown
            && let Some(slot) = self.cells.iter().position(|cell| *cell == Cell::UnknownSymbol)
        {
            return Err(BinaryError::Field(slot, "a value that its enum does not have"));
        }
        // So that the last text, too, can be copied as a block.
        self.bytes.extend_from_slice(&[0; text_column::BLOCK]);
        Ok(Row { cells: &self.cells, bytes: &self.bytes })
    }
}

/// One event's fields, typed and borrowed; its rules may not have been looked at.
#[derive(Clone, Copy)]
pub struct Row<'r> {
    cells: &'r [Cell],
    bytes: &'r [u8],
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

    /// What texts are parts of, and some bytes behind the last.
    #[inline]
    pub(crate) fn bytes(&self) -> &'r [u8] {
        self.bytes
    }

    /// The UTF-8 of a text's cell of this row.
    #[inline]
    pub(crate) fn slice(&self, start: u32, end: u32) -> &'r [u8] {
        &self.bytes[start as usize..end as usize]
    }

    pub(crate) fn text(&self, slot: usize) -> Option<&'r str> {
        match self.cells[slot] {
            Cell::Text { start, end } => std::str::from_utf8(self.slice(start, end)).ok(),
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
