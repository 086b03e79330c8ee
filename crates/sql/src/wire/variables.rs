//! What clients set and ask of a session, as far as a server of queries has it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::wire::problem::Problem;

/// What `version()` says: SQLAlchemy reads the number behind the first word.
pub(super) const VERSION: &str =
    concat!("PostgreSQL 15.0 (Millrace ", env!("CARGO_PKG_VERSION"), ", DataFusion)");

/// Those that are there from the start, in PostgreSQL's spelling.
const KNOWN: [(&str, &str); 30] = [
    ("application_name", ""),
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("DateStyle", "ISO, MDY"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "on"),
    ("enable_seqscan", "on"),
    ("extra_float_digits", "1"),
    ("idle_in_transaction_session_timeout", "0"),
    ("in_hot_standby", "off"),
    ("integer_datetimes", "on"),
    ("IntervalStyle", "postgres"),
    ("is_superuser", "off"),
    ("jit", "off"),
    ("lc_collate", "C"),
    ("lc_ctype", "C"),
    ("lc_messages", "C"),
    ("lock_timeout", "0"),
    ("max_identifier_length", "63"),
    ("row_security", "on"),
    ("search_path", "\"$user\", public"),
    ("server_encoding", "UTF8"),
    ("server_version", "15.0"),
    ("server_version_num", "150000"),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("TimeZone", "UTC"),
    ("transaction_isolation", "read committed"),
    ("transaction_read_only", "on"),
];

/// Those that clients are told of at the start and at each change, as PostgreSQL does.
const REPORTED: [&str; 13] = [
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

/// One session's.
#[derive(Debug, Clone)]
pub(super) struct Variables {
    values: BTreeMap<String, (String, String)>,
    at_start: BTreeMap<String, (String, String)>,
}

impl Variables {
    pub(super) fn of(user: &str) -> Self {
        let known = KNOWN.iter().copied().chain([("session_authorization", user)]);
        let values: BTreeMap<_, _> =
            known.map(|(name, value)| (name.to_lowercase(), (name.to_owned(), value.to_owned()))).collect();
        Self { at_start: values.clone(), values }
    }

    /// What RESET goes back to is what the client began with.
    pub(super) fn begin(&mut self) {
        self.at_start = self.values.clone();
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(&name.to_lowercase()).map(|(_, value)| value.as_str())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.values().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The name as it is reported to the client, if it is.
    pub(super) fn reported(name: &str) -> Option<&'static str> {
        REPORTED.into_iter().find(|reported| reported.eq_ignore_ascii_case(name))
    }

    pub(super) fn all_reported(&self) -> impl Iterator<Item = (&'static str, &str)> {
        REPORTED.into_iter().filter_map(|name| Some((name, self.get(name)?)))
    }

    /// Sets one. Names that are not known are kept, as clients ask for them again; those whose meaning this server can't give are
    /// refused, as a client that believed it would read answers wrongly.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let key = name.to_lowercase();
        let refused = |message: String| Err(Problem::new("22023", message));
        match key.as_str() {
            "client_encoding"
                if !matches!(
                    value.to_lowercase().replace('-', "").as_str(),
                    "utf8" | "unicode" | "sql_ascii" | "default"
                ) =>
            {
                return refused(
                    "invalid value for parameter \"client_encoding\": this server sends UTF8 alone"
                        .to_owned(),
                );
            }
            "client_encoding" => return self.keep(key, name, "UTF8"),
            "timezone" => {
                let zone = value.trim_matches('\'').to_lowercase();
                if !matches!(
                    zone.as_str(),
                    "utc"
                        | "gmt"
                        | "etc/utc"
                        | "etc/gmt"
                        | "zulu"
                        | "default"
                        | "local"
                        | "0"
                        | "+00:00"
                        | "universal"
                ) {
                    return refused(
                        "invalid value for parameter \"TimeZone\": days and hours are UTC's here; write x AT TIME ZONE 'Europe/Berlin'"
                            .to_owned(),
                    );
                }
                return self.keep(key, name, "UTC");
            }
            "datestyle"
                if !value.to_lowercase().contains("iso") && !value.eq_ignore_ascii_case("default") =>
            {
                return refused(
                    "invalid value for parameter \"DateStyle\": this server sends ISO alone".to_owned(),
                );
            }
            "datestyle" => return self.keep(key, name, "ISO, MDY"),
            "standard_conforming_strings" if !is_on(value) => {
                return refused("standard_conforming_strings is always on".to_owned());
            }
            "default_transaction_read_only" | "transaction_read_only" => return self.keep(key, name, "on"),
            "statement_timeout" if duration(value).is_none() => {
                return refused("invalid value for parameter \"statement_timeout\"".to_owned());
            }
            "server_version"
            | "server_version_num"
            | "server_encoding"
            | "is_superuser"
            | "integer_datetimes"
            | "session_authorization"
            | "in_hot_standby" => {
                return Err(Problem::new("55P02", format!("parameter \"{key}\" cannot be changed")));
            }
            _ => {}
        }
        self.keep(key, name, value)
    }

    fn keep(&mut self, key: String, name: &str, value: &str) -> Result<(), Problem> {
        let name = self.values.get(&key).map_or_else(|| name.to_owned(), |(name, _)| name.clone());
        // A client may keep what it likes, but not without end.
        if self.values.len() >= 512 || name.len() + value.len() > 64 << 10 {
            return Err(Problem::new("54000", "too many parameters are set in this session"));
        }
        self.values.insert(key, (name, value.to_owned()));
        Ok(())
    }

    pub(super) fn reset(&mut self, name: &str) {
        let key = name.to_lowercase();
        match self.at_start.get(&key) {
            Some(value) => drop(self.values.insert(key, value.clone())),
            None => drop(self.values.remove(&key)),
        }
    }

    pub(super) fn reset_all(&mut self) {
        self.values = self.at_start.clone();
    }

    /// None where statements may take as long as they need.
    pub(super) fn statement_timeout(&self) -> Option<Duration> {
        self.get("statement_timeout").and_then(duration).filter(|timeout| !timeout.is_zero())
    }
}

fn is_on(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "on" | "true" | "1" | "yes" | "default")
}

/// Milliseconds, or a number with a unit.
fn duration(value: &str) -> Option<Duration> {
    let value = value.trim().to_lowercase();
    if value == "default" {
        return Some(Duration::ZERO);
    }
    let digits = value.find(|character: char| !character.is_ascii_digit()).unwrap_or(value.len());
    let number: u64 = value[..digits].parse().ok()?;
    let milliseconds = match value[digits..].trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).filter(|all| *all <= 1 << 40).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_shown_and_what_cannot_be_meant_is_refused() {
        let mut variables = Variables::of("bi");
        variables.set("Application_Name", "psql").unwrap();
        assert_eq!(variables.get("APPLICATION_NAME"), Some("psql"));
        variables.set("statement_timeout", "2s").unwrap();
        assert_eq!(variables.statement_timeout(), Some(Duration::from_secs(2)));
        variables.reset("statement_timeout");
        assert_eq!(variables.statement_timeout(), None);
        for (name, value) in [
            ("client_encoding", "LATIN1"),
            ("DateStyle", "German"),
            ("TimeZone", "Europe/Berlin"),
            ("statement_timeout", "soon"),
            ("server_version", "9"),
        ] {
            variables.set(name, value).unwrap_err();
        }
        variables.set("my.own", "1").unwrap();
        variables.reset_all();
        assert_eq!(variables.get("my.own"), None);
    }
}
