//! Day and night: how likely a session starts in each hour of a user's own clock.

/// Of a hundred who would start a session, how many do, by local hour.
const STARTS: [u64; 24] =
    [18, 10, 6, 4, 4, 7, 16, 30, 42, 48, 52, 56, 62, 60, 55, 54, 58, 66, 78, 92, 100, 96, 70, 38];

/// The mean of [`STARTS`] as a share: how many do over a whole day.
pub(super) const MEAN_STARTS: f64 = 0.4675;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Of a hundred, how many start a session at `instant` (milliseconds since 1970, UTC) where the clock is
/// `offset_minutes` ahead.
pub(super) fn starts_at(instant: i64, offset_minutes: i32) -> u64 {
    let local = instant + i64::from(offset_minutes) * MINUTE;
    STARTS[local.div_euclid(HOUR).rem_euclid(24) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_that_of_the_hours() {
        assert_eq!(STARTS.iter().sum::<u64>() as f64 / 2_400.0, MEAN_STARTS);
    }

    #[test]
    fn evening_here_is_night_elsewhere() {
        let evening = 20 * HOUR;
        assert_eq!((starts_at(evening, 0), starts_at(evening, 8 * 60)), (100, 4));
        assert_eq!(starts_at(-HOUR, -11 * 60), 62);
    }
}
