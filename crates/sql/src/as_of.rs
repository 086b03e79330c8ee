//! A table as it was at one of its snapshots. Within the engine it is a table of its own, whose name is what the statement says:
//! `users_transformed VERSION AS OF 1234567890`.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

const VERSION: &str = " VERSION AS OF ";
const TIMESTAMP: &str = " TIMESTAMP AS OF ";

/// Which of a table's snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// The one of this id.
    Snapshot(i64),
    /// The one that was read then.
    At(DateTime<Utc>),
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(id) => id.fmt(f),
            Self::At(instant) => f.write_str(&instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        }
    }
}

/// A table, or a view of one, as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AsOf {
    pub(crate) table: String,
    pub(crate) version: Version,
}

impl AsOf {
    /// What a name means that was written as this type writes itself.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let (table, version) = match (name.split_once(VERSION), name.split_once(TIMESTAMP)) {
            (Some((table, id)), _) => (table, Version::Snapshot(id.parse().ok()?)),
            (None, Some((table, instant))) => (table, Version::At(instant.parse().ok()?)),
            (None, None) => return None,
        };
        Some(Self { table: table.to_owned(), version })
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clause = match self.version {
            Version::Snapshot(_) => VERSION,
            Version::At(_) => TIMESTAMP,
        };
        write!(f, "{}{clause}{}", self.table, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_what_it_was_written_from() {
        let instant: DateTime<Utc> = "2026-02-01T10:00:00.123456Z".parse().unwrap();
        for version in [Version::Snapshot(i64::MAX), Version::Snapshot(-1), Version::At(instant)] {
            let as_of = AsOf { table: "users_transformed".to_owned(), version };
            assert_eq!(AsOf::of_name(&as_of.to_string()), Some(as_of));
        }
        assert_eq!(AsOf::of_name("users_transformed"), None);
        assert_eq!(AsOf::of_name("users_transformed VERSION AS OF now"), None);
    }
}
