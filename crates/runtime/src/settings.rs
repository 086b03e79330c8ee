//! Settings from the environment, parsed once into a struct whose field docs are the reference.
//!
//! ```
//! use millrace_runtime::settings::{Environment, SettingsError};
//!
//! #[derive(Debug)]
//! struct Settings {
//!     /// `MILLRACE_BROKERS`: the brokers, `host:port` with commas between.
//!     brokers: String,
//!     /// `MILLRACE_BUFFER_BYTES`: bytes held before a write, 64 MiB unless set.
//!     buffer_bytes: u64,
//! }
//!
//! impl Settings {
//!     fn of(mut environment: Environment) -> Result<Self, SettingsError> {
//!         let brokers = environment.required("MILLRACE_BROKERS");
//!         let buffer_bytes = environment.or("MILLRACE_BUFFER_BYTES", 64 << 20);
//!         environment.finish(|| Some(Self { brokers: brokers?, buffer_bytes: buffer_bytes? }))
//!     }
//! }
//!
//! let variables = [("MILLRACE_BROKER".to_owned(), "localhost:9092".to_owned())];
//! let error = Settings::of(Environment::of(variables)).unwrap_err();
//! assert!(error.to_string().contains("MILLRACE_BROKER is unknown"));
//! assert!(error.to_string().contains("MILLRACE_BROKERS is not set"));
//! ```

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::str::FromStr;

/// Begins every key of ours; another key is somebody else's and never looked at.
const PREFIX: &str = "MILLRACE_";

/// Begins every key by which tests are told of servers; a program that they start does not look at them.
const TESTS: &str = "MILLRACE_TEST_";

/// Keys that are there whatever the program's settings are: the runtime's own, the environment's name, tests', and those of the schema
/// registry, which whoever has one exports for all programs of a shell.
const COMMON: [&str; 10] = [
    crate::telemetry::FILTER,
    crate::metrics::emf::ENVIRONMENT,
    "MILLRACE_PYTHON",
    "MILLRACE_REGISTRY_CA",
    "MILLRACE_REGISTRY_CA_SECRET",
    "MILLRACE_REGISTRY_PASSWORD",
    "MILLRACE_REGISTRY_SECRET",
    "MILLRACE_REGISTRY_URL",
    "MILLRACE_REGISTRY_USER",
    "MILLRACE_SKIP_LOG",
];

/// The environment's `MILLRACE_*` variables, asked for one by one; what is wrong is gathered and told at once by
/// [`Environment::finish`]. `None` answers a problem that is then told.
#[derive(Debug)]
pub struct Environment {
    variables: BTreeMap<String, Option<String>>,
    asked: BTreeSet<&'static str>,
    problems: Vec<Problem>,
}

/// Everything that is wrong with the settings.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingsError {
    problems: Vec<Problem>,
}

/// One thing wrong with one key. It never holds the value: a secret may have been put under another key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    Missing { key: &'static str },
    Unreadable { key: &'static str, expected: &'static str },
    NoText { key: &'static str },
    Unknown { key: String, known: Vec<&'static str> },
    Refused { key: &'static str, reason: &'static str },
}

impl Environment {
    /// The process's own environment.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok())));
        Self::with(variables)
    }

    /// The given variables, for tests.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::with(variables.into_iter().map(|(key, value)| (key, Some(value))))
    }

    fn with(variables: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        let variables = variables.into_iter().filter(|(key, _)| key.starts_with(PREFIX)).collect();
        Self { variables, asked: BTreeSet::new(), problems: Vec::new() }
    }

    /// A setting that has to be there. An empty value counts as none.
    pub fn required<T: FromStr>(&mut self, key: &'static str) -> Option<T> {
        let problems = self.problems.len();
        let value = self.read(key);
        if value.is_none() && self.problems.len() == problems {
            self.problems.push(Problem::Missing { key });
        }
        value
    }

    /// A setting with a default.
    pub fn or<T: FromStr>(&mut self, key: &'static str, default: T) -> Option<T> {
        self.optional(key).map(|value| value.unwrap_or(default))
    }

    /// A setting that may be absent: `Some(None)`.
    pub fn optional<T: FromStr>(&mut self, key: &'static str) -> Option<Option<T>> {
        let problems = self.problems.len();
        let value = self.read(key);
        (self.problems.len() == problems).then_some(value)
    }

    /// Notes what is wrong with keys that were read, as with two that contradict each other; `reason` goes on from the key:
    /// `is not set, and MILLRACE_OTHER needs it`.
    pub fn refuse(&mut self, key: &'static str, reason: &'static str) {
        self.problems.push(Problem::Refused { key, reason });
    }

    fn read<T: FromStr>(&mut self, key: &'static str) -> Option<T> {
        self.asked.insert(key);
        match self.variables.get(key) {
            None => None,
            Some(None) => {
                self.problems.push(Problem::NoText { key });
                None
            }
            Some(Some(text)) if text.is_empty() => None,
            Some(Some(text)) => {
                let value = text.parse().ok();
                if value.is_none() {
                    self.problems.push(Problem::Unreadable { key, expected: short_name::<T>() });
                }
                value
            }
        }
    }

    /// Refuses keys nobody asked for, tells every problem at once, and otherwise builds the settings.
    pub fn finish<T>(mut self, build: impl FnOnce() -> Option<T>) -> Result<T, SettingsError> {
        let known: Vec<_> = self.asked.iter().copied().collect();
        let unknown = self.variables.into_keys().filter(|key| {
            let ours = COMMON.contains(&key.as_str()) || key.starts_with(TESTS);
            !self.asked.contains(key.as_str()) && !ours
        });
        self.problems.extend(unknown.map(|key| Problem::Unknown { key, known: known.clone() }));
        match build() {
            Some(settings) if self.problems.is_empty() => Ok(settings),
            _ => Err(SettingsError { problems: self.problems }),
        }
    }
}

fn short_name<T>() -> &'static str {
    let name = type_name::<T>();
    name.rsplit("::").next().unwrap_or(name)
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { key } => write!(f, "{key} is not set"),
            Self::Unreadable { key, expected } => {
                write!(f, "the value of {key} cannot be read as {expected}")
            }
            Self::NoText { key } => write!(f, "the value of {key} is not UTF-8"),
            Self::Refused { key, reason } => write!(f, "{key} {reason}"),
            Self::Unknown { key, known } => {
                write!(f, "{key} is unknown; known are {}", known.join(", "))
            }
        }
    }
}

impl Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the environment's settings are wrong")?;
        for (index, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::of(variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
    }

    fn read(variables: &[(&str, &str)]) -> Result<(String, u32, Option<Secret>), SettingsError> {
        let mut environment = environment(variables);
        let name = environment.required("MILLRACE_NAME");
        let size = environment.or("MILLRACE_SIZE", 7);
        let password = environment.optional("MILLRACE_PASSWORD");
        environment.finish(|| Some((name?, size?, password?)))
    }

    #[test]
    fn reads_what_is_set_and_defaults_the_rest() {
        assert_eq!(read(&[("MILLRACE_NAME", "a"), ("HOME", "/")]).unwrap(), ("a".to_owned(), 7, None));
        let set = [
            ("MILLRACE_NAME", "a"),
            ("MILLRACE_SIZE", "9"),
            ("MILLRACE_PASSWORD", "p"),
            ("MILLRACE_LOG", "debug"),
            ("MILLRACE_TEST_KAFKA", "127.0.0.1:1"),
        ];
        assert_eq!(read(&set).unwrap(), ("a".to_owned(), 9, Some(Secret::new("p"))));
    }

    #[test]
    fn tells_everything_that_is_wrong_at_once_and_no_value() {
        let error = read(&[("MILLRACE_NAMES", "hunter1"), ("MILLRACE_SIZE", "hunter2")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment's settings are wrong: MILLRACE_NAME is not set; the value of MILLRACE_SIZE cannot be \
             read as u32; MILLRACE_NAMES is unknown; known are MILLRACE_NAME, MILLRACE_PASSWORD, MILLRACE_SIZE"
        );
        assert!(!format!("{error:?}").contains("hunter"));
    }

    #[test]
    fn an_empty_value_is_none() {
        let error = read(&[("MILLRACE_NAME", ""), ("MILLRACE_SIZE", "")]).unwrap_err();
        assert_eq!(error.problems, [Problem::Missing { key: "MILLRACE_NAME" }]);
    }
}
