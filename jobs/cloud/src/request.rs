//! What an invocation asks for.

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Deserialize;

use crate::settings::Settings;

/// The event of a job as a Lambda function; what it leaves out the environment says, then the clock: the start is now, the day is the
/// one before the start. A state machine that runs the three jobs of a day gives all of them the one `started_at`, its execution's start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The logical day, `YYYY-MM-DD`.
    pub as_of: Option<NaiveDate>,
    /// Such as `2026-02-01T03:00:00Z`.
    pub started_at: Option<DateTime<Utc>>,
}

impl Request {
    /// The logical day and the start of a run: as asked, else as set. A run that names no day is for the last day that has ended
    /// when it starts, the day before.
    pub(crate) fn run(&self, settings: &Settings) -> (NaiveDate, DateTime<Utc>) {
        let started_at = self.started_at.unwrap_or(settings.started_at);
        let as_of = self.as_of.or(settings.as_of);
        (as_of.unwrap_or_else(|| started_at.date_naive() - Days::new(1)), started_at)
    }
}

#[cfg(test)]
mod tests {
    use millrace_runtime::settings::Environment;

    use super::*;

    #[test]
    fn a_run_that_names_no_day_is_for_the_day_before_its_start() {
        let instant = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
        let day_of = |request: &str, variables: &[(&str, &str)]| {
            let given = variables.iter().chain(&[("MILLRACE_LAKE", "/lake")]);
            let given = given.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            let now = instant("2026-03-01T00:30:00Z");
            let settings = Settings::of(Environment::of(given), now).expect("settings");
            let request: Request = serde_json::from_str(request).expect("a request");
            let (day, started_at) = request.run(&settings);
            (day.to_string(), started_at)
        };
        let day = |day: &str, started_at| (day.to_owned(), instant(started_at));
        assert_eq!(day_of("{}", &[]), day("2026-02-28", "2026-03-01T00:30:00Z"));
        let started = r#"{"started_at":"2026-01-01T23:59:59Z"}"#;
        assert_eq!(day_of(started, &[]), day("2025-12-31", "2026-01-01T23:59:59Z"));
        let set = [("MILLRACE_STARTED_AT", "2026-02-02T00:30:00Z")];
        assert_eq!(day_of("{}", &set), day("2026-02-01", "2026-02-02T00:30:00Z"));
        // Who names a day has that day, the event before the environment.
        let asked = r#"{"as_of":"2026-02-20"}"#;
        assert_eq!(day_of(asked, &set), day("2026-02-20", "2026-02-02T00:30:00Z"));
        assert_eq!(day_of(asked, &[("MILLRACE_AS_OF", "2026-02-10")]).0, "2026-02-20");
        assert_eq!(day_of(started, &[("MILLRACE_AS_OF", "2026-02-10")]).0, "2026-02-10");
    }

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
