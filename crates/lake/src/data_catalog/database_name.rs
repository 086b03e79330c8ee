//! The name of a catalogue's database.

use std::fmt;
use std::str::FromStr;

/// `[a-z0-9_]{1,255}`: what Glue keeps as it is written, and what Athena takes without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseName(String);

/// What cannot name a database.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no name of a database; give 1 to 255 of the characters a-z, 0-9 and '_'")]
pub struct BadDatabaseName(String);

impl DatabaseName {
    /// As given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatabaseName {
    type Err = BadDatabaseName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if crate::table_name::is_table(text) && text.len() <= 255 {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadDatabaseName(text.to_owned()))
        }
    }
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_glue_would_change_are_refused() {
        assert_eq!("millrace_dev".parse::<DatabaseName>().unwrap().as_str(), "millrace_dev");
        for name in ["", "Lake", "my-lake", "a.b", &"x".repeat(256)] {
            assert!(name.parse::<DatabaseName>().is_err(), "{name}");
        }
    }
}
