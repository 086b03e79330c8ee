//! Who may ask the SQL server what: a file of TOML.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use millrace_runtime::Secret;
use millrace_sql::Access;
use millrace_sql::wire::User;
use serde::Deserialize;

use crate::file_mode::others_may_read;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    password: String,
    reads: Reads,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Reads {
    All,
    WithoutPersons,
}

pub(super) fn read(path: &Path) -> anyhow::Result<Vec<User>> {
    let told = || format!("the users in {} cannot be read", path.display());
    ensure!(!others_may_read(path), "{}: others may read its passwords; chmod 600 {0}", path.display());
    let text = std::fs::read_to_string(path).with_context(told)?;
    let entries: BTreeMap<String, Entry> = match toml::from_str(&text) {
        Ok(entries) => entries,
        // Its own text quotes the line, and a password may stand there.
        Err(error) => {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            bail!("{}, line {line}: {}", told(), error.message());
        }
    };
    ensure!(!entries.is_empty(), "{}: there is none; see `millrace serve --help`", told());
    let user = |(name, entry): (String, Entry)| User {
        name,
        password: Secret::new(entry.password),
        access: match entry.reads {
            Reads::All => Access::All,
            Reads::WithoutPersons => Access::WithoutPersons,
        },
    };
    Ok(entries.into_iter().map(user).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn of(text: &str) -> anyhow::Result<Vec<User>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        read(&path)
    }

    #[test]
    fn each_user_has_a_password_and_rights() {
        let users = of(
            "[Ann]\npassword = \"a\"\nreads = \"all\"\n[bo]\npassword = \"b\"\nreads = \"without-persons\"\n",
        )
        .unwrap();
        let told: Vec<_> = users.iter().map(|user| (user.name.as_str(), user.access)).collect();
        assert_eq!(told, [("Ann", Access::All), ("bo", Access::WithoutPersons)]);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_no_password_is_shown() {
        for (text, expected) in [
            ("", "there is none"),
            ("[ann]\npassword = \"sesame\"\n", "line 1: missing field `reads`"),
            ("[ann]\npassword = \"sesame\"\nreads = \"some\"\n", "line 3: unknown variant"),
            ("[ann]\npassword = sesame\n", "line 2"),
            ("[ann]\npasword = \"sesame\"\n", "line 2: unknown field"),
        ] {
            let error = format!("{:#}", of(text).unwrap_err());
            assert!(error.contains(expected) && !error.contains("sesame"), "{text}: {error}");
        }
    }

    #[test]
    fn a_file_that_others_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.toml");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
        assert!(format!("{:#}", read(&folder.path().join("none")).unwrap_err()).contains("cannot be read"));
    }
}
