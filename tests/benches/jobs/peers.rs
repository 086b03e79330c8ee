//! DuckDB and Spark, each in a Python of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use crate::input::{AS_OF, Input, started_at_micros};
use crate::timing::Timing;
use millrace_bench_report::Report;

/// A peer that this machine can run.
#[derive(Debug)]
pub(crate) struct Peer {
    tool: Tool,
    python: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    DuckDb,
    Spark,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::Spark => "spark",
        }
    }

    /// The variable that names its Python, the module that the Python must have, the script.
    fn parts(self) -> [&'static str; 3] {
        match self {
            Self::DuckDb => ["MILLRACE_PYTHON", "duckdb", "duckdb_jobs.py"],
            Self::Spark => ["MILLRACE_SPARK_PYTHON", "pyspark", "spark_jobs.py"],
        }
    }

    /// Its Python; else why it cannot run.
    fn python(self) -> Result<PathBuf, String> {
        let [variable, module, _] = self.parts();
        let python = std::env::var_os(variable).map(PathBuf::from);
        let python =
            python.ok_or_else(|| format!("{variable} names no Python; cargo xtask bench sets it"))?;
        if !starts(Command::new(&python).args(["-c", &format!("import {module}")])) {
            return Err(format!("{variable}'s {} has no {module}", python.display()));
        }
        if self == Self::Spark && !starts(Command::new("java").arg("-version")) {
            return Err("there is no java on the path; Spark 3.5 needs Java 8, 11 or 17".to_owned());
        }
        Ok(python)
    }
}

fn starts(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

impl Peer {
    /// Those of `names` that can run here; the others are told.
    pub(crate) fn at_hand(names: &[String], report: &Report) -> anyhow::Result<Vec<Self>> {
        let mut peers = Vec::new();
        for name in names {
            let Some(tool) = [Tool::DuckDb, Tool::Spark].into_iter().find(|tool| tool.name() == name) else {
                bail!("{name:?} is no peer: give duckdb or spark");
            };
            match tool.python() {
                Ok(python) => peers.push(Self { tool, python }),
                Err(why) => report.note(&format!("skipped: the jobs beside {name}: {why}")),
            }
        }
        Ok(peers)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.tool.name()
    }

    /// Makes the tables of `input` anew in `out`.
    pub(crate) fn run(&self, input: &Input, out: &Path) -> anyhow::Result<Timing> {
        if out.exists() {
            std::fs::remove_dir_all(out)?;
        }
        std::fs::create_dir_all(out).with_context(|| format!("could not create {}", out.display()))?;
        let [_, _, script] = self.tool.parts();
        let output = Command::new(&self.python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script))
            .arg(&input.lake)
            .args([AS_OF, &started_at_micros()?.to_string()])
            .arg(out)
            // The checkout stays as it is.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("{} could not be started", self.name()))?;
        ensure!(output.status.success(), "{} failed with {}", self.name(), output.status);
        let said = String::from_utf8_lossy(&output.stdout);
        let last = said.lines().last().with_context(|| format!("{} said nothing", self.name()))?;
        serde_json::from_str(last).with_context(|| format!("{} told no times: {last}", self.name()))
    }
}
