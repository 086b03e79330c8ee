//! The time by S3's clock.
//!
//! Whether a lease ran out, or an upload is of the dead, is asked of times that S3 noted; the clock of this machine may be
//! minutes away from S3's. So S3's is read off each answer's `Date`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};

/// Dates and times of objects are in whole seconds, and not all servers of S3 are at one second.
const PRECISION: Duration = Duration::from_secs(2);

/// S3's time as the latest answer told it.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerClock(Arc<Mutex<Option<Reading>>>);

#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Instant,
    date: DateTime,
}

impl ServerClock {
    /// Whether more than `span` went by at S3 since `then`, for certain. `false` before any answer came.
    pub(super) fn is_past(&self, then: DateTime, span: Duration) -> bool {
        let Some(Reading { at, date }) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) else {
            return false;
        };
        let went_by =
            Duration::try_from_secs_f64(date.as_secs_f64() - then.as_secs_f64()).unwrap_or_default();
        went_by.saturating_add(at.elapsed()) > span.saturating_add(PRECISION)
    }

    fn read(&self, date: &str) {
        if let Ok(date) = DateTime::from_str(date, DateTimeFormat::HttpDate) {
            let reading = Reading { at: Instant::now(), date };
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
        }
    }
}

impl Intercept for ServerClock {
    fn name(&self) -> &'static str {
        "ServerClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.read(date);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_by_the_servers_time_and_leaves_room_for_whole_seconds() {
        let clock = ServerClock::default();
        let then = DateTime::from_str("Sun, 06 Nov 1994 08:49:37 GMT", DateTimeFormat::HttpDate).unwrap();
        assert!(!clock.is_past(then, Duration::ZERO), "without an answer nothing is certain");
        clock.read("Sun, 06 Nov 1994 08:50:07 GMT");
        assert!(clock.is_past(then, Duration::from_secs(27)));
        assert!(!clock.is_past(then, Duration::from_secs(30)));
        clock.read("yesterday");
        assert!(clock.is_past(then, Duration::from_secs(27)));
        clock.read("Sun, 06 Nov 1994 08:49:07 GMT");
        assert!(!clock.is_past(then, Duration::ZERO), "what was written later did not run out");
    }
}
