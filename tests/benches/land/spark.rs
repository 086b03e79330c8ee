//! The peer: PySpark's Structured Streaming, which decodes the same JSON into the same columns and writes Parquet.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;

/// A Python with PySpark, and the folder of the jars by which it reads Kafka.
#[derive(Debug)]
pub(crate) struct Spark {
    python: PathBuf,
    jars: PathBuf,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Run {
    pub(crate) rows: u64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
}

impl Spark {
    pub(crate) fn found() -> Option<Self> {
        let of = |variable| std::env::var_os(variable).map(PathBuf::from);
        Some(Self { python: of("MILLRACE_SPARK_PYTHON")?, jars: of("MILLRACE_SPARK_KAFKA_JARS")? })
    }

    pub(crate) fn run(&self, brokers: &str, topic: &str) -> anyhow::Result<Run> {
        let folder = tempfile::tempdir()?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("land_spark.py");
        let output = Command::new(&self.python)
            .arg(script)
            .args([brokers, topic])
            .arg(&self.jars)
            .arg(folder.path())
            .stderr(Stdio::piped())
            .output()?;
        ensure!(output.status.success(), "Spark failed: {}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8(output.stdout)?;
        let line = told.lines().next_back().context("Spark told nothing")?;
        Ok(serde_json::from_str(line)?)
    }
}
