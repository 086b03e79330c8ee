//! Phone numbers: plausible ones and the shape North America writes them in.

/// True for 7 to 15 ASCII digits among its characters: 15 is E.164's bound, 7 lets the 8 of Denmark and Norway pass.
pub fn is_valid(phone: &str) -> bool {
    (7..=15).contains(&digits(phone).count())
}

/// `(XXX) XXX-XXXX` for exactly ten digits in the United States and Canada, else as given.
pub fn formatted(phone: &str, country_code: Option<&str>) -> String {
    if !matches!(country_code, Some("US" | "CA")) || digits(phone).count() != 10 {
        return phone.to_owned();
    }
    let mut out = String::with_capacity(14);
    for (place, digit) in digits(phone).enumerate() {
        match place {
            0 => out.push('('),
            3 => out.push_str(") "),
            6 => out.push('-'),
            _ => {}
        }
        out.push(digit);
    }
    out
}

fn digits(phone: &str) -> impl Iterator<Item = char> + '_ {
    phone.chars().filter(char::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_to_fifteen_digits_are_valid() {
        assert!(!is_valid("123456"));
        assert!(is_valid("123 45 67"));
        assert!(is_valid("+45 12345678"));
        assert!(is_valid("(123)456789012345"));
        assert!(!is_valid("1234567890123456"));
        assert!(!is_valid("٠١٢٣٤٥٦٧"), "Arabic-Indic digits are not ASCII");
        assert!(!is_valid("call me"));
    }

    #[test]
    fn ten_digits_are_formatted_in_the_us_and_canada_only() {
        for country in ["US", "CA"] {
            assert_eq!(formatted("(207)-555 0142 ext.", Some(country)), "(207) 555-0142");
            assert_eq!(formatted("1-207-555-0142", Some(country)), "1-207-555-0142");
        }
        assert_eq!(formatted("2075550142", Some("us")), "2075550142");
        assert_eq!(formatted("2075550142", Some("MX")), "2075550142");
        assert_eq!(formatted("2075550142", None), "2075550142");
    }
}
