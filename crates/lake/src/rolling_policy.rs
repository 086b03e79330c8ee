//! When an open object is finished.

use std::time::Duration;

/// An object is finished as soon as it reaches any of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollingPolicy {
    /// Of the encoded object.
    pub encoded_bytes: usize,
    pub rows: usize,
    /// Since its first row came: how stale the lake may be.
    pub age: Duration,
}

/// What an open object has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenObjectSize {
    pub encoded_bytes: usize,
    pub rows: usize,
    /// Microseconds since 1970, UTC, of its first row's coming.
    pub opened_at: i64,
}

impl RollingPolicy {
    /// `now` is in microseconds since 1970, UTC.
    pub fn is_due(&self, object: OpenObjectSize, now: i64) -> bool {
        let age = u64::try_from(now - object.opened_at).unwrap_or(0);
        object.encoded_bytes >= self.encoded_bytes
            || object.rows >= self.rows
            || Duration::from_micros(age) >= self.age
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bound_is_enough() {
        let policy = RollingPolicy { encoded_bytes: 100, rows: 10, age: Duration::from_micros(1_000) };
        let object = OpenObjectSize { encoded_bytes: 99, rows: 9, opened_at: 5_000 };
        assert!(!policy.is_due(object, 5_999));
        assert!(policy.is_due(object, 6_000));
        assert!(policy.is_due(OpenObjectSize { encoded_bytes: 100, ..object }, 5_000));
        assert!(policy.is_due(OpenObjectSize { rows: 10, ..object }, 5_000));
        assert!(!policy.is_due(object, 0), "a clock set back makes nothing due");
    }
}
