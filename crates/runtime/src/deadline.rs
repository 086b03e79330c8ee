//! When a function will be stopped, and whether what is left covers what it is about to do.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// An instant by which the work has to be done, or none. It reads no clock: callers pass `now`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// Without end, as on a laptop.
    pub fn never() -> Self {
        Self(None)
    }

    /// Due at `instant`.
    pub fn at(instant: Instant) -> Self {
        Self(Some(instant))
    }

    /// Lambda's: `epoch_millis` in ms since 1970, as its context tells, seen from the two clocks' `now`. One that has
    /// passed is due now; one beyond the clock's range never comes. One of the first year since 1970 is a span from now:
    /// `cargo lambda watch` tells 600000 so.
    pub fn of_lambda(epoch_millis: u64, now: Instant, wall_now: SystemTime) -> Self {
        const A_YEAR: u64 = 365 * 86_400 * 1_000;
        if epoch_millis < A_YEAR {
            return Self(now.checked_add(Duration::from_millis(epoch_millis)));
        }
        let since_epoch = wall_now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(now.checked_add(Duration::from_millis(epoch_millis).saturating_sub(since_epoch)))
    }

    /// What is left at `now`; nothing once it has passed.
    pub fn left(&self, now: Instant) -> Duration {
        self.0.map_or(Duration::MAX, |instant| instant.saturating_duration_since(now))
    }

    /// Whether what is left at `now` is enough for `work`.
    pub fn covers(&self, work: Duration, now: Instant) -> bool {
        self.left(now) >= work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_work_up_to_what_is_left() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let deadline = Deadline::at(now + second);
        assert!(deadline.covers(second, now));
        assert!(!deadline.covers(second + Duration::from_nanos(1), now));
        assert_eq!(deadline.left(now + 2 * second), Duration::ZERO);
        assert!(Deadline::never().covers(Duration::MAX, now));
    }

    #[test]
    fn lambdas_deadline_is_turned_to_the_monotonic_clock() {
        let now = Instant::now();
        let millis = 1_770_091_200_000;
        let wall_now = UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!(Deadline::of_lambda(millis + 250, now, wall_now).left(now), Duration::from_millis(250));
        assert_eq!(Deadline::of_lambda(millis - 1_000, now, wall_now).left(now), Duration::ZERO);
        Deadline::of_lambda(u64::MAX, now, wall_now).left(now);
    }

    #[test]
    fn a_deadline_of_an_emulator_that_tells_a_span_is_that_span() {
        let (now, wall_now) = (Instant::now(), UNIX_EPOCH + Duration::from_millis(1_770_091_200_000));
        assert_eq!(Deadline::of_lambda(600_000, now, wall_now).left(now), Duration::from_secs(600));
    }
}
