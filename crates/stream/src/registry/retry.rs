//! How often a failed call to the registry is tried again, and after which pauses.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use millrace_events::failure::{Class, Classified};

use super::error::CallError;

/// How often a failed call is tried again, and how long the pauses are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts of one call in all, the first included.
    pub attempts: u32,
    /// The first pause; each one doubles the last. Jitter makes each up to twice as long.
    pub min_backoff: Duration,
    /// Where the doubling ends, and the longest pause that a `Retry-After` is granted.
    pub max_backoff: Duration,
}

impl Default for RetryPolicy {
    /// A few seconds: whoever calls has retries of its own, and a deadline.
    fn default() -> Self {
        Self { attempts: 4, min_backoff: Duration::from_millis(250), max_backoff: Duration::from_secs(5) }
    }
}

impl RetryPolicy {
    /// The pauses of one call, without end, jitter included so that clients that failed together don't return so.
    pub(super) fn backoff(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::new()
            .with_factor(2.0)
            .with_min_delay(self.min_backoff)
            .with_max_delay(self.max_backoff)
            .without_max_times()
            .with_jitter()
            .build()
    }

    /// The pause after the `failures`th failure (from 1), `backoff` being what it would be by itself; `None` where there
    /// is nothing to try again.
    pub(super) fn pause(&self, failures: u32, error: &CallError, backoff: Duration) -> Option<Duration> {
        if error.class() != Class::Retry || failures >= self.attempts {
            return None;
        }
        // Nought is no pause to ask for, and calling again at once is what made the registry refuse.
        let asked = error.retry_after().filter(|asked| !asked.is_zero());
        Some(asked.map_or(backoff, |asked| asked.min(self.max_backoff)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_what_the_registry_asks_for_capped_else_the_backoff() {
        let policy = RetryPolicy { attempts: 3, ..RetryPolicy::default() };
        let backoff = Duration::from_millis(300);
        let asked = |seconds: Option<u64>| CallError::Refused {
            status: reqwest::StatusCode::TOO_MANY_REQUESTS,
            code: None,
            said: String::new(),
            retry_after: seconds.map(Duration::from_secs),
        };
        assert_eq!(policy.pause(1, &asked(Some(2)), backoff), Some(Duration::from_secs(2)));
        assert_eq!(policy.pause(1, &asked(Some(900)), backoff), Some(policy.max_backoff));
        assert_eq!(policy.pause(1, &asked(Some(0)), backoff), Some(backoff));
        assert_eq!(policy.pause(2, &asked(None), backoff), Some(backoff));
        assert_eq!(policy.pause(3, &asked(None), backoff), None);
    }
}
