//! The whole number that a JSON number says, however it is written.

/// `17`, and also `17.0`, `1.7e1` and `170e-1`: JSON has one kind of number, and a producer in another language may write it so.
/// `text` has to be a number by JSON's grammar. `None` where something stands behind the point, or it is no number of 64 bits.
#[inline]
pub(crate) fn of_json(text: &str) -> Option<i64> {
    // As nearly every producer writes it.
    text.parse().ok().or_else(|| of_decimal(text))
}

/// Exact: a double has 53 bits, and an int64 more.
#[cold]
fn of_decimal(text: &str) -> Option<i64> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (is_negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => (true, mantissa),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = whole.bytes().chain(fraction.bytes());
    // Nought is nought, however far its point is moved.
    let Some(first) = digits.clone().position(|digit| digit != b'0') else { return Some(0) };
    let last = whole.len() + fraction.len() - 1 - digits.clone().rev().position(|digit| digit != b'0')?;
    // How many noughts follow the last digit that is none; fewer than none is a fraction.
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent.parse().ok()?)?;
    let noughts = point.checked_sub(i64::try_from(last + 1).ok()?)?;
    let noughts = u32::try_from(noughts).ok().filter(|noughts| *noughts < 19)?;
    let number = digits.skip(first).take(last + 1 - first).try_fold(0_i64, |number, digit| {
        let digit = i64::from(digit.checked_sub(b'0')?);
        // Towards the sign, so that the least number is reached too.
        number.checked_mul(10)?.checked_add(if is_negative { -digit } else { digit })
    });
    number?.checked_mul(10_i64.checked_pow(noughts)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        for (text, number) in [
            ("17", 17),
            ("17.0", 17),
            ("1.7e1", 17),
            ("1.7E+1", 17),
            ("170e-1", 17),
            ("0.0017e4", 17),
            ("-17.000", -17),
            ("0", 0),
            ("-0", 0),
            ("-0.0", 0),
            ("0e99999999999999999999", 0),
            ("0.000e-5", 0),
            ("9223372036854775807.0", i64::MAX),
            ("9.223372036854775807e18", i64::MAX),
            ("-9223372036854775808.0", i64::MIN),
            ("-9.223372036854775808e18", i64::MIN),
            ("1e18", 1_000_000_000_000_000_000),
        ] {
            assert_eq!(of_json(text), Some(number), "{text}");
        }
        for text in [
            "17.5",
            "17.00000000000000000000000000001",
            "1e-1",
            "1.75e1",
            "9223372036854775808",
            "9223372036854775807.5",
            "-9223372036854775809.0",
            "1e19",
            "1e999",
            "1e99999999999999999999",
            "1e-99999999999999999999",
        ] {
            assert_eq!(of_json(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

        /// The point moved to and fro changes nothing.
        #[test]
        fn the_points_place_does_not_matter(number: i64, moved in 0_usize..25, padded in 0_usize..4) {
            let digits = format!("{:0>30}", number.unsigned_abs());
            let (whole, fraction) = digits.split_at(digits.len() - moved);
            let whole = whole.trim_start_matches('0');
            let whole = if whole.is_empty() { "0" } else { whole };
            let sign = if number < 0 { "-" } else { "" };
            let text = format!("{sign}{whole}.{fraction}{}e{moved}", "0".repeat(padded + 1));
            proptest::prop_assert_eq!(of_json(&text), Some(number), "{}", text);
        }
    }
}
