//! Which letters are meant.

use chrono::{DateTime, FixedOffset};
use millrace_events::instant::Millis;
use serde::Deserialize;

use crate::dead_letter::Letter;

/// Letters that fit every part that is given; without any part all do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Its `error-kind`.
    pub kind: Option<String>,
    /// The place that its `error-message` begins with, such as `$.name.first`; deeper places fit too.
    pub path: Option<String>,
    /// Failed at this instant or later, RFC 3339.
    pub from: Option<DateTime<FixedOffset>>,
    /// Failed before this instant, RFC 3339.
    pub to: Option<DateTime<FixedOffset>>,
    /// Its `source-topic`: a topic, or the source of users that never were records.
    pub source_topic: Option<String>,
    /// Its key, where that is text.
    pub key: Option<String>,
}

impl Filter {
    pub(crate) fn fits(&self, letter: &Letter) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        // A letter that does not tell when it failed fits no range.
        let failed_at = letter.failed_at();
        let within = |bound: &Option<DateTime<FixedOffset>>, fits: fn(Millis, Millis) -> bool| {
            let bound = bound.as_ref().map(|bound| Millis(bound.timestamp_millis()));
            bound.is_none_or(|bound| failed_at.is_some_and(|failed_at| fits(failed_at, bound)))
        };
        is(&self.kind, letter.kind())
            && self.path.as_ref().is_none_or(|path| lies_in(letter.path(), path))
            && within(&self.from, |failed_at, from| failed_at >= from)
            && within(&self.to, |failed_at, to| failed_at < to)
            && is(&self.source_topic, letter.source_topic())
            && self.key.as_ref().is_none_or(|key| letter.key.as_deref() == Some(key.as_bytes()))
    }
}

/// `$.name.first` lies in itself, in `$.name` and in `$`, not in `$.na`.
pub(crate) fn lies_in(path: &str, wanted: &str) -> bool {
    path.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
