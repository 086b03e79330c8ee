//! A column of texts while it grows: what Arrow's StringBuilder is, for texts that are short and stand within a longer value.

use std::sync::Arc;

use arrow_array::builder::BooleanBufferBuilder;
use arrow_array::{ArrayRef, StringArray};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;

/// Texts up to this long are copied as one block of this length, what follows them included: three registers, where a copy of the
/// exact length is a call. Most of a user's texts are shorter, and a uuid has 36 characters.
pub(crate) const BLOCK: usize = 48;

#[derive(Debug)]
pub(crate) struct TextColumn {
    /// The texts, one behind the other.
    values: Vec<u8>,
    /// Where the texts end: the first is 0, then one a row.
    ends: Vec<i32>,
    /// Which rows have a text; `None` as long as all have.
    present: Option<BooleanBufferBuilder>,
}

impl TextColumn {
    /// Room for `rows` rows, and little for their texts: most columns of an hour with few records never need more.
    pub(crate) fn new(rows: usize) -> Self {
        Self::with_room(rows, 0)
    }

    fn with_room(rows: usize, bytes: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Self { values: Vec::with_capacity(bytes + BLOCK), ends, present: None }
    }

    fn rows(&self) -> usize {
        self.ends.len() - 1
    }

    /// Appends the text that is `source[start..end]`.
    #[inline(always)]
    pub(crate) fn append_part(&mut self, source: &[u8], start: usize, end: usize) {
        let length = end - start;
        match source.get(start..).and_then(<[u8]>::first_chunk::<BLOCK>) {
            Some(block) if length <= BLOCK => {
                let used = self.values.len();
                self.values.extend_from_slice(block);
                self.values.truncate(used + length);
            }
            _ => self.copy(&source[start..end]),
        }
        self.end_row(true);
    }

    /// Appends a text that stands by itself.
    #[inline]
    pub(crate) fn append(&mut self, text: &str) {
        self.append_part(text.as_bytes(), 0, text.len());
    }

    #[inline]
    pub(crate) fn append_absent(&mut self) {
        let rows = self.rows();
        self.present.get_or_insert_with(|| {
            let mut present = BooleanBufferBuilder::new(rows + 1);
            present.append_n(rows, true);
            present
        });
        self.end_row(false);
    }

    #[inline]
    fn end_row(&mut self, is_present: bool) {
        // What does not fit is found when the column is finished.
        self.ends.push(self.values.len() as i32);
        if let Some(present) = &mut self.present {
            present.append(is_present);
        }
    }

    /// Appends a text that is longer than a block, or behind which no whole block is left.
    #[inline(never)]
    fn copy(&mut self, text: &[u8]) {
        self.values.extend_from_slice(text);
    }

    /// The rows, and none are left. Arrow takes the memory with them: there is room anew for as much as was here, so that the next
    /// batch does not grow from nothing. Two gigabytes of texts are more than an array takes.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let (rows, used) = (self.rows(), self.values.len());
        if i32::try_from(used).is_err() {
            return Err(ArrowError::OffsetOverflowError(used));
        }
        let whole = std::mem::replace(self, Self::with_room(rows, used + used / 16));
        let ends = OffsetBuffer::new(ScalarBuffer::from(whole.ends));
        let present = whole.present.map(|mut present| NullBuffer::new(present.finish()));
        Ok(Arc::new(StringArray::try_new(ends, Buffer::from_vec(whole.values), present)?))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

        #[test]
        fn what_was_appended_is_there(
            batches in prop::collection::vec(prop::collection::vec(prop::option::of("[a-zé]{0,60}"), 0..40), 1..4),
            rows in 0_usize..8,
        ) {
            let mut column = TextColumn::new(rows);
            for texts in batches {
                // Each within a longer value, some of them near its end.
                let value = texts.iter().flatten().map(String::as_str).collect::<String>();
                let mut start = 0;
                for text in &texts {
                    match text {
                        Some(text) => {
                            column.append_part(value.as_bytes(), start, start + text.len());
                            start += text.len();
                        }
                        None => column.append_absent(),
                    }
                }
                let array = column.finish().unwrap();
                let array = array.as_any().downcast_ref::<StringArray>().unwrap();
                let found = array.iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>();
                prop_assert_eq!(found, texts);
            }
        }
    }
}
