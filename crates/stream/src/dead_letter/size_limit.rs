//! A letter that is too large for its queue, made smaller step by step.

use super::headers::{HEADERS_OMITTED, KEY_OMITTED, VALUE_OMITTED, is_of_letter};
use crate::StreamError;
use crate::record::{OutgoingRecord, Record};
use millrace_events::instant::Millis;

/// What is left of an `error-message` where every byte counts.
const SHORT_MESSAGE: usize = 512;

/// A record on its way, a dead letter to its queue, all parts its own.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    queue: String,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    timestamp: Millis,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Row values never reach a log.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [topic, partition, offset] = self.source();
        write!(f, "Letter({topic}/{partition} {offset})")
    }
}

/// A letter's parts, as it was sent or as it was refused.
pub(crate) trait Parts {
    fn letter(&self) -> Letter;
}

impl Parts for OutgoingRecord<'_> {
    fn letter(&self) -> Letter {
        Letter {
            queue: self.topic.to_owned(),
            key: self.key.map(<[u8]>::to_vec),
            value: self.value.map(<[u8]>::to_vec),
            timestamp: self.timestamp,
            headers: owned(self.headers),
        }
    }
}

impl Parts for Record<'_> {
    fn letter(&self) -> Letter {
        Letter {
            queue: self.topic.to_owned(),
            key: self.key.map(<[u8]>::to_vec),
            value: self.value.map(<[u8]>::to_vec),
            timestamp: self.timestamp.unwrap_or_default(),
            headers: owned(&self.headers),
        }
    }
}

fn owned(headers: &[(&str, Option<&[u8]>)]) -> Vec<(String, Option<Vec<u8>>)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec))).collect()
}

impl Letter {
    pub(crate) fn of(parts: &impl Parts) -> Self {
        parts.letter()
    }

    pub(crate) fn topic(&self) -> &str {
        &self.queue
    }

    /// The headers that are text, in their order.
    pub(crate) fn text_headers(&self) -> Vec<(String, String)> {
        let text = |value: &Option<Vec<u8>>| String::from_utf8(value.clone()?).ok();
        self.headers.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
    }

    pub(crate) fn with_record<T>(&self, give: impl FnOnce(&OutgoingRecord<'_>) -> T) -> T {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        let (key, value) = (self.key.as_deref(), self.value.as_deref());
        give(&OutgoingRecord { topic: &self.queue, key, value, timestamp: self.timestamp, headers: &headers })
    }

    /// The room it takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.with_record(|record| record.size())
    }

    /// Leaves out what can be missed most easily, and tells so.
    ///
    /// # Errors
    /// Nothing is left but where it came from and why.
    pub(crate) fn shrink(&mut self) -> Result<(), StreamError> {
        let [topic, partition, offset] = self.source();
        let bytes = self.size();
        let (omitted, omitted_bytes) = if let Some(value) = self.value.take() {
            (VALUE_OMITTED, value.len())
        } else if let Some(bytes) = self.shorten_headers() {
            (HEADERS_OMITTED, bytes)
        } else if let Some(key) = self.key.take() {
            (KEY_OMITTED, key.len())
        } else {
            return Err(StreamError::LetterTooLarge {
                queue: self.queue.clone(),
                source_topic: topic,
                source_partition: partition,
                source_offset: offset,
                bytes,
            });
        };
        tracing::warn!(
            queue = self.queue,
            topic,
            partition,
            offset,
            bytes,
            omitted,
            "a dead letter is larger than its queue takes, and goes without a part of it"
        );
        self.headers.push((omitted.to_owned(), Some(omitted_bytes.to_string().into_bytes())));
        Ok(())
    }

    /// Keeps the failure context alone; answers how many bytes that spared, `None` where it could spare none.
    fn shorten_headers(&mut self) -> Option<usize> {
        let room = |headers: &[(String, Option<Vec<u8>>)]| {
            headers.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len)).sum::<usize>()
        };
        let before = room(&self.headers);
        self.headers.retain(|(name, _)| is_of_letter(name));
        for (_, message) in self.headers.iter_mut().filter(|(name, _)| name == "error-message") {
            if let Some(message) = message {
                let text = String::from_utf8_lossy(message);
                let end = text.floor_char_boundary(SHORT_MESSAGE);
                *message = text[..end].as_bytes().to_vec();
            }
        }
        Some(before - room(&self.headers)).filter(|spared| *spared > 0)
    }

    /// The topic, the partition and the offset that its failure context tells.
    fn source(&self) -> [String; 3] {
        ["source-topic", "source-partition", "source-offset"].map(|wanted| {
            let found = self.headers.iter().rev().find(|(name, _)| name == wanted);
            let value = found.and_then(|(_, value)| value.as_deref()).unwrap_or(b"?");
            String::from_utf8_lossy(value).into_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_up_its_value_then_headers_then_its_key_and_keeps_its_story() {
        let long = "ü".repeat(400);
        let headers: [(&str, Option<&[u8]>); 5] = [
            ("trace", Some(b"0123456789")),
            ("error-message", Some(long.as_bytes())),
            ("source-topic", Some(b"ad_events")),
            ("source-partition", Some(b"3")),
            ("source-offset", Some(b"17")),
        ];
        let (key, value) = (Some(&b"k"[..]), Some(&[b'v'; 100][..]));
        let (topic, timestamp) = ("ad_events.dlq", Millis(5));
        let record = OutgoingRecord { topic, key, value, timestamp, headers: &headers };
        let mut letter = Letter::of(&record);
        let sent = |letter: &Letter| {
            letter.with_record(|record| {
                let names: Vec<_> = record.headers.iter().map(|(name, _)| (*name).to_owned()).collect();
                (record.key.is_some(), record.value.is_some(), names.join(" "))
            })
        };
        let context = "error-message source-topic source-partition source-offset";
        for (has_key, omitted) in [
            (true, " value-omitted"),
            (true, " value-omitted headers-omitted"),
            (false, " value-omitted headers-omitted key-omitted"),
        ] {
            let before = letter.size();
            letter.shrink().expect("there is more to leave out");
            let trace = if omitted == " value-omitted" { "trace " } else { "" };
            assert_eq!(sent(&letter), (has_key, false, format!("{trace}{context}{omitted}")));
            assert!(letter.size() < before || omitted.ends_with("key-omitted"));
        }
        assert_eq!(
            letter.headers[0].1.as_ref().map(Vec::len),
            Some(SHORT_MESSAGE),
            "cut between two letters"
        );
        assert_eq!(letter.headers[4].1.as_deref(), Some(&b"100"[..]), "the value's bytes");
        let error = letter.shrink().expect_err("nothing is left to leave out").to_string();
        assert!(error.contains("ad_events/3 offset 17") && error.contains("max.message.bytes"), "{error}");
        assert_eq!(format!("{letter:?}"), "Letter(ad_events/3 17)");
    }

    #[test]
    fn without_headers_of_its_own_the_key_goes_next() {
        let context: [(&str, Option<&[u8]>); 1] = [("source-topic", Some(b"t"))];
        let record = OutgoingRecord {
            topic: "t.dlq",
            key: Some(b"key"),
            value: None,
            timestamp: Millis(0),
            headers: &context,
        };
        let mut letter = Letter::of(&record);
        letter.shrink().expect("its key can go");
        assert!(letter.key.is_none() && letter.headers.iter().any(|(name, _)| name == KEY_OMITTED));
        assert!(letter.shrink().is_err());
    }
}
