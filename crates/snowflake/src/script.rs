//! A folder of scripts, `NNN_name.sql`, in the order of their numbers.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::SnowflakeError;
use crate::statements::{Statement, split};
use crate::variables::Variables;

/// A script with its variables filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The file's name: what the history knows it by.
    pub name: String,
    /// The number in its name, by which scripts are ordered; no two share it.
    pub number: u32,
    /// SHA-256 of the text with its values, so that another value is a change too. Lines end in `\n` in it, however the checkout has them.
    pub checksum: String,
    /// In their order.
    pub statements: Vec<Statement>,
}

impl Script {
    /// # Errors
    /// A name that is not `NNN_name.sql`, a variable without a value, a text without an end.
    pub fn of_text(name: &str, text: &str, variables: &Variables) -> Result<Self, SnowflakeError> {
        let number =
            number(name).map_err(|problem| SnowflakeError::Name { path: PathBuf::from(name), problem })?;
        let text = variables.render(name, &with_unix_lines(text))?;
        let statements = split(name, &text)?;
        let checksum = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { name: name.to_owned(), number, checksum, statements })
    }
}

/// The scripts of `folder`. What does not begin with a digit is none: the bootstrap, folders of queries and variables.
///
/// # Errors
/// There is none, two have one number, or one cannot be read.
pub fn read(folder: &Path, variables: &Variables) -> Result<Vec<Script>, SnowflakeError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| SnowflakeError::Read { path, source }
    };
    let mut scripts: Vec<Script> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_file() && name.starts_with(|first: char| first.is_ascii_digit()) {
            let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
            scripts.push(Script::of_text(name, &text, variables)?);
        }
    }
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some([_, second]) = scripts.windows(2).find(|pair| pair[0].number == pair[1].number) {
        let problem = "another script has the same number: give it one of its own";
        return Err(SnowflakeError::Name { path: folder.join(&second.name), problem });
    }
    if scripts.is_empty() {
        return Err(SnowflakeError::NoScripts(folder.to_owned()));
    }
    Ok(scripts)
}

/// The text as this repository has it: an editor or a checkout on Windows may add a byte order mark and `\r\n`, and nothing has changed then.
fn with_unix_lines(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n")
}

fn number(name: &str) -> Result<u32, &'static str> {
    const FORM: &str = "a script's name is NNN_name.sql";
    let (number, rest) = name.split_once('_').ok_or(FORM)?;
    let word = rest.strip_suffix(".sql").ok_or(FORM)?;
    if number.len() != 3 || word.is_empty() {
        return Err(FORM);
    }
    number.parse().map_err(|_| FORM)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn scripts_come_in_the_order_of_their_numbers() {
        let folder = folder(&[
            ("010_b.sql", "SELECT 2"),
            ("002_a.sql", "SELECT 1; SELECT 2;"),
            ("bootstrap.sql", "'"),
        ]);
        let scripts = read(folder.path(), &Variables::default()).unwrap();
        let told: Vec<_> =
            scripts.iter().map(|script| (script.name.as_str(), script.statements.len())).collect();
        assert_eq!(told, [("002_a.sql", 2), ("010_b.sql", 1)]);
    }

    #[test]
    fn a_folder_that_has_no_order_is_refused() {
        let refused = |files: &[(&str, &str)]| {
            read(folder(files).path(), &Variables::default()).unwrap_err().to_string()
        };
        assert!(refused(&[("001_a.sql", ""), ("001_b.sql", "")]).contains("001_b.sql: another script"));
        assert!(refused(&[("01_a.sql", "")]).contains("NNN_name.sql"));
        assert!(refused(&[("0001_a.sql", "")]).contains("NNN_name.sql"));
        assert!(refused(&[("readme.md", "")]).contains("there is no script"));
        assert!(
            read(Path::new("/no/such"), &Variables::default()).unwrap_err().to_string().contains("/no/such")
        );
    }

    #[test]
    fn another_value_is_another_checksum() {
        let of = |value: &str| {
            let mut variables = Variables::default();
            variables.set(&format!("database={value}")).unwrap();
            Script::of_text("001_a.sql", "USE &{database};", &variables).unwrap().checksum
        };
        assert_eq!(of("A").len(), 64);
        assert!(of("A") == of("A") && of("A") != of("B"));
    }

    #[test]
    fn line_endings_change_neither_checksum_nor_statements() {
        let of = |text: &str| Script::of_text("001_a.sql", text, &Variables::default()).unwrap();
        let unix = of("-- a note\nSELECT 'one\ntwo';\nSELECT 2;\n");
        assert_eq!(of("-- a note\r\nSELECT 'one\r\ntwo';\r\nSELECT 2;\r\n"), unix);
        assert_eq!(of("\u{feff}-- a note\nSELECT 'one\ntwo';\nSELECT 2;\n"), unix);
        assert_ne!(of("-- a note\nSELECT 'one\n\ntwo';\nSELECT 2;\n").checksum, unix.checksum);
    }
}
