//! One benchmark, built in release.

use crate::commands::{cargo, succeeds};
use crate::skips::SkipLog;
use crate::{test_run, workspace};

#[derive(clap::Args)]
pub(crate) struct BenchArguments {
    /// A file of tests/benches, without its `.rs`
    name: String,
    /// One line of JSON a measure instead of a table
    #[arg(long)]
    json: bool,
    /// Go to the benchmark as they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

pub(crate) fn run(arguments: &BenchArguments) -> anyhow::Result<bool> {
    // Some measures are of whole runs.
    if !succeeds(&mut cargo(&["build", "--release", "--package", "millrace"]))? {
        return Ok(false);
    }
    let mut bench = cargo(&["bench", "--package", "millrace-tests", "--bench", &arguments.name, "--"]);
    if arguments.json {
        bench.arg("--json");
    }
    bench.args(&arguments.args);
    let log = SkipLog::begin(&workspace::scratch())?;
    bench.env(crate::skips::VARIABLE, log.path());
    test_run::set_up(&mut bench, &log)?;
    bench.env("MILLRACE_BIN", workspace::target_dir().join("release").join("millrace"));
    let succeeded = succeeds(&mut bench)?;
    log.end()?;
    Ok(succeeded)
}
