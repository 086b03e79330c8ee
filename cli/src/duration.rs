//! Durations as people write them.

use std::time::Duration;

/// `90s`, `10m`, `2h` or `7d`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| "give a duration such as 90s, 10m, 2h or 7d".to_owned())
}

/// Seconds: `90`, or with a unit, `90s`, `10m`, `2h` or `7d`.
pub(crate) fn parse_seconds(text: &str) -> Result<u64, String> {
    let seconds = text.trim().parse().ok().or_else(|| Some(duration(text)?.as_secs()));
    seconds.ok_or_else(|| "give seconds such as 90, or a duration such as 90s, 10m, 2h or 7d".to_owned())
}

fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit = text.chars().last()?;
    let scale = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
    number.checked_mul(scale).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_seconds_may() {
        assert_eq!(parse_duration("10m"), Ok(Duration::from_secs(600)));
        for (text, seconds) in
            [("0", 0), ("90", 90), ("90s", 90), ("10 m", 600), ("2h", 7_200), ("7d", 604_800)]
        {
            assert_eq!(parse_seconds(text), Ok(seconds), "{text}");
        }
        for wrong in ["", "m", "10w", "-1s", "1.5h", "99999999999999999999h", "soon"] {
            assert!(parse_duration(wrong).is_err_and(|reason| reason.contains("10m")), "{wrong}");
            assert!(parse_seconds(wrong).is_err_and(|reason| reason.contains("10m")), "{wrong}");
        }
        assert!(parse_duration("10").is_err());
    }
}
