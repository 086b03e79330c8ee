//! Which partition a key belongs to: murmur2 as Java's clients have it, so that the same input gives the same
//! positions whatever client wrote it.

/// The partition of `key` among `partitions`; without a key always 0.
pub(crate) fn partition(key: Option<&[u8]>, partitions: i32) -> i32 {
    match key {
        // Java drops the hash's sign bit instead of taking its absolute value.
        Some(key) => (murmur2(key) & 0x7fff_ffff) as i32 % partitions,
        None => 0,
    }
}

fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;

    let mut hash = SEED ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, &byte| tail << 8 | u32::from(byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_java_does() {
        // The vectors that Kafka's Java client and librdkafka are tested with.
        let long = "PreAmbleWillBeRemoved,ThePrePartThatIs";
        let vectors = [
            ("kafka", 0xd067_cf64),
            ("giberish123456789", 0x8f55_2b0c),
            ("1234", 0x9fc9_7b14),
            ("234", 0xe7c0_09ca),
            ("34", 0x8739_30da),
            ("4", 0x5a4b_5ca1),
            (long, 0x7842_4f1c),
            (&long[1..], 0x4a62_b377),
            (&long[2..], 0xe0e4_e09e),
            (&long[3..], 0x62b8_b43f),
            ("", 0x106e_08d9),
        ];
        for (key, hash) in vectors {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
        assert_eq!(partition(None, 6), 0);
        assert!((0..1000).all(|n: i32| (0..6).contains(&partition(Some(&n.to_be_bytes()), 6))));
    }
}
