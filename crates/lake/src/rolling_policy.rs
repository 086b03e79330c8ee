//! When an open object is finished.

use millrace_events::instant::Micros;
use std::time::Duration;

/// An object is finished as soon as it reaches any of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollingPolicy {
    /// Of the encoded object.
    pub encoded_bytes: usize,
    /// Rows of the object.
    pub rows: usize,
    /// Since its first row came: how stale the lake may be.
    pub age: Duration,
}

/// What an open object has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenObjectSize {
    /// About what the object would have if it were finished now.
    pub encoded_bytes: usize,
    /// Rows so far.
    pub rows: usize,
    /// Microseconds since 1970, UTC, of its first row's coming.
    pub opened_at: Micros,
}

impl RollingPolicy {
    /// Whether the object is finished now.
    pub fn is_due(&self, object: OpenObjectSize, now: Micros) -> bool {
        object.encoded_bytes >= self.encoded_bytes
            || object.rows >= self.rows
            || now.since(object.opened_at) >= self.age
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bound_is_enough() {
        let policy = RollingPolicy { encoded_bytes: 100, rows: 10, age: Duration::from_micros(1_000) };
        let object = OpenObjectSize { encoded_bytes: 99, rows: 9, opened_at: Micros(5_000) };
        let is_due = |object, now| policy.is_due(object, Micros(now));
        assert!(!is_due(object, 5_999));
        assert!(is_due(object, 6_000));
        assert!(is_due(OpenObjectSize { encoded_bytes: 100, ..object }, 5_000));
        assert!(is_due(OpenObjectSize { rows: 10, ..object }, 5_000));
        assert!(!is_due(object, 0), "a clock set back makes nothing due");
    }
}
