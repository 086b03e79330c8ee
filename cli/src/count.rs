//! Counts as people write them.

const FORM: &str = "give a whole number such as 5000, 5_000, 5k or 1m";

/// A count of at least `LEAST`, such as `5000`, `5_000`, `5,000`, `5k`, `1.5k` or `1m`: a million.
pub(crate) fn count<T: TryFrom<u64>, const LEAST: u64>(text: &str) -> Result<T, String> {
    let number = number(text.trim()).ok_or(FORM)?;
    if number < LEAST {
        return Err(format!("give at least {LEAST}"));
    }
    T::try_from(number).map_err(|_| "that is more than can be counted here: give a smaller number".to_owned())
}

fn number(text: &str) -> Option<u64> {
    let (digits, zeros) = match text.char_indices().last()? {
        (at, 'k' | 'K') => (text[..at].trim_end(), 3),
        (at, 'm' | 'M') => (text[..at].trim_end(), 6),
        _ => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // What is behind the point has to be whole too once the unit is counted in.
    let is_decimal = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if digits.contains('.') && (!is_decimal || fraction.len() > zeros) {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<zeros$}0").parse().ok()?;
    let whole = ungrouped(whole)?.parse::<u64>().ok()?;
    whole.checked_mul(10_u64.pow(zeros as u32))?.checked_add(fraction / 10)
}

/// Digits alone; `_` may stand between any, `,` before groups of three.
fn ungrouped(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(['_', ',']).collect();
    let are_digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let commas = text.contains(',');
    let are_groups =
        !text.contains('_') && parts[0].len() <= 3 && parts.iter().skip(1).all(|part| part.len() == 3);
    (parts.iter().all(are_digits) && (!commas || are_groups)).then(|| parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_people_write_them() {
        for (text, number) in [
            ("0", 0),
            ("5000", 5_000),
            (" 5_000 ", 5_000),
            ("5,000", 5_000),
            ("1,234,567", 1_234_567),
            ("5k", 5_000),
            ("5 K", 5_000),
            ("1.5k", 1_500),
            ("0.001k", 1),
            ("1m", 1_000_000),
            ("2.25M", 2_250_000),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(count::<u64, 0>(text), Ok(number), "{text}");
        }
    }

    #[test]
    fn what_is_no_count_is_told_the_form() {
        for text in [
            "",
            "lots",
            "-1",
            "+1",
            "1.5",
            "1.2345k",
            "1.k",
            ".5k",
            "k",
            "5kk",
            "5g",
            "_5",
            "5__0",
            "5,00",
            "5000,000",
            "1_000,000",
            "1e6",
            "0x10",
            "٣",
            "18446744073709551616",
            "99999999999999999m",
        ] {
            assert_eq!(count::<u64, 0>(text), Err(FORM.to_owned()), "{text}");
        }
        assert_eq!(count::<u64, 2>("1"), Err("give at least 2".to_owned()));
        assert!(count::<u32, 0>("5000m").is_err_and(|reason| reason.contains("smaller")));
    }
}
