//! Whether a call is tried again, and after which pause. Values in, values out: no clock, no waiting.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::{DateTime, Utc};
use millrace_events::failure::{Class, Classified};

use super::call_error::CallError;

/// How often a failed call is tried again, and how long the pauses are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts of one page in all, the first included.
    pub attempts: u32,
    /// The same while the API says that it is asked too much: its budget comes back only after five minutes.
    pub throttled_attempts: u32,
    /// The first pause; each one doubles the last. Jitter makes each up to twice as long.
    pub min_backoff: Duration,
    /// Where the doubling ends.
    pub max_backoff: Duration,
    /// The longest pause that a `Retry-After` is granted.
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    /// About a minute and a half for an outage, seven minutes and more where throttled.
    fn default() -> Self {
        Self {
            attempts: 8,
            throttled_attempts: 12,
            min_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(60),
            max_retry_after: Duration::from_secs(300),
        }
    }
}

impl RetryPolicy {
    /// The pauses of one page, without end, jitter included so that clients that failed together don't return so.
    pub(super) fn backoff(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::new()
            .with_factor(2.0)
            .with_min_delay(self.min_backoff)
            .with_max_delay(self.max_backoff)
            .without_max_times()
            .with_jitter()
            .build()
    }

    /// The pause after the `failures`th failure in a row (from 1), `backoff` being what it would be by itself; `None`
    /// where there is nothing to try again.
    pub fn pause(&self, failures: u32, error: &CallError, backoff: Duration) -> Option<Duration> {
        let attempts = if error.is_throttled() { self.throttled_attempts } else { self.attempts };
        if error.class() != Class::Retry || failures >= attempts {
            return None;
        }
        // Nought is no pause to ask for, and calling again at once is what made the API refuse.
        let asked = error.retry_after().filter(|asked| !asked.is_zero());
        Some(asked.map_or(backoff, |asked| asked.min(self.max_retry_after)))
    }
}

/// Reads a `Retry-After`: seconds, or an HTTP date, which is measured from `now`; `None` for anything else.
pub(super) fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number has are as long a pause as can be asked for.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    // A date that has passed asks for no pause.
    Some((date.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_events::randomuser::AnswerError;

    fn status(code: u16, retry_after: Option<u64>) -> CallError {
        let status = reqwest::StatusCode::from_u16(code).unwrap();
        CallError::Status { status, retry_after: retry_after.map(Duration::from_secs) }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = DateTime::parse_from_rfc3339("1994-11-06T08:49:30Z").unwrap().to_utc();
        let read = |value| retry_after(value, now).map(|pause| pause.as_secs());
        assert_eq!(read(" 120 "), Some(120));
        assert_eq!(read("0"), Some(0));
        assert_eq!(read("99999999999999999999999"), Some(u64::MAX));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:07 GMT"), Some(0));
        for nonsense in ["", "soon", "-1", "1.5", "Sun, 06 Nov"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn the_pause_is_what_the_api_asks_for_capped_else_the_backoff() {
        let policy = RetryPolicy::default();
        let backoff = Duration::from_millis(1_300);
        let pause = |error| policy.pause(1, &error, backoff);
        assert_eq!(pause(status(429, Some(7))), Some(Duration::from_secs(7)));
        assert_eq!(pause(status(429, Some(3_600))), Some(policy.max_retry_after));
        assert_eq!(pause(status(503, Some(u64::MAX))), Some(policy.max_retry_after));
        assert_eq!(pause(status(429, Some(0))), Some(backoff));
        assert_eq!(pause(status(429, None)), Some(backoff));
        assert_eq!(pause(status(500, None)), Some(backoff));
        assert_eq!(pause(CallError::Answer(AnswerError::Empty)), Some(backoff));
    }

    #[test]
    fn attempts_end_and_other_refusals_are_final() {
        let policy = RetryPolicy { attempts: 3, throttled_attempts: 5, ..RetryPolicy::default() };
        let last_failure =
            |error: CallError| (1..).find(|&n| policy.pause(n, &error, Duration::ZERO).is_none());
        assert_eq!(last_failure(status(500, None)), Some(3));
        assert_eq!(last_failure(status(429, Some(1))), Some(5));
        assert_eq!(last_failure(status(404, Some(1))), Some(1));
        assert_eq!(last_failure(CallError::OtherPage { asked: 2, given: 1 }), Some(1));
    }

    #[test]
    fn backoff_doubles_up_to_its_bound_with_jitter_on_top() {
        let policy = RetryPolicy::default();
        let expected = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0].map(Duration::from_secs_f64);
        let pauses: Vec<_> = policy.backoff().take(expected.len()).collect();
        for (pause, least) in pauses.iter().zip(expected) {
            assert!((least..=least * 2).contains(pause), "{pauses:?}");
        }
    }
}
