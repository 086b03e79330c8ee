//! The JSON that producers nearly always write, several times faster than the careful reading in `json_event`: one flat
//! object of texts without escapes, numbers and nulls. It answers alike where it answers.

use std::ops::Range;

use crate::event::Event;
use crate::field::Kind;
use crate::json_cursor::is_blank;
use crate::json_key::JsonKey;
use crate::json_value::convert;
use crate::row::{Cell, RowBuffer};

/// Reads the object into `row`, which has to be clear. `None` where something is not plain, right or wrong: then the row
/// holds anything, and the careful reading decides.
pub(crate) fn read(text: &str, event: &Event, row: &mut RowBuffer) -> Option<()> {
    let mut plain = Plain::new(text);
    let (fields, keys) = (event.fields(), event.json_keys());
    // Producers write an event's fields in one order, mostly the contract's.
    let mut next = 0;
    plain.members(|plain| {
        let slot = match plain.expected(keys.get(next..)?) {
            Some(ahead) => next + ahead,
            None => {
                let key = plain.quoted()?;
                plain.token(b':')?;
                match fields.iter().position(|field| field.name == key) {
                    Some(slot) => slot,
                    None => return plain.value().map(drop),
                }
            }
        };
        next = slot + 1;
        if !row.see(slot) {
            return None;
        }
        let kind = fields[slot].kind;
        if kind == Kind::Text && plain.at_quote() {
            let range = plain.range_behind_quote()?;
            row.put_checked(slot, text, range);
            return Some(());
        }
        if matches!(kind, Kind::Int32 | Kind::Int64)
            && let Some(number) = plain.digits()
        {
            // One that is too large for its field is no plain one.
            row.put(
                slot,
                Cell::Int(if kind == Kind::Int32 { i32::try_from(number).ok()?.into() } else { number }),
            );
            return Some(());
        }
        let (value, is_text) = plain.value()?;
        match value.filter(|value| !is_blank(value)) {
            // A number's own characters.
            Some(value) if kind == Kind::Text => {
                row.put_part(slot, text, value);
                Some(())
            }
            Some(value) => convert(event, slot, value, is_text, row).ok(),
            None => Some(()),
        }
    })?;
    plain.end()?;
    row.hold(text.as_bytes());
    Some(())
}

/// A cursor over JSON that is plain. Each step answers `None` where it is not.
pub(crate) struct Plain<'j> {
    text: &'j str,
    at: usize,
    /// There is neither a backslash nor a control character anywhere, so that each text goes to the next quote.
    is_clean: bool,
}

impl<'j> Plain<'j> {
    pub(crate) fn new(text: &'j str) -> Self {
        Self { text, at: 0, is_clean: is_clean(text.as_bytes()) }
    }

    /// Nothing but white space is left.
    pub(crate) fn end(&mut self) -> Option<()> {
        self.skip_space();
        (self.at == self.text.len()).then_some(())
    }

    /// The next byte that is no white space, where it stays.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Reads an object, calling `member` for each key with the cursor at its value. An empty one is not plain.
    #[inline]
    pub(crate) fn object(&mut self, mut member: impl FnMut(&mut Self, &'j str) -> Option<()>) -> Option<()> {
        self.members(|plain| {
            let key = plain.quoted()?;
            plain.token(b':')?;
            member(plain, key)
        })
    }

    /// Reads an object, calling `member` with the cursor before each key. An empty one is not plain.
    #[inline]
    fn members(&mut self, mut member: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.token(b'{')?;
        loop {
            member(self)?;
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Passes over the key and its colon where it is one of these, and answers which.
    #[inline]
    fn expected(&mut self, keys: &[JsonKey]) -> Option<usize> {
        self.skip_space();
        let rest = self.text.as_bytes().get(self.at..)?;
        let (which, length) =
            keys.iter().enumerate().find_map(|(which, key)| Some((which, key.starts(rest)?)))?;
        self.at += length;
        Some(which)
    }

    /// A whole number that is not negative; `None`, the cursor where it was, for any other value and for the longest.
    #[inline]
    fn digits(&mut self) -> Option<i64> {
        self.skip_space();
        let rest = self.text.as_bytes().get(self.at..)?;
        let (mut number, mut length) = (0, 0);
        while let Some(digit @ b'0'..=b'9') = rest.get(length) {
            // More would be too many for the number.
            if length == 18 {
                return None;
            }
            number = number * 10 + i64::from(digit - b'0');
            length += 1;
        }
        let is_whole = match rest.get(length) {
            Some(b'.' | b'e' | b'E' | b'+' | b'-') => false,
            _ => length == 1 || (length > 1 && rest[0] != b'0'),
        };
        is_whole.then(|| {
            self.at += length;
            number
        })
    }

    #[inline]
    fn skip_space(&mut self) {
        // Nearly always there is none.
        while let Some(b'\0'..=b' ') = self.text.as_bytes().get(self.at) {
            let (b' ' | b'\n' | b'\r' | b'\t') = self.text.as_bytes()[self.at] else { return };
            self.at += 1;
        }
    }

    /// The next byte that is no white space.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        self.skip_space();
        let byte = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        byte
    }

    #[inline]
    fn token(&mut self, token: u8) -> Option<()> {
        (self.next()? == token).then_some(())
    }

    /// What stands between two quotes, without escapes.
    #[inline]
    fn quoted(&mut self) -> Option<&'j str> {
        self.token(b'"')?;
        self.behind_quote()
    }

    #[inline]
    fn behind_quote(&mut self) -> Option<&'j str> {
        let range = self.range_behind_quote()?;
        self.text.get(range)
    }

    /// Where the text lies that begins here, without escapes.
    #[inline]
    fn range_behind_quote(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..)?;
        let length = if self.is_clean { first_quote(rest)? } else { end_of_plain(rest)? };
        if rest[length] != b'"' {
            return None;
        }
        self.at = start + length + 1;
        Some(start..start + length)
    }

    /// Passes over a quote where there is one.
    #[inline]
    fn at_quote(&mut self) -> bool {
        let is_quote = self.peek() == Some(b'"');
        self.at += usize::from(is_quote);
        is_quote
    }

    /// A text or a number's characters, and whether it is a text; `None` within is null.
    #[inline]
    pub(crate) fn value(&mut self) -> Option<(Option<&'j str>, bool)> {
        match self.next()? {
            b'"' => Some((Some(self.behind_quote()?), true)),
            b'n' => {
                let is_null = self.text.as_bytes().get(self.at..)?.starts_with(b"ull");
                self.at += 3;
                is_null.then_some((None, true))
            }
            b'-' | b'0'..=b'9' => {
                let start = self.at - 1;
                let rest = &self.text.as_bytes()[start..];
                let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                let length = rest.iter().take_while(|byte| is_part(byte)).count();
                self.at = start + length;
                is_number(&rest[..length]).then(|| (self.text.get(start..self.at), false))
            }
            _ => None,
        }
    }
}

/// Whether there is neither a backslash nor a control character. Of a whole value at once: the compiler makes a few
/// instructions for many bytes of it.
#[inline]
fn is_clean(text: &[u8]) -> bool {
    const BLOCK: usize = 32;
    let Some(last) = text.last_chunk::<BLOCK>() else {
        return text.iter().all(|&byte| byte >= 0x20 && byte != b'\\');
    };
    let (mut least, mut slashes) = ([0xff_u8; BLOCK], [0_u8; BLOCK]);
    let (blocks, _) = text.as_chunks::<BLOCK>();
    // The last block overlaps the one before it.
    for block in blocks.iter().chain([last]) {
        for at in 0..BLOCK {
            least[at] = least[at].min(block[at]);
            slashes[at] |= 0_u8.wrapping_sub(u8::from(block[at] == b'\\'));
        }
    }
    let mut odd = 0;
    for at in 0..BLOCK {
        odd |= u8::from(least[at] < 0x20) | slashes[at];
    }
    odd == 0
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// Marks the high bit of each byte below `bound` (at most 0x80); of higher places than the first mark, some falsely.
#[inline]
fn below(word: u64, bound: u64) -> u64 {
    const HIGHS: u64 = ONES << 7;
    word.wrapping_sub(ONES * bound) & !word & HIGHS
}

/// Where the first quote is: eight bytes at a time, since texts are most of the JSON.
#[inline]
fn first_quote(text: &[u8]) -> Option<usize> {
    first(text, |word| below(word ^ (ONES * u64::from(b'"')), 1), |byte| byte == b'"')
}

/// Where the first quote, backslash or control character is.
#[inline]
fn end_of_plain(text: &[u8]) -> Option<usize> {
    let marks = |word: u64| {
        let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        is(b'"') | is(b'\\') | below(word, 0x20)
    };
    first(text, marks, |byte| byte == b'"' || byte == b'\\' || byte < 0x20)
}

/// Where the first byte is that `is` of; `marks` says so of eight, by their high bits.
#[inline]
fn first(text: &[u8], marks: impl Fn(u64) -> u64, is: impl Fn(u8) -> bool) -> Option<usize> {
    let (mut at, mut rest) = (0, text);
    while let Some((bytes, behind)) = rest.split_first_chunk::<8>() {
        let marks = marks(u64::from_le_bytes(*bytes));
        if marks != 0 {
            return Some(at + marks.trailing_zeros() as usize / 8);
        }
        (at, rest) = (at + 8, behind);
    }
    rest.iter().position(|&byte| is(byte)).map(|end| at + end)
}

/// JSON's grammar: no leading zero, a digit on each side of a point, digits behind an exponent.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text[0] == b'0') {
        return false;
    }
    let mut rest = &text[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', exponent @ ..] => exponent,
            exponent => exponent,
        };
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_catalogue::by_table;
    use crate::json_reader;

    fn is_plain(text: &str) -> bool {
        let event = by_table("ad_events").unwrap();
        read(text, event, &mut RowBuffer::new(event)).is_some()
    }

    #[test]
    fn what_is_plain_is_read() {
        assert!(is_plain(r#" {"a" : "b" , "action":"CLICK","cost_micros":-0,"x":1.5e+3,"y":null} "#));
        for not_plain in [
            "",
            "{",
            "{}",
            "[]",
            r#"{"a":"b"}x"#,
            r#"{"a":"\n"}"#,
            r#"{"a":[]}"#,
            r#"{"a":true}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":.5}"#,
            r#"{"a":1e}"#,
            r#"{"a":-}"#,
            r#"{"a":nul}"#,
            r#"{"a":"b",}"#,
            r#"{"a" "b"}"#,
            r#"{"cost_micros":1.5}"#,
            r#"{"action":"CLICK","action":"CLICK"}"#,
            "{\"a\":\"\u{1}\"}",
            r#"{"a":1-1}"#,
            r#"{"a":"b"#,
            r#"{"a"#,
            r#"{"a":n"#,
            r#"{"a":"b" "c":"d"}"#,
        ] {
            assert!(!is_plain(not_plain), "{not_plain}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

        #[test]
        fn eight_bytes_at_a_time_are_as_one(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40)) {
            let end = text.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
            proptest::prop_assert_eq!(end_of_plain(&text), end);
            proptest::prop_assert_eq!(first_quote(&text), text.iter().position(|&byte| byte == b'"'));
            proptest::prop_assert_eq!(is_clean(&text), text.iter().all(|&byte| byte != b'\\' && byte >= 0x20));
        }

        /// Where the quick reading answers, the careful one says the same.
        #[test]
        fn both_readings_agree(
            parts in proptest::collection::vec("\"(action|cost_micros|ad_id|event_timestamp|x)\"|[:,{}]|\"[A-Z 0-9é]{0,6}\"|-?[0-9]{1,4}(\\.[0-9])?|null| ", 0..12),
            members in proptest::collection::vec(("action|cost_micros|ad_id|event_timestamp|x", "\"(CLICK|BANNER| |-?[0-9]{1,3})\"|-?[0-9]{1,4}(\\.[0-9]|e1)?|null"), 0..5),
        ) {
            let event = by_table("ad_events").unwrap();
            let object = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect::<Vec<_>>();
            for text in [parts.concat(), format!("{{{}}}", object.join(","))] {
                let mut quick = RowBuffer::new(event);
                if read(&text, event, &mut quick).is_none() {
                    continue;
                }
                let mut careful = RowBuffer::new(event);
                json_reader::read_carefully(&text, event, &mut careful).unwrap();
                match (quick.row(event), careful.row(event)) {
                    (Ok(quick), Ok(careful)) => for slot in 0..event.fields().len() {
                        proptest::prop_assert!(quick.get(event, slot) == careful.get(event, slot), "{}", text);
                    },
                    (quick, careful) => proptest::prop_assert!(quick.is_err() && careful.is_err(), "{}", text),
                }
            }
        }
    }
}
