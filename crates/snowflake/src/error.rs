//! What may go wrong, and whether trying again helps.

use std::path::PathBuf;

use crate::settings::SettingsError;

/// A failure, told so that somebody knows what to do. No variant holds a key, a token or a row's values.
#[derive(Debug, thiserror::Error)]
pub enum SnowflakeError {
    /// The environment's variables are incomplete or wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file or a folder could not be read.
    #[error("could not read {}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A script's name is not `NNN_name.sql`, or its number is taken.
    #[error("{}: {problem}", path.display())]
    Name {
        /// The script.
        path: PathBuf,
        /// What is wrong with its name.
        problem: &'static str,
    },
    /// The folder has no script.
    #[error("there is no script NNN_name.sql in {}: name the folder with --sql", .0.display())]
    NoScripts(PathBuf),
    /// A line of a script, a query or a file of variables is wrong.
    #[error("{file}:{line}: {problem}")]
    Script {
        /// The file's name, as far as it is known.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong there.
        problem: String,
    },
    /// A variable has no value or a wrong one, an assignment is none, or a query's name is unknown; the text says which.
    #[error("{0}")]
    Variable(String),
    /// A new script has a number before one that is deployed. Give it a later number.
    #[error(
        "{script} is new and comes before {deployed}, which is deployed: scripts run in one order everywhere, so give it a later number"
    )]
    OutOfOrder {
        /// The new script's name.
        script: String,
        /// The name of the last one that is deployed.
        deployed: String,
    },
    /// A statement of a deployment failed. A retry helps where it does for the source.
    #[error("{file}:{line}: statement {number}, {title}: {source}")]
    Statement {
        /// The script's name.
        file: String,
        /// The line on which the statement begins, from 1.
        line: u64,
        /// Its number in the script, from 1.
        number: usize,
        /// Its first words.
        title: String,
        /// What the statement failed with.
        source: Box<SnowflakeError>,
    },
    /// Nobody was let in.
    #[error("the login at Snowflake failed: {reason}")]
    Login {
        /// Why, without secrets.
        reason: String,
        /// Whether a retry may help: Snowflake did not answer.
        may_pass: bool,
    },
    /// Snowflake answered with a refusal. No retry helps.
    #[error("{reason}")]
    Refused {
        /// Its message, in one line of at most 500 characters.
        reason: String,
    },
    /// No answer of Snowflake's came. A retry may help; the statement may have run.
    #[error("Snowflake did not answer: {reason}")]
    Unreachable {
        /// What the connection failed with.
        reason: String,
    },
    /// Snowflake ended the session. The next statement logs in anew, so a retry helps.
    #[error("the session ended before the statement began")]
    Expired,
    /// The answer came and is not what was expected, or took too long; the text says which. No retry helps.
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
