//! The jars by which Spark reads Kafka.

use std::path::PathBuf;

use super::maven::{self, Jars};
use crate::python_env;

/// The variable that names their folder to a bench.
pub(crate) const VARIABLE: &str = "MILLRACE_SPARK_KAFKA_JARS";

/// Of one version with `SPARK_PACKAGES`, which bring Spark's own jars and Scala's.
const JARS: Jars = Jars {
    name: "spark-kafka-3.5.7",
    artifacts: &["org.apache.spark:spark-sql-kafka-0-10_2.12:3.5.7"],
    without: &[
        "org.apache.spark:spark-sql_2.12",
        "org.apache.hadoop:hadoop-client-api",
        "org.apache.hadoop:hadoop-client-runtime",
        "org.scala-lang:scala-library",
    ],
};

pub(crate) fn jars() -> anyhow::Result<PathBuf> {
    if let Some(why) = maven::missing() {
        anyhow::bail!(why);
    }
    JARS.fetched(&python_env::cache()?)
}
