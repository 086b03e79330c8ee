//! A record's headers as Kafka writes them: how many, and each one's name and value behind their lengths, zigzag varints all.

use crate::record::Header;

/// Appends the headers; none of them where something is malformed, as librdkafka has it.
pub(crate) fn read<'a>(raw: &'a [u8], headers: &mut Vec<Header<'a>>) {
    if read_all(raw, headers).is_none() {
        headers.clear();
    }
}

fn read_all<'a>(mut raw: &'a [u8], headers: &mut Vec<Header<'a>>) -> Option<()> {
    for _ in 0..number(&mut raw)? {
        let length = usize::try_from(number(&mut raw)?).ok()?;
        let name = raw.split_off(..length)?;
        let value = match number(&mut raw)? {
            -1 => None,
            length => Some(raw.split_off(..usize::try_from(length).ok()?)?),
        };
        headers.push((self::name(name), value));
    }
    Some(())
}

/// A header's name, as far as it is a text: Kafka takes no other, and a broken one is no reason to end.
pub(crate) fn name(name: &[u8]) -> &str {
    match std::str::from_utf8(name) {
        Ok(name) => name,
        Err(error) => std::str::from_utf8(&name[..error.valid_up_to()]).unwrap_or_default(),
    }
}

/// Takes a varint off the front.
#[inline]
fn number(raw: &mut &[u8]) -> Option<i64> {
    let mut zigzag = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *raw.split_off_first()?;
        zigzag |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(raw: &[u8]) -> Vec<Header<'_>> {
        let mut headers = Vec::new();
        read(raw, &mut headers);
        headers
    }

    #[test]
    fn headers_are_read_as_kafka_writes_them() {
        assert_eq!(all(b"\x00"), []);
        // Two headers: a=bc, and an empty name with null.
        assert_eq!(all(b"\x04\x02a\x04bc\x00\x01"), [("a", Some(b"bc".as_slice())), ("", None)]);
        let long = [b"\x02\x02n\xc8\x01".as_slice(), &[b'v'; 100]].concat();
        assert_eq!(all(&long), [("n", Some([b'v'; 100].as_slice()))]);
        assert_eq!(all(b"\x02\x06a\xc3(\x00"), [("a", Some(b"".as_slice()))]);
    }

    #[test]
    fn what_is_malformed_has_none() {
        let whole = b"\x04\x02a\x04bc\x02b\x00";
        assert_eq!(all(whole).len(), 2);
        for end in 0..whole.len() {
            assert_eq!(all(&whole[..end]), [], "{end}");
        }
        // Negative lengths, and a varint without end.
        for raw in [b"\x02\x01\x00".as_slice(), b"\x02\x02a\x03", &[0xff; 12]] {
            assert_eq!(all(raw), []);
        }
    }
}
