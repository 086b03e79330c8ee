//! A dead letter as one line of JSON: what a person greps and a replay reads back byte for byte.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine};
use chrono::{DateTime, SecondsFormat};
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use serde::{Deserialize, Serialize};

/// A record of a dead-letter topic.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct DeadLetter {
    /// Its partition in the dead-letter topic.
    pub partition: i32,
    /// Its offset there.
    pub offset: Offset,
    /// Its timestamp in µs since 1970 (UTC). One outside the years -262000 to 262000 is written as absent.
    pub timestamp_micros: Option<Micros>,
    /// The refused record's own, untouched; `None` is Kafka's null, or left out of a letter that was too large.
    pub key: Option<Vec<u8>>,
    /// As the key.
    pub value: Option<Vec<u8>>,
    /// In their order, names repeated where the record repeats them. They hold the failure context.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// A line that is no dead letter. It shows nothing of the line, which may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a line of dead letters cannot be read at column {column}: {reason}; mend the line or take it out")]
pub struct BadLine {
    column: usize,
    reason: &'static str,
}

impl Classified for BadLine {
    fn class(&self) -> Class {
        Class::DeadLetter
    }
}

/// The story first: it is what a person reads.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    partition: i32,
    offset: Offset,
    timestamp: Option<String>,
    headers: Vec<(String, Option<HeaderValue>)>,
    key: Option<String>,
    value: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum HeaderValue {
    Text(String),
    Bytes { base64: String },
}

impl DeadLetter {
    /// One line of JSON with its line feed: `{"partition", "offset", "timestamp": RFC 3339, "headers": [[name, text or
    /// {"base64"} or null], …], "key": base64, "value": base64}`.
    pub fn to_line(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| {
            let value = value.as_deref().map(|bytes| match std::str::from_utf8(bytes) {
                Ok(text) => HeaderValue::Text(text.to_owned()),
                Err(_) => HeaderValue::Bytes { base64: BASE64_STANDARD.encode(bytes) },
            });
            (name.clone(), value)
        });
        let timestamp = self.timestamp_micros.and_then(Micros::date_time);
        let line = Line {
            partition: self.partition,
            offset: self.offset,
            timestamp: timestamp.map(|instant| instant.to_rfc3339_opts(SecondsFormat::Micros, true)),
            headers: headers.collect(),
            key: self.key.as_ref().map(|bytes| BASE64_STANDARD.encode(bytes)),
            value: self.value.as_ref().map(|bytes| BASE64_STANDARD.encode(bytes)),
        };
        // Texts and numbers under text keys always make JSON.
        let mut text = serde_json::to_string(&line).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads what [`DeadLetter::to_line`] wrote.
    pub fn from_line(text: &str) -> Result<Self, BadLine> {
        let line: Line = serde_json::from_str(text).map_err(|error| BadLine {
            column: error.column(),
            reason: if error.is_data() {
                "a field is missing, unknown or of the wrong type"
            } else {
                "it is no JSON"
            },
        })?;
        let bad = |reason| BadLine { column: 0, reason };
        let decode = |text: String| BASE64_STANDARD.decode(text).map_err(|_| bad("a field is no base64"));
        let timestamp = line.timestamp.map(|text| {
            DateTime::parse_from_rfc3339(&text).map_err(|_| bad("its timestamp is no RFC 3339 instant"))
        });
        let headers = line.headers.into_iter().map(|(name, value)| {
            let value = match value {
                None => None,
                Some(HeaderValue::Text(text)) => Some(text.into_bytes()),
                Some(HeaderValue::Bytes { base64 }) => Some(decode(base64)?),
            };
            Ok((name, value))
        });
        Ok(Self {
            partition: line.partition,
            offset: line.offset,
            timestamp_micros: timestamp.transpose()?.map(|instant| Micros(instant.timestamp_micros())),
            key: line.key.map(decode).transpose()?,
            value: line.value.map(decode).transpose()?,
            headers: headers.collect::<Result<_, _>>()?,
        })
    }
}

/// Sizes only: values are a producer's bytes, secrets included.
impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("partition", &self.partition)
            .field("offset", &self.offset)
            .field("timestamp_micros", &self.timestamp_micros)
            .field("key_bytes", &self.key.as_ref().map(Vec::len))
            .field("value_bytes", &self.value.as_ref().map(Vec::len))
            .field("headers", &self.headers.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_shows_the_story_and_keeps_the_bytes() {
        let letter = DeadLetter {
            partition: 0,
            offset: Offset(12),
            timestamp_micros: Some(Micros(1_795_269_545_000_042)),
            key: None,
            value: Some(b"\xff\x00".to_vec()),
            headers: vec![
                ("error-kind".to_owned(), Some(b"wrong_type".to_vec())),
                ("trace".to_owned(), Some(vec![0xff])),
                ("empty".to_owned(), None),
            ],
        };
        assert_eq!(
            letter.to_line(),
            concat!(
                r#"{"partition":0,"offset":12,"timestamp":"2026-11-21T13:59:05.000042Z","#,
                r#""headers":[["error-kind","wrong_type"],["trace",{"base64":"/w=="}],["empty",null]],"#,
                r#""key":null,"value":"/wA="}"#,
                "\n"
            )
        );
    }

    #[test]
    fn neither_debug_nor_an_error_shows_a_value() {
        let letter = DeadLetter { value: Some(b"hunter2".to_vec()), ..DeadLetter::default() };
        assert!(!format!("{letter:?}").contains("hunter2"));
        let bad = [r#"{"partition":"hunter2"}"#, "hunter2", r#"{"hunter2":1}"#];
        for line in bad {
            let error = DeadLetter::from_line(line).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    fn bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40))
    }

    proptest! {
        #[test]
        fn reads_back_what_it_wrote(
            partition: i32,
            offset: i64,
            timestamp_micros in proptest::option::of(-62_135_596_800_000_000_i64..253_402_300_800_000_000),
            key in bytes(),
            value in bytes(),
            headers in proptest::collection::vec(("\\PC{0,9}|[\\x00-\\x20]{1,3}", bytes()), 0..5),
        ) {
            let (offset, timestamp_micros) = (Offset(offset), timestamp_micros.map(Micros));
            let letter = DeadLetter { partition, offset, timestamp_micros, key, value, headers };
            let line = letter.to_line();
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert_eq!(DeadLetter::from_line(&line).unwrap(), letter);
        }

        #[test]
        fn no_line_makes_it_panic(line in "\\PC*") {
            let _ = DeadLetter::from_line(&line);
        }
    }
}
