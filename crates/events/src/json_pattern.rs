//! Which texts a field's JSON Schema takes, as regular expressions that every validator's dialect has (ECMA-262, Java, Python, Rust, Go):
//! classes, groups and counts, no looking around. Tests hold them against what is read.

/// Unicode's White_Space, as the inside of a class. `\s` differs from one dialect to the next.
const SPACE: &str = r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// A text that is absent.
pub(crate) fn blank() -> String {
    format!("^[{SPACE}]*$")
}

/// A text that is not.
pub(crate) fn not_blank() -> String {
    format!("[^{SPACE}]")
}

/// A blank text, where that may be, or one of these.
pub(crate) fn of(texts: &str, or_blank: bool) -> String {
    if or_blank { format!("^(?:[{SPACE}]*|{texts})$") } else { format!("^(?:{texts})$") }
}

/// RFC 3339 of a day that the calendar has: a space for its T and a minus sign (U+2212) for its hyphen are taken too, and a
/// leap second in any minute.
pub(crate) fn instant() -> String {
    let day = "[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|\
               02-(?:0[1-9]|1[0-9]|2[0-8]))";
    let leap_day = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29";
    let time = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?";
    let offset = r"(?:[Zz]|[-+\u2212](?:[01][0-9]|2[0-3]):[0-5][0-9])";
    format!("(?:{day}|{leap_day})[Tt ]{time}{offset}")
}

/// A number as Rust reads it, white space around it.
pub(crate) fn double() -> String {
    let digits = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[Ee][-+]?[0-9]+)?";
    let words = "[Ii][Nn][Ff](?:[Ii][Nn][Ii][Tt][Yy])?|[Nn][Aa][Nn]";
    format!("[{SPACE}]*[-+]?(?:{digits}|{words})[{SPACE}]*")
}

/// The digits of a whole number within both bounds, which count in: a minus or nothing before them, noughts in front as many as
/// there are.
pub(crate) fn whole(least: i64, most: i64) -> String {
    let mut texts = Vec::new();
    if most >= 0 {
        texts.push(format!("0*(?:{})", magnitudes(least.max(0).unsigned_abs(), most.unsigned_abs())));
    }
    if least < 0 {
        // Nought may have a minus.
        let smallest = if most >= 0 { 0 } else { most.unsigned_abs() };
        texts.push(format!("-0*(?:{})", magnitudes(smallest, least.unsigned_abs())));
    } else if least == 0 {
        texts.push("-0+".to_owned());
    }
    texts.join("|")
}

/// Digits of numbers within both bounds; where those of fewer digits count in, noughts in front do too.
fn magnitudes(least: u64, most: u64) -> String {
    let mut texts = Vec::new();
    let places = |number: u64| number.to_string().len();
    let mut from = least;
    if least == 0 && places(most) > 1 {
        texts.push(counted(places(most) - 1));
        from = 10_u64.pow(places(most) as u32 - 1);
    }
    for places in places(from)..=places(most) {
        let smallest = if places == 1 { 0 } else { 10_u64.pow(places as u32 - 1) };
        let largest = 10_u64.checked_pow(places as u32).map_or(u64::MAX, |next| next - 1);
        let (low, high) = (from.max(smallest).to_string(), most.min(largest).to_string());
        same_length("", low.as_bytes(), high.as_bytes(), &mut texts);
    }
    texts.join("|")
}

/// One to so many digits.
fn counted(most: usize) -> String {
    if most == 1 { "[0-9]".to_owned() } else { format!("[0-9]{{1,{most}}}") }
}

/// The texts between two of the same length, digit by digit behind what they begin with.
fn same_length(begin: &str, low: &[u8], high: &[u8], texts: &mut Vec<String>) {
    let (Some((&low_digit, low_rest)), Some((&high_digit, high_rest))) =
        (low.split_first(), high.split_first())
    else {
        return texts.push(begin.to_owned());
    };
    let behind = |digit: u8| format!("{begin}{}", char::from(digit));
    let any = match low_rest.len() {
        0 => String::new(),
        1 => "[0-9]".to_owned(),
        places => format!("[0-9]{{{places}}}"),
    };
    let is_all = |digits: &[u8], digit: u8| digits.iter().all(|&found| found == digit);
    let (low_whole, high_whole) = (is_all(low_rest, b'0'), is_all(high_rest, b'9'));
    if low_digit == high_digit && !(low_whole && high_whole) {
        return same_length(&behind(low_digit), low_rest, high_rest, texts);
    }
    let first = if low_whole { low_digit } else { low_digit + 1 };
    let last = if high_whole { high_digit } else { high_digit - 1 };
    if !low_whole {
        same_length(&behind(low_digit), low_rest, &vec![b'9'; low_rest.len()], texts);
    }
    if first < last {
        texts.push(format!("{begin}[{}-{}]{any}", char::from(first), char::from(last)));
    } else if first == last {
        texts.push(format!("{}{any}", behind(first)));
    }
    if !high_whole {
        same_length(&behind(high_digit), &vec![b'0'; high_rest.len()], high_rest, texts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_told_in_digits() {
        assert_eq!(whole(400, 599), "0*(?:[4-5][0-9]{2})");
        assert_eq!(whole(1, 10_000), "0*(?:[1-9]|[1-9][0-9]|[1-9][0-9]{2}|[1-9][0-9]{3}|10000)");
        assert_eq!(whole(0, 7), "0*(?:[0-7])|-0+");
        assert_eq!(whole(-12, -7), "-0*(?:[7-9]|1[0-2])");
        assert_eq!(
            whole(-128, 127),
            "0*(?:[0-9]{1,2}|1[0-1][0-9]|12[0-7])|-0*(?:[0-9]{1,2}|1[0-1][0-9]|12[0-8])"
        );
    }
}
