//! A user's JSON without its login secrets, for the dead letters.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What the API gives beside a user's name that nobody may keep. Dropped wherever they stand, since a user that is
/// refused may well have them in the wrong place.
const SECRETS: [&str; 5] = ["password", "salt", "md5", "sha1", "sha256"];

/// Whether a JSON member of this name holds what nobody may keep or see.
pub fn is_secret(name: &str) -> bool {
    SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

/// Deeper parts are left out: no user of the API's nests like this, and each level is read once for each above it.
const DEEPEST: usize = 64;

/// Copies a JSON value, without white space and without the members named as secrets, at any depth; order, repeated
/// keys, numbers and texts stay as they were written.
pub(crate) fn without_secrets(json: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    copy(json.trim_ascii(), DEEPEST, &mut out);
    out
}

fn copy(json: &str, depth: usize, out: &mut Vec<u8>) {
    let start = out.len();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let copied = match json.as_bytes().first() {
        Some(b'{' | b'[') if depth == 0 => return out.extend_from_slice(b"null"),
        Some(b'{') => deserializer.deserialize_map(Members { depth, out }),
        Some(b'[') => deserializer.deserialize_seq(Elements { depth, out }),
        _ => return out.extend_from_slice(json.as_bytes()),
    };
    if copied.is_err() {
        // A key that is no text: nothing of this part can be told to be no secret.
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

struct Members<'o> {
    depth: usize,
    out: &'o mut Vec<u8>,
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.out.push(b'{');
        let mut separator: &[u8] = b"";
        while let Some(key) = members.next_key::<String>()? {
            if is_secret(&key) {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &RawValue = members.next_value()?;
            self.out.extend_from_slice(separator);
            self.out.extend_from_slice(serde_json::Value::from(key).to_string().as_bytes());
            self.out.push(b':');
            copy(value.get(), self.depth - 1, self.out);
            separator = b",";
        }
        self.out.push(b'}');
        Ok(())
    }
}

struct Elements<'o> {
    depth: usize,
    out: &'o mut Vec<u8>,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.out.push(b'[');
        let mut separator: &[u8] = b"";
        while let Some(value) = elements.next_element::<&RawValue>()? {
            self.out.extend_from_slice(separator);
            copy(value.get(), self.depth - 1, self.out);
            separator = b",";
        }
        self.out.push(b']');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn secrets_go_and_the_rest_stays_as_written() {
        let json = r#" {"a": 1.50, "login": {"uuid":"u","password":"x","s\u0061lt":"y","md5":{"z":1}},
            "list": [ {"sha1":"s","k":"\u00e9 \ud83d"}, 1e3 ], "a": null, "SHA256": [1] } "#;
        let kept = r#"{"a":1.50,"login":{"uuid":"u"},"list":[{"k":"\u00e9 \ud83d"},1e3],"a":null}"#;
        assert_eq!(String::from_utf8(without_secrets(json)).unwrap(), kept);
        let deep = format!("{{\"a\":1,\"b\":{}1{}}}", "[".repeat(1_000), "]".repeat(1_000));
        assert!(without_secrets(&deep).len() < 200);
    }
}
