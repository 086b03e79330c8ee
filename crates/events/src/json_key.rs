//! A field's name as JSON has it for a key, its colon included: looked for where it is expected, as a block.

/// Longer names are compared byte by byte.
const BLOCK: usize = 32;

#[derive(Debug)]
pub(crate) struct JsonKey {
    /// The name between its quotes, and the colon.
    quoted: Box<str>,
    /// The same in a block, and which of the block's bits count; none where it is longer.
    block: [u64; BLOCK / 8],
    mask: [u64; BLOCK / 8],
}

impl JsonKey {
    pub(crate) fn new(name: &str) -> Self {
        let quoted = format!("\"{name}\":").into_boxed_str();
        let (mut bytes, mut counting) = ([0; BLOCK], [0; BLOCK]);
        if quoted.len() <= BLOCK {
            bytes[..quoted.len()].copy_from_slice(quoted.as_bytes());
            counting[..quoted.len()].fill(0xff);
        }
        Self { quoted, block: words(&bytes), mask: words(&counting) }
    }

    /// Its length where the text begins with it.
    #[inline]
    pub(crate) fn starts(&self, text: &[u8]) -> Option<usize> {
        let length = self.quoted.len();
        let is_so = match text.first_chunk::<BLOCK>() {
            Some(text) if length <= BLOCK => {
                let words = words(text).into_iter().zip(self.block).zip(self.mask);
                words.fold(0, |odd, ((text, name), mask)| odd | ((text ^ name) & mask)) == 0
            }
            _ => text.starts_with(self.quoted.as_bytes()),
        };
        is_so.then_some(length)
    }
}

#[inline]
fn words(bytes: &[u8; BLOCK]) -> [u64; BLOCK / 8] {
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|at| u64::from_le_bytes(words[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_at_the_beginning_of_any_text() {
        for name in ["", "a", "event_id", "a_name_of_thirty_bytes_in_all_", &"long".repeat(20)] {
            let key = JsonKey::new(name);
            let quoted = format!("\"{name}\":");
            for rest in ["", "1}", "\"a text that fills more than a block\"}"] {
                let text = format!("{quoted}{rest}");
                assert_eq!(key.starts(text.as_bytes()), Some(quoted.len()), "{text}");
                for at in 0..quoted.len() {
                    let mut odd = text.clone().into_bytes();
                    odd[at] ^= 1;
                    assert_eq!(key.starts(&odd), None, "{text} {at}");
                    assert_eq!(key.starts(&text.as_bytes()[..at]), None, "{text} {at}");
                }
            }
        }
    }
}
