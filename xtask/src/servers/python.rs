//! The Python that servers run on.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::python_env;
use crate::python_set::Set;

/// A version of Python.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) major: u32,
    pub(super) minor: u32,
    pub(super) or_later: bool,
}

impl Wanted {
    fn holds(self, (major, minor): (u32, u32)) -> bool {
        major == self.major && (minor == self.minor || self.or_later && minor > self.minor)
    }

    fn said(self) -> String {
        let Self { major, minor, or_later } = self;
        format!("Python {major}.{minor}{}", if or_later { " or later" } else { " and no other" })
    }
}

/// Why no Python as `wanted` runs here; `None` where one does.
pub(super) fn missing(wanted: Wanted) -> Option<String> {
    let named = format!("python{}.{}", wanted.major, wanted.minor);
    let why = || format!("there is no {named} on the path or in pyenv; it runs on {}", wanted.said());
    interpreter(wanted).is_none().then(why)
}

fn interpreter(wanted: Wanted) -> Option<PathBuf> {
    let named = format!("python{}.{}", wanted.major, wanted.minor);
    let on_path = ["python3", &named].map(PathBuf::from);
    on_path
        .into_iter()
        .chain(of_pyenv())
        .find(|python| version(python).is_some_and(|found| wanted.holds(found)))
}

/// pyenv's own names answer only where a version was chosen; what it installed lies beside them.
fn of_pyenv() -> Vec<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| std::env::home_dir().map(|home| home.join(".pyenv")));
    let versions = root.and_then(|root| std::fs::read_dir(root.join("versions")).ok());
    let found = versions.into_iter().flatten().flatten().map(|version| version.path().join("bin/python3"));
    found.filter(|python| python.exists()).collect()
}

fn version(python: &Path) -> Option<(u32, u32)> {
    let output = Command::new(python).arg("--version").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let mut numbers = said.trim().strip_prefix("Python ")?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The interpreter of the environment that has `set`; installed first where it is not there yet.
pub(super) fn installed(set: Set, wanted: Wanted) -> anyhow::Result<PathBuf> {
    let base = || interpreter(wanted).with_context(|| format!("there is no {}", wanted.said()));
    python_env::installed(&python_env::cache()?, set, base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_held_against_what_is_wanted() {
        let exact = Wanted { major: 3, minor: 13, or_later: false };
        assert!(exact.holds((3, 13)) && !exact.holds((3, 14)) && !exact.holds((2, 13)));
        let least = Wanted { or_later: true, ..exact };
        assert!(least.holds((3, 13)) && least.holds((3, 14)) && !least.holds((3, 12)));
        let why = missing(Wanted { major: 9, minor: 1, or_later: false }).unwrap();
        assert!(why.contains("python9.1") && why.contains("and no other"), "{why}");
    }
}
