//! Engines that read Iceberg tables: pyiceberg and DuckDB in one Python, Spark with Iceberg's jar in another.

use std::path::PathBuf;

use super::maven::{self, Jars};
use super::{java, python};
use crate::python_env::{self, SPARK, SPARK_VARIABLE};
use crate::python_set::Set;

/// pyiceberg and DuckDB with its extensions, as packages.
pub(super) const PACKAGES: Set = Set("iceberg");

/// What tests call the Python with these.
pub(super) const PYTHON: &str = "MILLRACE_PYICEBERG_PYTHON";

/// What tests call Iceberg's jar for Spark.
const JAR: &str = "MILLRACE_ICEBERG_SPARK_JAR";

/// Of the version of Spark in `SPARK`; it brings all that it needs.
const JARS: Jars = Jars {
    name: "iceberg-spark-runtime-1.12.0",
    artifacts: &["org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.12.0"],
    without: &[],
};
const JAR_FILE: &str = "iceberg-spark-runtime-3.5_2.12-1.12.0.jar";

const WANTED: python::Wanted = python::Wanted { major: 3, minor: 10, or_later: true };

/// The variables that name them to the tests.
///
/// # Errors
/// One cannot be had here.
pub(super) fn fetched() -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    if let Some(why) = java::missing(17).or_else(maven::missing) {
        anyhow::bail!(why);
    }
    let jars = JARS.fetched(&python_env::cache()?)?;
    Ok(vec![
        (PYTHON, python::installed(PACKAGES, WANTED)?),
        (SPARK_VARIABLE, python::installed(SPARK, WANTED)?),
        (JAR, jars.join(JAR_FILE)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jar_is_the_one_that_is_asked_for_and_of_sparks_version() {
        let artifact = JARS.artifacts[0].rsplit(':').collect::<Vec<_>>();
        assert_eq!(JAR_FILE, format!("{}-{}.jar", artifact[1], artifact[0]));
        assert!(SPARK.locked().unwrap().contains("pyspark==3.5."));
    }
}
