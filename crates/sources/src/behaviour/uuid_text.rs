//! A uuid as its 36 characters.

/// Two lower-case hexadecimal digits for each byte.
const PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

/// Where each byte's digits stand: hyphens lie between.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

pub(super) fn uuid_text(uuid: [u8; 16]) -> [u8; 36] {
    let mut text = [b'-'; 36];
    for (place, byte) in PLACES.into_iter().zip(uuid) {
        let pair = PAIRS[usize::from(byte)];
        text[place] = pair[0];
        text[place + 1] = pair[1];
    }
    text
}

/// The bytes of a uuid that is written as [`uuid_text`] writes it, to the letter's case.
pub(super) fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.split('-').collect();
    let uuid = u128::from_str_radix(&digits, 16).ok()?.to_be_bytes();
    (uuid_text(uuid) == text.as_bytes()).then_some(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyphens_stand_where_they_belong() {
        let uuid = 0x0123_4567_89ab_4def_8123_4567_89ab_cdef_u128.to_be_bytes();
        let text = "01234567-89ab-4def-8123-456789abcdef";
        assert_eq!(&uuid_text(uuid), text.as_bytes());
        assert_eq!(uuid_bytes(text), Some(uuid));
        for other in ["", "0123456789ab4def8123456789abcdef", &text.to_uppercase(), &text[1..], "ü"] {
            assert_eq!(uuid_bytes(other), None, "{other}");
        }
    }
}
