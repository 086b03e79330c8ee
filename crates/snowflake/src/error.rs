//! What may go wrong, and whether trying again helps.

use std::path::PathBuf;

use crate::settings::SettingsError;

/// A failure, told so that somebody knows what to do. No variant holds a key, a token or a row's values.
#[derive(Debug, thiserror::Error)]
pub enum SnowflakeError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("could not read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: {problem}", path.display())]
    Name { path: PathBuf, problem: &'static str },
    #[error("there is no script NNN_name.sql in {}: name the folder with --sql", .0.display())]
    NoScripts(PathBuf),
    #[error("{file}:{line}: {problem}")]
    Script { file: String, line: u64, problem: String },
    #[error("{0}")]
    Variable(String),
    #[error(
        "{script} is new and comes before {deployed}, which is deployed: scripts run in one order everywhere, so give it a later number"
    )]
    OutOfOrder { script: String, deployed: String },
    #[error("{file}:{line}: statement {number}, {title}: {source}")]
    Statement { file: String, line: u64, number: usize, title: String, source: Box<SnowflakeError> },
    #[error("the login at Snowflake failed: {reason}")]
    Login { reason: String, may_pass: bool },
    #[error("{reason}")]
    Refused { reason: String },
    #[error("Snowflake did not answer: {reason}")]
    Unreachable { reason: String },
    #[error("the session ended before the statement began")]
    Expired,
    #[error("{0}")]
    Answer(String),
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The same call may go through later.
    Retry,
    /// Somebody has to change something first.
    Stop,
}

impl SnowflakeError {
    /// Whether trying again helps.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Unreachable { .. } | Self::Expired | Self::Login { may_pass: true, .. } => {
                Disposition::Retry
            }
            Self::Statement { source, .. } => source.disposition(),
            _ => Disposition::Stop,
        }
    }

    /// Whether Snowflake says that an object is not there. It says the same of one that the role may not see.
    pub fn is_missing_object(&self) -> bool {
        matches!(self, Self::Refused { reason } if reason.contains("does not exist"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let unreachable = || SnowflakeError::Unreachable { reason: "timed out".to_owned() };
        let refused =
            || SnowflakeError::Refused { reason: "Object 'X' does not exist or not authorized.".to_owned() };
        let statement = |source| SnowflakeError::Statement {
            file: "001_a.sql".to_owned(),
            line: 3,
            number: 2,
            title: "CREATE".to_owned(),
            source: Box::new(source),
        };
        assert_eq!(unreachable().disposition(), Disposition::Retry);
        assert_eq!(SnowflakeError::Expired.disposition(), Disposition::Retry);
        assert_eq!(statement(unreachable()).disposition(), Disposition::Retry);
        assert_eq!(statement(refused()).disposition(), Disposition::Stop);
        let login = |may_pass| SnowflakeError::Login { reason: String::new(), may_pass };
        assert_eq!(
            (login(true).disposition(), login(false).disposition()),
            (Disposition::Retry, Disposition::Stop)
        );
        assert!(refused().is_missing_object() && !unreachable().is_missing_object());
    }
}
