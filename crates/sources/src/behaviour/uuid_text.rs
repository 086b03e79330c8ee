//! A uuid as its 36 characters.

use uuid::Uuid;

/// Lower-case.
pub(super) fn uuid_text(uuid: [u8; 16]) -> [u8; 36] {
    let mut text = [0; 36];
    Uuid::from_bytes(uuid).hyphenated().encode_lower(&mut text);
    text
}

/// The bytes of a uuid that is written as [`uuid_text`] writes it, to the letter's case.
pub(super) fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let uuid = Uuid::try_parse(text).ok()?.into_bytes();
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
