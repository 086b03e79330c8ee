//! A Python with the packages that tests compare against; installed once, in the user's cache.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::commands::quietly;

/// The variable that names the interpreter to the tests.
pub(crate) const VARIABLE: &str = "MILLRACE_PYTHON";

/// DuckDB answers the same questions as our jobs and queries, pyarrow reads our files; DuckDB needs pytz for
/// timestamps with a zone; fastavro, orjson and protobuf decode the same events as ours; jsonschema judges the same documents, and
/// confluent-kafka writes records as other teams do. Pinned, so that an answer changes only with a commit.
pub(crate) const PACKAGES: [&str; 8] = [
    "confluent-kafka[avro,json,protobuf,schemaregistry]==2.16.1",
    "duckdb==2.0.0",
    "fastavro==1.13.1",
    "jsonschema==4.26.0",
    "orjson==3.13.0",
    "protobuf==7.36.2",
    "pyarrow==26.0.1",
    "pytz==2026.6",
];

/// The variable that names the interpreter with Spark to the jobs' bench.
pub(crate) const SPARK_VARIABLE: &str = "MILLRACE_SPARK_PYTHON";

/// Spark, with its jars; it asks for a Java that the machine must have. Of the version whose connector to Kafka is published.
pub(crate) const SPARK_PACKAGES: [&str; 1] = ["pyspark==3.5.7"];

/// Packages that are published as sources alone, which pip has to build: no compiler is needed for these.
const AS_SOURCES: &str = "pyspark";

/// An interpreter with `packages` under `cache`: what was installed before, or a new virtual environment.
pub(crate) fn python_env(cache: &Path, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let name = format!("python-{}", packages.join("-").replace("==", "-").replace(['[', ',', ']'], "-"));
    let folder = cache.join(&name);
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    std::fs::create_dir_all(cache).with_context(|| format!("could not create {}", cache.display()))?;
    // Two runs at once would install over one another; the lock ends with this process.
    let lock = File::create(cache.join(format!("{name}.lock")))?;
    lock.lock().context("could not lock the Python environment")?;
    // Written last: without it an installation was cut off, and is begun again.
    let complete = folder.join(".complete");
    if complete.exists() && python.exists() {
        return Ok(python);
    }
    eprintln!("installing {} into {}, once", packages.join(", "), folder.display());
    quietly(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(&python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
        "--no-binary",
        AS_SOURCES,
    ]);
    quietly(install.args(packages))?;
    File::create(&complete)?;
    Ok(python)
}

/// The cache of this user.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    let home = std::env::home_dir().context("the user has no home folder; set HOME")?;
    Ok(home.join(".cache/millrace"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_environment_is_used_as_it_is() {
        let cache = tempfile::tempdir().unwrap();
        let bin = cache.path().join("python-a-1/bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join("python"), "").unwrap();
        std::fs::write(cache.path().join("python-a-1/.complete"), "").unwrap();
        assert_eq!(python_env(cache.path(), &["a==1"]).unwrap(), bin.join("python"));
    }
}
