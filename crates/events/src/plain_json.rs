//! The JSON that producers nearly always write, several times faster than the careful reading in `json_event`: one flat
//! object of texts without escapes, numbers and nulls. It answers alike where it answers.

use crate::event::Event;
use crate::field::Kind;
use crate::json::is_blank;
use crate::json_event::convert;
use crate::row::RowBuffer;

/// Reads the object into `row`, which has to be clear. `None` where something is not plain, right or wrong: then the row
/// holds anything, and the careful reading decides.
pub(crate) fn read(text: &str, event: &Event, row: &mut RowBuffer) -> Option<()> {
    let mut plain = Plain::new(text);
    let fields = event.fields();
    // Producers write an event's fields in one order, mostly the contract's.
    let mut next = 0;
    plain.object(|plain, key| {
        let (value, is_text) = plain.value()?;
        let slot = match fields.get(next..)?.iter().position(|field| field.name == key) {
            Some(ahead) => next + ahead,
            None => match fields.iter().position(|field| field.name == key) {
                Some(slot) => slot,
                None => return Some(()),
            },
        };
        next = slot + 1;
        if !row.see(slot) {
            return None;
        }
        match value.filter(|value| !is_blank(value)) {
            Some(value) if fields[slot].kind == Kind::Text => {
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
}

impl<'j> Plain<'j> {
    pub(crate) fn new(text: &'j str) -> Self {
        Self { text, at: 0 }
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
        self.token(b'{')?;
        loop {
            let key = self.quoted()?;
            self.token(b':')?;
            member(self, key)?;
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.as_bytes().get(self.at) {
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
        let rest = self.text.as_bytes().get(self.at..)?;
        let length = end_of_plain(rest)?;
        if rest[length] != b'"' {
            return None;
        }
        let text = self.text.get(self.at..self.at + length)?;
        self.at += length + 1;
        Some(text)
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

/// Where the first quote, backslash or control character is: eight bytes at a time, since texts are most of the JSON.
#[inline]
fn end_of_plain(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    // Marks the high bit of each byte below `bound` (at most 0x80); of higher places than the first mark, some falsely.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGHS;
    let (words, tail) = text.as_chunks::<8>();
    for (at, bytes) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*bytes);
        let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        let marks = is(b'"') | is(b'\\') | below(word, 0x20);
        if marks != 0 {
            return Some(at * 8 + marks.trailing_zeros() as usize / 8);
        }
    }
    let end = tail.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
    end.map(|end| text.len() - tail.len() + end)
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
    use crate::catalogue::by_table;
    use crate::json_event;

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
                json_event::read_carefully(&text, event, &mut careful).unwrap();
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
