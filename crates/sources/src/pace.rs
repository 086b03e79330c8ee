//! How fast to send: a policy of what may be sent by when, without a clock of its own.

use std::num::NonZeroU64;
use std::time::Duration;

/// What may be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// Send up to this many, at least one.
    Send(u64),
    /// Wait this long and ask again.
    Wait(Duration),
}

/// A sender that fell behind by more than this does not make up for it, so that a long stop is not followed by a flood.
/// Shorter ones would cost a run that stops now and then its rate.
const LARGEST_DEBT: Duration = Duration::from_secs(5);

/// The shortest wait: at high rates records go out some at a time, not each at its own moment.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// A steady rate. `now` is the time since any fixed moment, and never goes back.
///
/// As long as the sender keeps up, what was sent is within one record of the rate at each [`Allowance::Wait`], but
/// for what a late call leaves to be made up for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    per_second: NonZeroU64,
    /// From when, and how many sent by then, the rate is counted.
    from: Duration,
    sent_before: u64,
}

impl Pace {
    /// `per_second` records from `now` on, of which none is sent yet.
    pub fn new(per_second: NonZeroU64, now: Duration) -> Self {
        Self { per_second, from: now, sent_before: 0 }
    }

    /// What may be sent at `now`, `sent` having been sent since the start in all.
    pub fn allow(&mut self, now: Duration, sent: u64) -> Allowance {
        let rate = self.per_second.get();
        let since_from = sent.saturating_sub(self.sent_before);
        let due_since = self.due(now);
        if due_since > since_from {
            let debt = due_since - since_from;
            let largest = rate.saturating_mul(LARGEST_DEBT.as_secs());
            if debt <= largest {
                return Allowance::Send(debt);
            }
            let forgiven = now.saturating_sub(LARGEST_DEBT).max(self.from);
            (self.from, self.sent_before) = (forgiven, sent);
            return Allowance::Send(largest);
        }
        // When the first record that is not yet due will be, rounded up.
        let nanoseconds = (u128::from(since_from) + 1) * 1_000_000_000;
        let next = nanoseconds.div_ceil(u128::from(rate));
        let next = self.from + Duration::from_nanos(u64::try_from(next).unwrap_or(u64::MAX));
        Allowance::Wait(next.saturating_sub(now).max(SHORTEST_WAIT))
    }

    /// How many are due at `now`, counted from `from`.
    fn due(&self, now: Duration) -> u64 {
        let nanoseconds = now.saturating_sub(self.from).as_nanos();
        u64::try_from(nanoseconds * u128::from(self.per_second.get()) / 1_000_000_000).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pace(rate: u64) -> Pace {
        Pace::new(NonZeroU64::new(rate).unwrap(), Duration::ZERO)
    }

    /// Sends for `length`, each batch of at most `most` taking `cost`; answers what was sent.
    fn run(rate: u64, length: Duration, most: u64, cost: Duration) -> u64 {
        let (mut pace, mut now, mut sent) = (pace(rate), Duration::ZERO, 0);
        while now < length {
            match pace.allow(now, sent) {
                Allowance::Send(allowed) => {
                    sent += allowed.min(most);
                    now += cost;
                }
                Allowance::Wait(wait) => now += wait,
            }
        }
        sent
    }

    #[test]
    fn what_is_due_may_be_sent_and_the_next_is_waited_for() {
        let mut pace = pace(10);
        assert_eq!(pace.allow(Duration::ZERO, 0), Allowance::Wait(Duration::from_millis(100)));
        assert_eq!(pace.allow(Duration::from_millis(100), 0), Allowance::Send(1));
        assert_eq!(pace.allow(Duration::from_millis(150), 1), Allowance::Wait(Duration::from_millis(50)));
        assert_eq!(pace.allow(Duration::from_millis(1_000), 1), Allowance::Send(9));
        assert_eq!(pace.allow(Duration::from_millis(1_000), 99), Allowance::Wait(Duration::from_secs(9)));
    }

    #[test]
    fn a_short_stop_is_made_up_for_and_a_long_one_forgiven() {
        let mut steady = pace(100);
        assert_eq!(steady.allow(Duration::from_secs(4), 0), Allowance::Send(400));
        assert_eq!(steady.allow(Duration::from_secs(3_600), 400), Allowance::Send(500));
        assert_eq!(steady.allow(Duration::from_secs(3_600), 900), Allowance::Wait(Duration::from_millis(10)));
        assert_eq!(steady.allow(Duration::from_secs(3_601), 900), Allowance::Send(100));
    }

    proptest! {
        #[test]
        fn the_rate_is_kept_within_one_percent(
            rate in 1_u64..2_000_000, most in 1_u64..10_000, cost in 0_u64..5_000,
        ) {
            // Batches that the sender can keep up with.
            let cost = Duration::from_micros(cost).min(Duration::from_secs(1) * most.min(1_000) as u32 / rate as u32 / 2);
            let length = Duration::from_secs(1) * (400_u64.div_ceil(rate) as u32).max(1);
            let (sent, expected) = (run(rate, length, most, cost), rate as f64 * length.as_secs_f64());
            prop_assert!((sent as f64 - expected).abs() <= expected * 0.01 + 1.0, "{sent} of {expected}");
        }

        #[test]
        fn never_more_than_the_rate(
            rate in 1_u64..1_000_000, steps in prop::collection::vec((0_u64..8_000, 0_u64..100), 1..50),
        ) {
            let (mut pace, mut now, mut sent) = (pace(rate), Duration::ZERO, 0);
            for (milliseconds, percent) in steps {
                now += Duration::from_millis(milliseconds);
                match pace.allow(now, sent) {
                    Allowance::Send(allowed) => {
                        prop_assert!(allowed > 0);
                        sent += allowed * percent / 100;
                    }
                    Allowance::Wait(wait) => prop_assert!(wait >= SHORTEST_WAIT && wait <= Duration::from_secs(1).max(SHORTEST_WAIT)),
                }
                prop_assert!(u128::from(sent) <= u128::from(rate) * now.as_millis() / 1_000);
            }
        }
    }
}
