//! Sets of Python packages: `xtask/python/NAME.in` says what is wanted, `NAME.txt` what that comes to: every package that is installed,
//! with its version and the hashes of its files for all machines. `cargo xtask python lock` ([`crate::python_lock`]) writes the latter.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::workspace;

/// A set, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Set(pub(crate) &'static str);

/// What a `.in` file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// As pip takes them: `name==1.2`, `name[extra]<5`.
    pub(crate) packages: Vec<String>,
    /// Published as sources alone, so that installing runs their own programs.
    pub(crate) built_here: Vec<String>,
    /// How uv is told of a set that is not for every machine.
    pub(crate) options: Vec<String>,
}

/// What begins a line of a `.in` file that is read here; other comments are for people.
const BUILT_HERE: &str = "# built here:";
const OPTIONS: &str = "# uv:";
impl Set {
    fn wanted_file(self) -> PathBuf {
        file(self.0, "in")
    }

    /// What pip is given.
    pub(crate) fn lock_file(self) -> PathBuf {
        file(self.0, "txt")
    }

    pub(crate) fn wanted(self) -> anyhow::Result<Wanted> {
        Ok(Wanted::of(&read(&self.wanted_file())?))
    }

    pub(crate) fn locked(self) -> anyhow::Result<String> {
        read(&self.lock_file())
    }
}

impl Wanted {
    pub(crate) fn of(text: &str) -> Self {
        let mut wanted = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (list, words) = if let Some(words) = line.strip_prefix(BUILT_HERE) {
                (&mut wanted.built_here, words)
            } else if let Some(words) = line.strip_prefix(OPTIONS) {
                (&mut wanted.options, words)
            } else if line.starts_with('#') {
                continue;
            } else {
                (&mut wanted.packages, line)
            };
            list.extend(words.split_whitespace().map(str::to_owned));
        }
        wanted
    }
}

pub(crate) fn folder() -> PathBuf {
    workspace::root().join("xtask/python")
}

pub(crate) fn file(set: &str, extension: &str) -> PathBuf {
    folder().join(format!("{set}.{extension}"))
}

pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_may_say_how_a_set_is_locked() {
        let wanted = Wanted::of("# why\n# uv: --python-version 3.13\n# built here: b\na[x]==1\n\nb\n");
        assert_eq!(wanted.packages, ["a[x]==1", "b"]);
        assert_eq!(wanted.built_here, ["b"]);
        assert_eq!(wanted.options, ["--python-version", "3.13"]);
    }
}
