//! The port to this machine: its variables, files and programs.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a check may see of this machine.
pub trait Machine: Debug + Sync {
    /// A variable of the environment; an empty one is none.
    fn variable(&self, name: &str) -> Option<String>;

    /// A file of the repository as text; `None` where it is not or is none.
    fn file(&self, path: &str) -> Option<String>;

    /// The names of the folders in a folder of the repository, sorted; none where it is not there.
    fn folders(&self, path: &str) -> Vec<String>;

    /// The settings that are said, or said wrong. Who knows no settings has none.
    fn settings(&self) -> Vec<Setting> {
        Vec::new()
    }

    /// What a program writes to standard output.
    ///
    /// # Errors
    /// It is not there, or failed: why, in a line.
    fn output(&self, program: &str, arguments: &[&str]) -> Result<String, String>;
}

/// A setting of ours that somebody has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The variable's name.
    pub variable: String,
    /// What it says, a secret masked.
    pub value: String,
    /// Who says it: the environment, or a file by its path.
    pub source: String,
    /// What is wrong with it, and what to do.
    pub trouble: Option<(String, String)>,
}

/// The process's own environment, and the repository at a folder.
#[derive(Debug)]
pub struct LocalMachine {
    root: PathBuf,
}

impl LocalMachine {
    /// Looks at the repository at `root`; programs are started there too.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Machine for LocalMachine {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn file(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(Path::new(path))).ok()
    }

    fn folders(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join(path)).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.path().is_dir());
        let mut names: Vec<_> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    fn output(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{program} cannot be started: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        Err(said.unwrap_or("it failed and said nothing").chars().take(200).collect())
    }
}

#[cfg(test)]
pub(crate) mod fake {
    use std::collections::BTreeMap;

    use super::*;

    /// A machine that has what it was given, and nothing else.
    #[derive(Debug, Default)]
    pub(crate) struct Fake {
        pub(crate) variables: BTreeMap<&'static str, &'static str>,
        pub(crate) files: BTreeMap<&'static str, &'static str>,
        /// By the program and its first arguments, blanks between, the longest that fits; an answer that begins with `!` is a failure.
        pub(crate) programs: BTreeMap<&'static str, &'static str>,
        pub(crate) folders: Vec<&'static str>,
        pub(crate) settings: Vec<Setting>,
    }

    impl Machine for Fake {
        fn variable(&self, name: &str) -> Option<String> {
            self.variables.get(name).map(|value| (*value).to_owned())
        }

        fn file(&self, path: &str) -> Option<String> {
            self.files.get(path).map(|text| (*text).to_owned())
        }

        fn folders(&self, _: &str) -> Vec<String> {
            self.folders.iter().map(|name| (*name).to_owned()).collect()
        }

        fn settings(&self) -> Vec<Setting> {
            self.settings.clone()
        }

        fn output(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
            let call =
                std::iter::once(program).chain(arguments.iter().copied()).collect::<Vec<_>>().join(" ");
            let known = self.programs.iter().filter(|(name, _)| call.starts_with(**name));
            let known = known.max_by_key(|(name, _)| name.len());
            match known.map(|(_, answer)| answer.strip_prefix('!').ok_or(*answer)) {
                None => Err(format!("{program} cannot be started")),
                Some(Ok(failure)) => Err(failure.to_owned()),
                Some(Err(answer)) => Ok(answer.to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_answers() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("a.txt"), "text").unwrap();
        let machine = LocalMachine::new(root.path());
        assert_eq!(machine.file("a.txt").as_deref(), Some("text"));
        assert_eq!(machine.file("b.txt"), None);
        std::fs::create_dir(root.path().join("envs")).unwrap();
        assert_eq!(machine.folders("."), ["envs"]);
        assert!(machine.folders("nowhere").is_empty());
        assert_eq!(machine.output("sh", &["-c", "echo here"]).unwrap(), "here\n");
        assert_eq!(machine.output("sh", &["-c", "echo why >&2; exit 1"]).unwrap_err(), "why");
        assert!(machine.output("/no/such/program", &[]).unwrap_err().contains("cannot be started"));
    }
}
