//! Foreign clients of the SQL server: fetched once into the user's cache, and named to the tests by variables.

use std::path::PathBuf;
use std::process::Command;

use clap::ValueEnum;

use super::maven::{self, Jars};
use super::{iceberg_readers, java, python};
use crate::python_env;
use crate::python_set::Set;
use crate::skips::SkipLog;

/// The package whose tests ask by the light ones.
const USER: &str = "millrace-sql";

/// PostgreSQL's driver for Java, to the tests: its jar.
const PGJDBC: &str = "MILLRACE_PGJDBC";
const PGJDBC_JARS: Jars = Jars {
    name: "pgjdbc-42.7.8",
    artifacts: &["org.postgresql:postgresql:42.7.8"],
    // Annotations alone.
    without: &["org.checkerframework:checker-qual"],
};
const PGJDBC_JAR: &str = "postgresql-42.7.8.jar";

/// A Python with SQLAlchemy before its version 2.
const SQLALCHEMY14: &str = "MILLRACE_SQLALCHEMY14_PYTHON";
const SQLALCHEMY14_PACKAGES: Set = Set("sqlalchemy14");

/// A Python with Apache Superset.
const SUPERSET: &str = "MILLRACE_TEST_SUPERSET_PYTHON";
const SUPERSET_PACKAGES: Set = Set("superset");

/// Neither SQLAlchemy 1.4 nor Superset has wheels for every later one.
const PYTHON: python::Wanted = python::Wanted { major: 3, minor: 11, or_later: false };

/// Clients that are so large that only whoever asks for them gets them: `cargo xtask test --with NAME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Heavy {
    /// Apache Superset: 650 MB of Python packages, two minutes of tests
    Superset,
    /// Readers of Iceberg tables: pyiceberg, DuckDB and Spark, 800 MB of Python packages and a jar
    Iceberg,
}

impl Heavy {
    /// What names it to the tests: variables, and where it is.
    fn fetched(self) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
        match self {
            Self::Superset => Ok(vec![(SUPERSET, python::installed(SUPERSET_PACKAGES, PYTHON)?)]),
            Self::Iceberg => iceberg_readers::fetched(),
        }
    }

    /// The variable without which it was not asked for.
    fn variable(self) -> &'static str {
        match self {
            Self::Superset => SUPERSET,
            Self::Iceberg => iceberg_readers::PYTHON,
        }
    }
}

/// Gives the tests the clients that were asked for, unless the caller did.
///
/// # Errors
/// One cannot be installed here: what was asked for by name is not skipped.
pub(crate) fn asked_for(tests: &mut Command, heavy: &[Heavy]) -> anyhow::Result<()> {
    for client in heavy {
        if std::env::var_os(client.variable()).is_none() {
            tests.envs(client.fetched()?);
        }
    }
    Ok(())
}

/// Gives the tests of the packages that are `wanted` the light clients, unless the caller did; what this machine cannot have is told of
/// in words.
pub(crate) fn offer(tests: &mut Command, log: &SkipLog, wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    if !wanted(USER) {
        return Ok(());
    }
    let clients: [(&str, &str, fn() -> anyhow::Result<PathBuf>); 2] =
        [("pgjdbc", PGJDBC, pgjdbc), ("SQLAlchemy 1.4", SQLALCHEMY14, sqlalchemy14)];
    for (check, variable, fetched) in clients {
        if std::env::var_os(variable).is_some() {
            continue;
        }
        match fetched() {
            Ok(path) => drop(tests.env(variable, path)),
            Err(error) => log.note(check, &format!("{error:#}"))?,
        }
    }
    Ok(())
}

fn pgjdbc() -> anyhow::Result<PathBuf> {
    // The tests run its program from its source, which Java does from 11 on.
    if let Some(why) = java::missing(11).or_else(maven::missing) {
        anyhow::bail!(why);
    }
    Ok(PGJDBC_JARS.fetched(&python_env::cache()?)?.join(PGJDBC_JAR))
}

fn sqlalchemy14() -> anyhow::Result<PathBuf> {
    python::installed(SQLALCHEMY14_PACKAGES, PYTHON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_a_set_that_is_locked() {
        for set in [SUPERSET_PACKAGES, SQLALCHEMY14_PACKAGES] {
            assert!(set.locked().unwrap().contains("psycopg2-binary=="), "{set:?}");
        }
    }

    #[test]
    fn the_jar_is_the_one_that_is_asked_for() {
        let version = PGJDBC_JAR.trim_start_matches("postgresql-").trim_end_matches(".jar");
        assert!(PGJDBC_JARS.artifacts[0].ends_with(version) && PGJDBC_JARS.name.ends_with(version));
    }

    #[test]
    fn light_clients_are_for_their_tests_alone() {
        let folder = tempfile::tempdir().unwrap();
        let log = SkipLog::begin(folder.path()).unwrap();
        let mut tests = Command::new("cargo");
        offer(&mut tests, &log, |_| false).unwrap();
        assert_eq!(tests.get_envs().count(), 0);
        assert!(log.end().unwrap().is_empty());
    }
}
