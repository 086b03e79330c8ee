//! One `millrace.toml`: read, and held against the settings that there are.

use std::path::{Path, PathBuf};

use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use super::known::{self, KNOWN, Known};
use crate::file_mode::others_may_read;
use millrace_sql::suggestion::did_you_mean;

/// Why a file gives no settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsFileError {
    #[error("the settings in {} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the settings in {} are no TOML: {reason}", path.display())]
    NoToml { path: PathBuf, reason: String },
    #[error(
        "{}, line {line}: there is no setting {key:?}{meant}; `millrace settings` lists them all",
        path.display()
    )]
    Unknown { path: PathBuf, line: usize, key: String, meant: String },
    #[error("{}, line {line}: {key} = {value} is no setting: {reason}", path.display())]
    Value { path: PathBuf, line: usize, key: &'static str, value: String, reason: String },
}

/// A file whose settings are all known and readable.
#[derive(Debug, Clone)]
pub(crate) struct SettingsFile {
    pub(crate) path: PathBuf,
    values: Map<String, Value>,
}

impl SettingsFile {
    pub(crate) fn read(path: &Path) -> Result<Self, SettingsFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SettingsFileError::Unreadable { path: path.to_owned(), source })?;
        Self::of(path, &text)
    }

    fn of(path: &Path, text: &str) -> Result<Self, SettingsFileError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let parsed = File::from_str(text, FileFormat::Toml).collect();
        let parsed = parsed.map_err(|error| SettingsFileError::NoToml {
            path: path.to_owned(),
            reason: without_excerpt(&error),
        })?;
        // In the order of the file: the first mistake is told.
        let mut pairs: Vec<_> =
            parsed.into_iter().map(|(key, value)| (line_of(text, &key), key, value)).collect();
        pairs.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        let origin = path.display().to_string();
        let mut values = Map::new();
        for (line, key, value) in pairs {
            let Some(known) = known::by_key(&key) else {
                let meant = did_you_mean(&key, KNOWN.iter().map(|known| known.key));
                return Err(SettingsFileError::Unknown { path: path.to_owned(), line, key, meant });
            };
            let text = text_of(known, &value).map_err(|reason| SettingsFileError::Value {
                path: path.to_owned(),
                line,
                key: known.key,
                value: if known.is_secret { "(hidden)".to_owned() } else { shown(&value) },
                reason,
            })?;
            values.insert(key, Value::new(Some(&origin), text));
        }
        Ok(Self { path: path.to_owned(), values })
    }

    /// Whether somebody else than its owner may read a secret in it.
    pub(crate) fn exposes_a_secret(&self) -> bool {
        KNOWN.iter().any(|known| known.is_secret && self.values.contains_key(known.key))
            && others_may_read(&self.path)
    }
}

impl Source for SettingsFile {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.values.clone())
    }
}

/// The value as the environment would have it: a number is a text there.
fn text_of(known: &Known, value: &Value) -> Result<String, String> {
    let text = match &value.kind {
        ValueKind::String(text) => text.clone(),
        ValueKind::I64(number) => number.to_string(),
        _ => return Err("give a text in quotes, or a whole number".to_owned()),
    };
    (known.check)(&text)?;
    Ok(text)
}

fn shown(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Table(_) => "{…}".to_owned(),
        ValueKind::Array(_) => "[…]".to_owned(),
        _ => value.to_string(),
    }
}

/// The line on which a key of the root stands, from 1; a table's is that of its header. The parser keeps no places.
fn line_of(text: &str, key: &str) -> usize {
    let stands = |line: &str| {
        let rest = line.trim_start().trim_start_matches('[').trim_start().trim_start_matches(['"', '\'']);
        rest.strip_prefix(key)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-'))
    };
    text.lines().position(stands).map_or(1, |index| index + 1)
}

/// What the parser says and where, without the line itself: a secret may stand on it.
fn without_excerpt(error: &ConfigError) -> String {
    let text = match error {
        ConfigError::FileParse { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    let said = text.lines().map(str::trim).filter(|line| {
        let behind_number = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        !line.is_empty() && !behind_number.starts_with('|')
    });
    let said = said.collect::<Vec<_>>().join(": ");
    said.strip_prefix("TOML parse error at ").unwrap_or(&said).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        SettingsFile::of(Path::new("a/millrace.toml"), text).expect_err(text).to_string()
    }

    #[test]
    fn a_mistake_is_told_with_its_file_line_and_remedy() {
        let unknown = error("# ours\nlake = \"x\"\nbroker = \"localhost:9092\"\n");
        assert_eq!(
            unknown,
            "a/millrace.toml, line 3: there is no setting \"broker\"; did you mean brokers?; `millrace settings` lists them all"
        );
        assert!(error("[kafka]\nuser = \"x\"").contains("line 1: there is no setting \"kafka\""));
        let value = error("\n\nbrokers = \"localhost:kafka\"");
        assert!(
            value.contains("line 3: brokers = \"localhost:kafka\"") && value.contains("host:port"),
            "{value}"
        );
        assert!(error("lake = [\"x\"]").contains("in quotes"));
        assert!(error("generation = \"NOPE!\"").contains("line 1: generation"));
        let no_toml = error("lake = \"x\"\nbrokers = localhost");
        assert!(no_toml.contains("line 2, column 11") && !no_toml.contains('\n'), "{no_toml}");
    }

    #[test]
    fn no_secret_is_ever_quoted() {
        for text in
            ["kafka_password = hunter2", "kafka_password = \"hunter2", "kafka_password = [\"hunter2\"]"]
        {
            let told = error(text);
            assert!(!told.contains("hunter2") && told.contains("a/millrace.toml"), "{told}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_may_read_is_noticed() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("millrace.toml");
        let exposes = |text: &str, mode: u32| {
            std::fs::write(&path, text).expect("written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
            SettingsFile::read(&path).expect("settings").exposes_a_secret()
        };
        assert!(exposes("kafka_password = \"x\"", 0o644) && exposes("registry_password = \"x\"", 0o640));
        assert!(!exposes("kafka_password = \"x\"", 0o600) && !exposes("kafka_user = \"x\"", 0o644));
    }
}
