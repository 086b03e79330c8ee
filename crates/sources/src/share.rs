//! A share of users, as people write it: `1%` or `0.01`.

use std::fmt;
use std::str::FromStr;

/// A share between nothing and everything.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(f64);

/// Why a text is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no share: {reason}; write it as 1% or 0.01")]
pub struct ShareError {
    text: String,
    reason: &'static str,
}

impl Share {
    /// Nobody.
    pub const NONE: Self = Self(0.0);
    /// Everybody.
    pub const ALL: Self = Self(1.0);

    /// So many in a thousand, at most all of them.
    pub(crate) const fn permille(thousandths: u32) -> Self {
        let most = if thousandths > 1_000 { 1_000 } else { thousandths };
        Self(most as f64 / 1_000.0)
    }

    /// So many times as much, at most everything.
    pub(crate) fn times(self, times: u32) -> Self {
        Self((self.0 * f64::from(times)).min(1.0))
    }

    /// The share as a fraction, 0 to 1.
    pub fn fraction(self) -> f64 {
        self.0
    }

    /// Whether a number drawn evenly from all of `u64` falls within this share of them.
    pub(crate) fn covers(self, drawn: u64) -> bool {
        // Exact for every share: a product with a power of two only changes the exponent.
        u128::from(drawn) < (self.0 * 2_f64.powi(64)) as u128
    }
}

impl FromStr for Share {
    type Err = ShareError;

    /// A percentage with its sign, or a plain fraction below 1. A plain `1` is refused, since it could be either.
    fn from_str(text: &str) -> Result<Self, ShareError> {
        let refuse = |reason| ShareError { text: text.to_owned(), reason };
        let trimmed = text.trim();
        let (number, whole) = match trimmed.strip_suffix('%') {
            Some(number) => (number.trim_end(), 100.0),
            None => (trimmed, 1.0),
        };
        let number: f64 = number.parse().map_err(|_| refuse("it is no number"))?;
        if !number.is_finite() {
            return Err(refuse("it is no finite number"));
        }
        if number < 0.0 {
            return Err(refuse("it is negative"));
        }
        if number > whole {
            return Err(refuse("it is more than everything"));
        }
        if whole == 1.0 && number == 1.0 {
            return Err(refuse("it could mean 1% or 100%"));
        }
        // A sum with zero makes -0 plain.
        Ok(Self(number / whole + 0.0))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // f32's digits hide what the division left behind the 7th: 0.07 * 100 is 7.000000000000001.
        write!(f, "{}%", (self.0 * 100.0) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_and_fraction() {
        for (text, fraction) in
            [("1%", 0.01), (" 0.5 % ", 0.005), ("0.01", 0.01), ("0", 0.0), ("100%", 1.0), ("-0", 0.0)]
        {
            assert_eq!(text.parse::<Share>().unwrap().fraction(), fraction, "{text}");
        }
        assert_eq!("7%".parse::<Share>().unwrap().to_string(), "7%");
        assert_eq!("0.005".parse::<Share>().unwrap().to_string(), "0.5%");
        assert_eq!("-0".parse::<Share>().unwrap().to_string(), "0%");
    }

    #[test]
    fn the_rest_is_refused_with_the_reason() {
        for (text, reason) in [
            ("101%", "more than everything"),
            ("1.5", "more than everything"),
            ("1", "1% or 100%"),
            ("-1%", "negative"),
            ("NaN", "finite"),
            ("inf%", "finite"),
            ("", "no number"),
            ("%", "no number"),
            ("1,5%", "no number"),
            ("1%%", "no number"),
        ] {
            let error = text.parse::<Share>().unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("write it as 1%"), "{text}: {error}");
        }
    }

    #[test]
    fn nothing_all_and_half() {
        let half: Share = "50%".parse().unwrap();
        assert!(!Share::NONE.covers(0) && Share::ALL.covers(u64::MAX));
        assert!(half.covers((1 << 63) - 1) && !half.covers(1 << 63));
    }
}
