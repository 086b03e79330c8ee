//! Text as the tables hold it: trimmed, runs of white space made one blank, names with a capital at each word.
//! White space is Unicode's White_Space throughout.

use std::borrow::Cow;

/// Trimmed; nothing where nothing is left.
pub fn trimmed(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// The id as it is, untrimmed; one of blanks is no id.
pub fn id(text: &str) -> Option<&str> {
    trimmed(text).map(|_| text)
}

/// Trimmed, and inner runs of white space made one blank.
pub fn squeezed(text: &str) -> Option<Cow<'_, str>> {
    let text = trimmed(text)?;
    let already = !text.contains("  ") && !text.contains(|c: char| c.is_whitespace() && c != ' ');
    if already {
        return Some(text.into());
    }
    Some(text.split_whitespace().collect::<Vec<_>>().join(" ").into())
}

/// A squeezed name with the first character of each word upper-cased and the rest left: McDonald and O'Brien survive.
pub fn name(text: &str) -> Option<String> {
    let text = squeezed(text)?;
    let mut out = String::with_capacity(text.len());
    for word in text.split(' ') {
        if !out.is_empty() {
            out.push(' ');
        }
        let mut characters = word.chars();
        out.extend(characters.next().into_iter().flat_map(char::to_uppercase));
        out.push_str(characters.as_str());
    }
    Some(out)
}

/// The present parts with `separator` between them; nothing where all are absent.
pub fn joined<const N: usize>(parts: [Option<&str>; N], separator: &str) -> Option<String> {
    let present: Vec<&str> = parts.into_iter().flatten().collect();
    (!present.is_empty()).then(|| present.join(separator))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blank_texts_are_absent() {
        for blank in ["", " ", "\t\n", "\u{a0}\u{2003}\u{3000}"] {
            assert_eq!(trimmed(blank), None);
            assert_eq!(id(blank), None);
            assert_eq!(squeezed(blank), None);
            assert_eq!(name(blank), None);
        }
        assert_eq!(trimmed("\u{a0}x y\u{2003}"), Some("x y"));
        assert_eq!(trimmed("\u{200b}"), Some("\u{200b}"), "a zero width space is no White_Space");
    }

    #[test]
    fn ids_keep_their_blanks() {
        assert_eq!(id(" a "), Some(" a "));
    }

    #[test]
    fn runs_of_white_space_become_one_blank() {
        assert_eq!(squeezed(" a\u{3000}\t b  c ").as_deref(), Some("a b c"));
        assert_eq!(squeezed("a\u{a0}b").as_deref(), Some("a b"));
        assert_eq!(squeezed("a b").as_deref(), Some("a b"));
    }

    #[test]
    fn names_get_a_capital_at_each_word_and_keep_the_rest() {
        for (given, expected) in [
            ("mcDonald", "McDonald"),
            ("o'brien", "O'brien"),
            ("hans-martin", "Hans-martin"),
            ("O'Brien  de la\u{2003}cruz", "O'Brien De La Cruz"),
            ("ßtraße", "SStraße"),
            ("ŉ", "\u{2bc}N"),
            ("ǆ", "Ǆ"),
            ("østergård", "Østergård"),
            ("李 小", "李 小"),
            ("1st", "1st"),
        ] {
            assert_eq!(name(given).as_deref(), Some(expected), "{given}");
        }
    }

    #[test]
    fn absent_parts_are_left_out() {
        assert_eq!(joined([Some("a"), None, Some("b")], ", ").as_deref(), Some("a, b"));
        assert_eq!(joined([None, Some("b")], " ").as_deref(), Some("b"));
        assert_eq!(joined([None, None], " "), None);
    }

    proptest! {
        #[test]
        fn squeezing_is_splitting_and_joining(text in r"[\sa-zß\u{2003}\u{3000}]{0,12}") {
            let words: Vec<&str> = text.split_whitespace().collect();
            let expected = (!words.is_empty()).then(|| words.join(" "));
            prop_assert_eq!(squeezed(&text).map(Cow::into_owned), expected);
        }

        #[test]
        fn cleaning_twice_is_cleaning_once(text in any::<String>()) {
            if let Some(once) = squeezed(&text) {
                prop_assert_eq!(squeezed(&once), Some(once.clone()));
            }
        }
    }
}
