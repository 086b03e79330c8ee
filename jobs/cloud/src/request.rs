//! What an invocation asks for.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

/// The event of a job as a Lambda function; what it leaves out the environment says, then the clock. A state machine that runs the
/// three jobs of a day gives all of them the one `started_at`, its execution's start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The logical day, `YYYY-MM-DD`.
    pub as_of: Option<NaiveDate>,
    /// Such as `2026-02-01T03:00:00Z`.
    pub started_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_may_say_nothing_but_not_something_else() {
        let of = serde_json::from_str::<Request>;
        assert_eq!(of("{}").expect("a request"), Request::default());
        let request =
            of(r#"{"as_of":"2026-01-09","started_at":"2026-01-10T03:00:00.123Z"}"#).expect("a request");
        assert_eq!(request.as_of.map(|day| day.to_string()).as_deref(), Some("2026-01-09"));
        let error = of(r#"{"as-of":"2026-01-09"}"#).expect_err("a wrong name").to_string();
        assert!(error.contains("`as-of`") && error.contains("`as_of`"), "{error}");
        assert!(of(r#"{"as_of":"yesterday"}"#).is_err());
    }
}
