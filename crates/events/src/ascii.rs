//! Whether a short text within a longer value is ASCII.

/// A block of bytes that is looked at as a whole, whatever the text's length: a loop over so few bytes costs more in branches that
/// nobody can predict than in work.
const BLOCK: usize = 32;

/// The high bits of a block's last bytes, by how many of them count.
const HIGH_BITS: [[u64; BLOCK / 8]; BLOCK + 1] = {
    let mut masks = [[0; BLOCK / 8]; BLOCK + 1];
    let mut length = 0;
    while length <= BLOCK {
        let mut at = BLOCK - length;
        while at < BLOCK {
            masks[length][at / 8] |= 0x80 << (at % 8 * 8);
            at += 1;
        }
        length += 1;
    }
    masks
};

/// Whether `value[start..end]` is ASCII.
#[inline(always)]
pub(crate) fn is_ascii(value: &[u8], start: usize, end: usize) -> bool {
    let length = end - start;
    // The block that ends with the text: what stands before the text is masked.
    let Some(block) = value.get(..end).and_then(<[u8]>::last_chunk::<BLOCK>) else {
        return value[start..end].is_ascii();
    };
    if length <= BLOCK {
        return has_none(block, &HIGH_BITS[length]);
    }
    // The block that begins with it, which overlaps the other where the text is shorter than both.
    match value[start..end].first_chunk::<BLOCK>() {
        Some(first) if length <= 2 * BLOCK => {
            has_none(first, &HIGH_BITS[BLOCK]) && has_none(block, &HIGH_BITS[BLOCK])
        }
        _ => value[start..end].is_ascii(),
    }
}

/// Whether none of the block's masked bits is set.
#[inline]
fn has_none(block: &[u8; BLOCK], mask: &[u64; BLOCK / 8]) -> bool {
    let (words, _) = block.as_chunks::<8>();
    let marked =
        words.iter().zip(mask).fold(0, |marked, (word, mask)| marked | u64::from_le_bytes(*word) & mask);
    marked == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_block_says_what_the_bytes_say(
            ascii in proptest::collection::vec(0_u8..0x80, 1..120),
            odd in proptest::option::of((0_usize..120, 0x80_u8..)),
            part in (0_usize..120, 0_usize..120),
        ) {
            let mut value = ascii;
            if let Some((at, byte)) = odd {
                let at = at % value.len();
                value[at] = byte;
            }
            let (a, b) = (part.0 % (value.len() + 1), part.1 % (value.len() + 1));
            let (start, end) = (a.min(b), a.max(b));
            proptest::prop_assert_eq!(is_ascii(&value, start, end), value[start..end].is_ascii());
        }
    }
}
