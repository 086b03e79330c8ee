//! The JSON that producers nearly always write, several times faster than the careful reading in `json_event`: one flat
//! object of texts without escapes, numbers and nulls. It answers alike where it answers.

use crate::event::Event;
use crate::json::is_blank;
use crate::json_event::convert;
use crate::row::RowBuffer;

/// Reads the object into `row`, which has to be clear. `None` where something is not plain, right or wrong: then the row
/// holds anything, and the careful reading decides.
pub(crate) fn read(text: &str, event: &Event, row: &mut RowBuffer) -> Option<()> {
    let mut plain = Plain { text, at: 0 };
    let fields = event.fields();
    // Producers write an event's fields in one order, mostly the contract's.
    let mut next = 0;
    plain.token(b'{')?;
    loop {
        let key = plain.quoted()?;
        plain.token(b':')?;
        let (value, is_text) = plain.value()?;
        let slot = match fields.get(next..)?.iter().position(|field| field.name == key) {
            Some(ahead) => Some(next + ahead),
            None => fields.iter().position(|field| field.name == key),
        };
        if let Some(slot) = slot {
            next = slot + 1;
            if !row.see(slot) {
                return None;
            }
            if let Some(value) = value.filter(|value| !is_blank(value)) {
                convert(event, slot, value, is_text, row).ok()?;
            }
        }
        match plain.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    plain.skip_space();
    (plain.at == text.len()).then_some(())
}

struct Plain<'j> {
    text: &'j str,
    at: usize,
}

impl<'j> Plain<'j> {
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
        let length = plain_length(rest)?;
        if rest[length] != b'"' {
            return None;
        }
        let text = self.text.get(self.at..self.at + length)?;
        self.at += length + 1;
        Some(text)
    }

    /// A text or a number's characters, and whether it is a text; `None` within is null.
    #[inline]
    fn value(&mut self) -> Option<(Option<&'j str>, bool)> {
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

/// Bytes before the first quote, backslash or control character: eight at a time, since a text is a uuid mostly.
#[inline]
fn plain_length(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES * 0x80;
    // The high bit of each byte that is below `bound`, and of none before the first such byte.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGH;
    let (words, last) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        let ends = is(b'"') | is(b'\\') | below(word, 0x20);
        if ends != 0 {
            return Some(at * 8 + (ends.trailing_zeros() / 8) as usize);
        }
    }
    let is_end = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    last.iter().position(is_end).map(|at| words.len() * 8 + at)
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
        #[test]
        fn eight_bytes_at_a_time_are_bytes(text in proptest::collection::vec(0_u8..=255, 0..40), plain in 0_usize..40) {
            let text: Vec<u8> = std::iter::repeat_n(0xe9, plain).chain(text).collect();
            let ends = text.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
            proptest::prop_assert_eq!(plain_length(&text), ends);
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
