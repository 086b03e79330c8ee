//! A user's JSON without its login secrets, for the dead letters.

use std::borrow::Cow;

use jiter::{Jiter, JiterError, Peek};

/// What the API gives beside a user's name that nobody may keep. Dropped wherever they stand, since a user that is
/// refused may well have them in the wrong place.
const SECRETS: [&str; 5] = ["password", "salt", "md5", "sha1", "sha256"];

/// Copies a JSON value, without white space and without the members named as secrets, at any depth; order, repeated
/// keys, numbers and texts stay as they were written.
pub(crate) fn without_secrets(json: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let mut jiter = Jiter::new(json.as_bytes());
    match copy(&mut jiter, &mut out) {
        Ok(()) => out,
        // Read once already, so this is JSON; were it none, nothing of it may be kept.
        Err(_) => b"null".to_vec(),
    }
}

fn copy(jiter: &mut Jiter<'_>, out: &mut Vec<u8>) -> Result<(), JiterError> {
    match jiter.peek()? {
        Peek::Object => {
            out.push(b'{');
            let mut first = true;
            let mut key = jiter.next_object_bytes()?.map(<[u8]>::to_vec);
            while let Some(raw) = key {
                if is_secret(&raw) {
                    jiter.next_skip()?;
                } else {
                    if !std::mem::take(&mut first) {
                        out.push(b',');
                    }
                    out.push(b'"');
                    out.extend_from_slice(&raw);
                    out.extend_from_slice(b"\":");
                    copy(jiter, out)?;
                }
                key = jiter.next_key_bytes()?.map(<[u8]>::to_vec);
            }
            out.push(b'}');
        }
        Peek::Array => {
            out.push(b'[');
            let mut next = jiter.known_array()?;
            let mut first = true;
            while next.is_some() {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                copy(jiter, out)?;
                next = jiter.array_step()?;
            }
            out.push(b']');
        }
        _ => {
            let start = jiter.current_index();
            jiter.next_skip()?;
            out.extend_from_slice(jiter.slice_to_current(start));
        }
    }
    Ok(())
}

fn is_secret(raw_key: &[u8]) -> bool {
    let key = if raw_key.contains(&b'\\') {
        let quoted = [b"\"", raw_key, b"\""].concat();
        Cow::Owned(Jiter::new(&quoted).next_str().map(str::to_owned).unwrap_or_default())
    } else {
        String::from_utf8_lossy(raw_key)
    };
    SECRETS.iter().any(|secret| key.eq_ignore_ascii_case(secret))
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn secrets_go_and_the_rest_stays_as_written() {
        let json = r#" {"a": 1.50, "login": {"uuid":"u","password":"x","s\u0061lt":"y","md5":{"z":1}},
            "list": [ {"sha1":"s","k":"\u00e9"}, 1e3 ], "a": null, "SHA256": [1] } "#;
        let kept = r#"{"a":1.50,"login":{"uuid":"u"},"list":[{"k":"\u00e9"},1e3],"a":null}"#;
        assert_eq!(String::from_utf8(without_secrets(json)).unwrap(), kept);
    }
}
