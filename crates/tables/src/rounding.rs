//! Rounding half away from zero, on integers, so that no binary fraction tips a half to the wrong side.

/// `k` of `n` in percent, to 2 decimals; nothing of nothing.
pub fn percent(k: i64, n: i64) -> Option<f64> {
    decimals(i128::from(k) * 100, n, 100)
}

/// [`percent`] in hundredths of a percent, for exact differences.
pub fn percent_hundredths(k: i64, n: i64) -> Option<i64> {
    rounded(i128::from(k) * 100, n, 100).and_then(|hundredths| i64::try_from(hundredths).ok())
}

/// `k / n` to 2 decimals.
pub fn ratio(k: i64, n: i64) -> Option<f64> {
    decimals(k.into(), n, 100)
}

/// `k / n` to 4 decimals.
pub fn rate(k: i64, n: i64) -> Option<f64> {
    decimals(k.into(), n, 10_000)
}

fn decimals(k: i128, n: i64, scale: i128) -> Option<f64> {
    rounded(k, n, scale).map(|rounded| rounded as f64 / scale as f64)
}

/// `k / n` in units of 1/scale. `n` counts, so it is never below 0.
fn rounded(k: i128, n: i64, scale: i128) -> Option<i128> {
    let n = i128::from(n);
    if n <= 0 {
        return None;
    }
    Some((2 * scale * k.abs() + n) / (2 * n) * k.signum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero() {
        assert_eq!(percent(1, 800), Some(0.13));
        assert_eq!(percent(-1, 800), Some(-0.13));
        assert_eq!(percent(1, 3), Some(33.33));
        assert_eq!(percent(2, 3), Some(66.67));
        assert_eq!(percent(5, 5), Some(100.0));
        assert_eq!(percent(0, 5), Some(0.0));
        assert_eq!(percent(1, 0), None);
        assert_eq!(ratio(1, 8), Some(0.13));
        assert_eq!(rate(1, 20_000), Some(0.0001));
        assert_eq!(percent_hundredths(1, 8), Some(1250));
    }
}
