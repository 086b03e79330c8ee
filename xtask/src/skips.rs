//! Checks that did not run, and which of them `--strict` forgives.
//!
//! A test that cannot run prints `skipped: <check>: <why>` and appends that line to the file that MILLRACE_SKIP_LOG
//! names; nothing is guessed from the output of tests, which libtest hides where they pass.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The variable that names the log.
pub(crate) const VARIABLE: &str = "MILLRACE_SKIP_LOG";

/// What `--strict` forgives, for only a cloud account, Docker or another processor would lift it; mdBook is a contributor's choice, a
/// large client comes only where `--with` asks for it, and a block of the documents that is marked `no-run` is never run.
const FORGIVEN: [&str; 7] =
    ["no account", "no docker", "no arm64", "no recorded answers", "no mdbook", "no-run", "not asked for"];

/// The log of one run.
#[derive(Debug)]
pub(crate) struct SkipLog {
    path: PathBuf,
}

impl SkipLog {
    /// An empty log in `folder`.
    pub(crate) fn begin(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
        // A name for each process: two runs on one checkout keep their skips apart.
        let path = folder.join(format!("skips-{}.log", std::process::id()));
        File::create(&path).with_context(|| format!("could not write {}", path.display()))?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes and prints a skip of the task's own.
    pub(crate) fn note(&self, check: &str, why: &str) -> anyhow::Result<()> {
        let line = format!("skipped: {check}: {why}");
        println!("{line}");
        let mut log = File::options().append(true).open(&self.path)?;
        writeln!(log, "{line}").with_context(|| format!("could not write {}", self.path.display()))
    }

    /// Every skip once, in order of its first line, and the log removed.
    pub(crate) fn end(self) -> anyhow::Result<Vec<Skip>> {
        let text = std::fs::read_to_string(&self.path)
            .with_context(|| format!("could not read {}", self.path.display()))?;
        std::fs::remove_file(&self.path)?;
        let mut skips = Vec::new();
        for skip in text.lines().filter_map(Skip::of_line) {
            if !skips.contains(&skip) {
                skips.push(skip);
            }
        }
        Ok(skips)
    }
}

/// A check that did not run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    line: String,
    forgiven: bool,
}

impl Skip {
    fn of_line(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("skipped: ")?;
        // A check's name has no colon; a line without a reason is not forgiven.
        let why = rest.split_once(':').map_or("", |(_, why)| why.trim_start());
        let forgiven = FORGIVEN.iter().any(|reason| why.to_ascii_lowercase().starts_with(reason));
        Some(Self { line: line.to_owned(), forgiven })
    }

    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    pub(crate) fn is_forgiven(&self) -> bool {
        self.forgiven
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_forgives_what_a_machine_cannot_have_and_nothing_else() {
        let forgiven = |line| Skip::of_line(line).map(|skip| skip.is_forgiven());
        assert_eq!(forgiven("skipped: s3 store: no account for AWS"), Some(true));
        assert_eq!(forgiven("skipped: localstack: No Docker here"), Some(true));
        assert_eq!(forgiven("skipped: x: not asked for: cargo xtask test --with x"), Some(true));
        assert_eq!(forgiven("skipped: oracle: no python3"), Some(false));
        assert_eq!(forgiven("skipped: no account"), Some(false));
        assert_eq!(forgiven("test result: ok"), None);
    }

    #[test]
    fn a_skip_that_many_tests_tell_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let log = SkipLog::begin(folder.path()).unwrap();
        log.note("oracle", "no python3").unwrap();
        log.note("disk", "no root").unwrap();
        log.note("oracle", "no python3").unwrap();
        let path = log.path().to_owned();
        let skips = log.end().unwrap();
        let lines: Vec<_> = skips.iter().map(Skip::line).collect();
        assert_eq!(lines, ["skipped: oracle: no python3", "skipped: disk: no root"]);
        assert!(!path.exists());
    }
}
