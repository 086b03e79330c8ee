//! Rates and durations as people write them.

use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

/// Records a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) per_second: NonZeroU64,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix("/s").unwrap_or(text);
        let per_second =
            number.trim().parse().map_err(|_| "give records a second, such as 500/s".to_owned())?;
        Ok(Self { per_second })
    }
}

/// `90s`, `10m` or `2h`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "give a duration such as 90s, 10m or 2h".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let scale = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(wrong()),
    };
    let number: u64 = text.strip_suffix(unit).and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    number.checked_mul(scale).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_durations_have_units() {
        assert_eq!("500/s".parse::<Rate>().map(|rate| rate.per_second.get()), Ok(500));
        assert_eq!("7".parse::<Rate>().map(|rate| rate.per_second.get()), Ok(7));
        assert_eq!(parse_duration("10m"), Ok(Duration::from_secs(600)));
        for wrong in ["", "0/s", "-1/s", "5/m", "fast"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
        for wrong in ["", "10", "m", "10d", "-1s", "99999999999999999999h"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
