//! Who logs in where, from the environment alone.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use millrace_runtime::Secret;

use crate::private_key::PrivateKey;

/// Begins every variable that is looked at. The names are those of Snowflake's own tools.
const PREFIX: &str = "SNOWFLAKE_";

/// The settings of a login. Secrets in it show as `***`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `SNOWFLAKE_ACCOUNT`: the account's identifier, `organisation-account`.
    pub account: String,
    /// `SNOWFLAKE_USER`: who logs in.
    pub user: String,
    /// `SNOWFLAKE_PRIVATE_KEY` (the key's text) or `SNOWFLAKE_PRIVATE_KEY_PATH` (its file); `SNOWFLAKE_PRIVATE_KEY_PASSPHRASE`
    /// where it is encrypted.
    pub private_key: PrivateKey,
    /// `SNOWFLAKE_ROLE`: as what; unless set, the environment's owner.
    pub role: Option<String>,
    /// `SNOWFLAKE_WAREHOUSE`: what computes; also the scripts' variable `warehouse`, and that one unless set.
    pub warehouse: Option<String>,
    /// `SNOWFLAKE_DATABASE`: the session's database; also the scripts' variable `database`.
    pub database: Option<String>,
    /// `SNOWFLAKE_SCHEMA`: the session's schema.
    pub schema: Option<String>,
    /// `SNOWFLAKE_HOST`: another address than the account's own, `[https://]host[:port]`; `http://` on this machine alone.
    pub host: Option<Host>,
}

/// An address that is not the account's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The host's name or IPv4 address.
    pub name: String,
    /// The port; `None`: the protocol's own.
    pub port: Option<u16>,
    /// Whether it is asked by HTTPS. False only on this machine.
    pub secure: bool,
}

/// Everything that is wrong with the settings; it holds names, never values.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    problems: Vec<String>,
    missing: Vec<&'static str>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings of Snowflake are incomplete or wrong: ")?;
        let missing = self.missing.iter().map(|name| format!("{name} is not set"));
        f.write_str(&missing.chain(self.problems.iter().cloned()).collect::<Vec<_>>().join("; "))
    }
}

impl SettingsError {
    /// The variables that are not set.
    pub fn missing(&self) -> &[&'static str] {
        &self.missing
    }

    /// Whether nothing is set that has to be: nobody meant to log in.
    pub fn nothing_is_set(&self) -> bool {
        self.missing.len() == REQUIRED && self.problems.is_empty()
    }
}

/// How many settings have to be there; the key counts as one.
const REQUIRED: usize = 3;

impl Settings {
    /// The process's own environment.
    ///
    /// # Errors
    /// All that is missing or wrong, at once.
    pub fn of_process() -> Result<Self, SettingsError> {
        Self::of(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// The given variables; an empty one counts as none.
    ///
    /// # Errors
    /// All that is missing or wrong, at once.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, SettingsError> {
        let mut reading = Reading {
            variables: variables
                .into_iter()
                .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
                .collect(),
            error: SettingsError { problems: Vec::new(), missing: Vec::new() },
        };
        let account = reading.required("SNOWFLAKE_ACCOUNT");
        let user = reading.required("SNOWFLAKE_USER");
        let private_key = reading.private_key();
        let host = reading.host();
        let (role, warehouse) = (reading.take("SNOWFLAKE_ROLE"), reading.take("SNOWFLAKE_WAREHOUSE"));
        let (database, schema) = (reading.take("SNOWFLAKE_DATABASE"), reading.take("SNOWFLAKE_SCHEMA"));
        let settings = || {
            Some(Self {
                account: account?,
                user: user?,
                private_key: private_key?,
                role,
                warehouse,
                database,
                schema,
                host,
            })
        };
        match settings() {
            Some(settings) if reading.error.problems.is_empty() => Ok(settings),
            _ => Err(reading.error),
        }
    }
}

struct Reading {
    variables: BTreeMap<String, String>,
    error: SettingsError,
}

impl Reading {
    fn take(&mut self, name: &str) -> Option<String> {
        self.variables.remove(name)
    }

    fn required(&mut self, name: &'static str) -> Option<String> {
        let value = self.take(name);
        if value.is_none() {
            self.error.missing.push(name);
        }
        value
    }

    fn wrong(&mut self, problem: String) {
        self.error.problems.push(problem);
    }

    fn private_key(&mut self) -> Option<PrivateKey> {
        const TEXT: &str = "SNOWFLAKE_PRIVATE_KEY";
        const FILE: &str = "SNOWFLAKE_PRIVATE_KEY_PATH";
        let passphrase = self.take("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE").map(Secret::new);
        let (name, pem) = match (self.take(TEXT), self.take(FILE)) {
            (None, None) => {
                self.error.missing.push("SNOWFLAKE_PRIVATE_KEY or SNOWFLAKE_PRIVATE_KEY_PATH");
                return None;
            }
            (Some(_), Some(_)) => {
                self.wrong(format!("{TEXT} and {FILE} are both set: unset one"));
                return None;
            }
            (Some(pem), None) => (TEXT, pem),
            (None, Some(path)) => match std::fs::read_to_string(Path::new(&path)) {
                Ok(pem) => (FILE, pem),
                Err(error) => {
                    self.wrong(format!("the file that {FILE} names cannot be read ({})", error.kind()));
                    return None;
                }
            },
        };
        match PrivateKey::of_pem(&pem, passphrase) {
            Ok(key) => Some(key),
            Err(problem) => {
                self.wrong(format!("the key of {name} {problem}"));
                None
            }
        }
    }

    fn host(&mut self) -> Option<Host> {
        let text = self.take("SNOWFLAKE_HOST")?;
        match host(&text) {
            Ok(host) => Some(host),
            Err(problem) => {
                self.wrong(format!("SNOWFLAKE_HOST {problem}"));
                None
            }
        }
    }
}

fn host(text: &str) -> Result<Host, &'static str> {
    let (secure, rest) = match text.split_once("://") {
        None => (true, text),
        Some(("https", rest)) => (true, rest),
        Some(("http", rest)) => (false, rest),
        Some(_) => return Err("begins with neither https:// nor http://"),
    };
    let rest = rest.trim_end_matches('/');
    let (name, port) = match rest.rsplit_once(':') {
        None => (rest, None),
        Some((name, port)) => (name, Some(port.parse().map_err(|_| "has a port that is no number")?)),
    };
    let named = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if name.is_empty() || !named {
        return Err("is not [https://]host[:port]");
    }
    if !secure && !["127.0.0.1", "localhost"].contains(&name) {
        return Err("is http:// to another machine, where the login could be read on its way: use https://");
    }
    Ok(Host { name: name.to_owned(), port, secure })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n";

    fn of(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::of(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    const ALL: [(&str, &str); 3] = [
        ("SNOWFLAKE_ACCOUNT", "org-account"),
        ("SNOWFLAKE_USER", "deployer"),
        ("SNOWFLAKE_PRIVATE_KEY", KEY),
    ];

    #[test]
    fn everything_missing_is_named_at_once() {
        let error = of(&[("SNOWFLAKE_USER", "u"), ("SNOWFLAKE_ROLE", "")]).unwrap_err();
        assert_eq!(
            error.missing(),
            ["SNOWFLAKE_ACCOUNT", "SNOWFLAKE_PRIVATE_KEY or SNOWFLAKE_PRIVATE_KEY_PATH"]
        );
        assert!(!error.nothing_is_set() && of(&[("HOME", "/")]).unwrap_err().nothing_is_set());
        assert!(error.to_string().contains("SNOWFLAKE_ACCOUNT is not set; SNOWFLAKE_PRIVATE_KEY or"));
    }

    #[test]
    fn a_key_may_be_a_file_and_is_never_shown() {
        let settings = of(&ALL).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"), "{settings:?}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), KEY).unwrap();
        let path = file.path().to_str().unwrap();
        let mut variables = ALL;
        variables[2] = ("SNOWFLAKE_PRIVATE_KEY_PATH", path);
        assert!(of(&variables).is_ok());
        variables[2] = ("SNOWFLAKE_PRIVATE_KEY_PATH", "/no/such/file");
        assert!(of(&variables).unwrap_err().to_string().contains("cannot be read"));
        variables[2] = ("SNOWFLAKE_PRIVATE_KEY", "hunter2");
        let error = of(&variables).unwrap_err();
        assert!(!error.to_string().contains("hunter2") && !format!("{error:?}").contains("hunter2"));
        let both: Vec<_> = ALL.into_iter().chain([("SNOWFLAKE_PRIVATE_KEY_PATH", path)]).collect();
        assert!(of(&both).unwrap_err().to_string().contains("both set"));
    }

    #[test]
    fn a_host_may_be_plain_on_this_machine_alone() {
        let of = |text| host(text).unwrap();
        assert_eq!(
            of("http://127.0.0.1:81/"),
            Host { name: "127.0.0.1".to_owned(), port: Some(81), secure: false }
        );
        assert_eq!(of("a.example.com"), Host { name: "a.example.com".to_owned(), port: None, secure: true });
        assert_eq!(of("https://a.example.com:8443").port, Some(8443));
        for wrong in ["http://a.example.com", "ftp://a", "a:b", "https://", "user@host"] {
            assert!(host(wrong).is_err(), "{wrong}");
        }
    }
}
