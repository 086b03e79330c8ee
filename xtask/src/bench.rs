//! One benchmark, built in release.

use std::process::Command;

use crate::commands::{cargo, succeeds};
use crate::servers::{self, spark_kafka};
use crate::skips::SkipLog;
use crate::{package, python_env, test_run, workspace};

const JOBS: &str = "jobs";
const LAND: &str = "land";
const FUNCTIONS: &str = "functions";

/// The benchmarks that measure whole runs of the program: the others need no Polars to be built.
const OF_THE_PROGRAM: [&str; 3] = ["ingest", JOBS, "sql"];

#[derive(clap::Args)]
pub(crate) struct BenchArguments {
    /// A folder of tests/benches
    name: String,
    /// One line of JSON a measure instead of a table
    #[arg(long)]
    json: bool,
    /// Go to the benchmark as they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

pub(crate) fn run(arguments: &BenchArguments) -> anyhow::Result<bool> {
    let of_program = OF_THE_PROGRAM.contains(&arguments.name.as_str());
    if of_program && !succeeds(&mut cargo(&["build", "--release", "--package", "millrace"]))? {
        return Ok(false);
    }
    let package = format!("millrace-bench-{}", arguments.name);
    // Of the whole workspace: a package by itself asks for other features, and much would be built a second time for them.
    let mut bench = cargo(&["bench", "--workspace", "--bench", &arguments.name, "--"]);
    if arguments.json {
        bench.arg("--json");
    }
    bench.args(&arguments.args);
    if arguments.name == FUNCTIONS {
        let Some(packaged) = package::with_the_floor()? else { return Ok(false) };
        bench
            .env("MILLRACE_FUNCTION_ZIPS", packaged.zips)
            .env("MILLRACE_FUNCTION_BINARIES", packaged.binaries);
    }
    let log = SkipLog::begin(&workspace::scratch())?;
    bench.env(crate::skips::VARIABLE, log.path());
    test_run::set_up(&mut bench, &log)?;
    // Spark is among their peers.
    if [JOBS, LAND].contains(&arguments.name.as_str()) {
        set_up_spark(&mut bench, &log)?;
    }
    if arguments.name == LAND {
        match spark_kafka::jars() {
            Ok(jars) => drop(bench.env(spark_kafka::VARIABLE, jars)),
            Err(error) => log.note("Spark's connector to Kafka", &format!("{error:#}"))?,
        }
    }
    // Stopped where they go out of scope, however the bench ends.
    let _servers = servers::offer(&mut bench, &log, |wanted| wanted == package)?;
    if of_program {
        bench.env("MILLRACE_BIN", workspace::target_dir().join("release").join("millrace"));
    }
    let succeeded = succeeds(&mut bench)?;
    log.end()?;
    Ok(succeeded)
}

/// Gives the benchmark a Python with Spark, unless the caller did or there is no Java to run it.
fn set_up_spark(bench: &mut Command, log: &SkipLog) -> anyhow::Result<()> {
    if std::env::var_os(python_env::SPARK_VARIABLE).is_some() {
        return Ok(());
    }
    if Command::new("java").arg("-version").output().is_err() {
        return log.note("Spark", "there is no java on the path; Spark 3.5 runs on Java 8, 11 and 17");
    }
    match python_env::cache().and_then(|cache| python_env::python_env(&cache, python_env::SPARK)) {
        Ok(python) => drop(bench.env(python_env::SPARK_VARIABLE, python)),
        Err(error) => log.note("Spark's Python environment", &format!("{error:#}"))?,
    }
    Ok(())
}
