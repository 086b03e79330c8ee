//! All tests in one run: set up what they need, run them, count them.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::commands::{cargo, shown};
use crate::python_env;
use crate::servers::sql_clients::{self, Heavy};
use crate::skips::{self, SkipLog};
use crate::tally::Tally;
use crate::{infra, lint, servers, sql, workflows, workspace};

#[derive(clap::Args)]
pub(crate) struct TestArguments {
    /// Fail where a check was skipped, unless only a cloud account, Docker, arm64 or --with would lift it
    #[arg(long)]
    pub(crate) strict: bool,
    /// Also by a client of the SQL server that is large; may be given again
    #[arg(long, value_name = "NAME")]
    pub(crate) with: Vec<Heavy>,
    /// Go to `cargo test` as they are; with them the lints are left out
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<String>,
}

/// Tests as cargo's result lines count them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
}

impl Counts {
    /// Adds `test result: ok. 3 passed; 0 failed; …`; another line is none.
    fn add(&mut self, line: &str) {
        let Some(results) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for result in results.1.split("; ") {
            match result.split_once(' ').map(|(number, what)| (number.parse::<u64>(), what)) {
                Some((Ok(number), "passed")) => self.passed += number,
                Some((Ok(number), "failed")) => self.failed += number,
                _ => {}
            }
        }
    }
}

/// Runs everything; `false`: something failed. Lints that fail count as failed, those that pass are not counted.
/// `tasks` are the names of all tasks of `cargo xtask`.
pub(crate) fn run(arguments: &TestArguments, tasks: &[String]) -> anyhow::Result<bool> {
    let log = SkipLog::begin(&workspace::scratch())?;
    let whole = arguments.args.is_empty();
    let mut failed: Vec<String> = Vec::new();
    if whole {
        failed.extend(lint::run()?.into_iter().map(str::to_owned));
        failed.extend(sql::check(&log)?.into_iter().map(str::to_owned));
    }

    let mut tests = cargo(&["test", "--no-fail-fast"]);
    if !names_packages(&arguments.args) {
        tests.arg("--workspace");
    }
    tests.args(&arguments.args).env(skips::VARIABLE, log.path());
    set_up(&mut tests, &log)?;
    sql_clients::asked_for(&mut tests, &arguments.with)?;
    sql_clients::offer(&mut tests, &log, |package| wants(&arguments.args, package))?;
    // Stopped where they go out of scope, however the tests end.
    let _servers = servers::offer(&mut tests, &log, |package| wants(&arguments.args, package))?;
    let (mut counts, succeeded) = count(&mut tests)?;
    if !succeeded && counts.failed == 0 {
        failed.push("cargo test (it ended early, see above)".to_owned());
    }

    if whole {
        let mut tally = Tally::default();
        infra::all(&mut tally, &log)?;
        workflows::check(&mut tally, &log, tasks)?;
        counts.passed += tally.passed;
        failed.extend(tally.failed);
    }

    let skips = log.end()?;
    let refused = skips.iter().filter(|skip| arguments.strict && !skip.is_forgiven()).count();
    println!();
    for skip in &skips {
        println!("{}", skip.line());
    }
    if refused > 0 {
        println!("--strict: {refused} of these checks must run");
    }
    for check in &failed {
        println!("failed: {check}");
    }
    counts.failed += failed.len() as u64;
    println!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, skips.len());
    Ok(counts.failed == 0 && refused == 0)
}

/// Whether the caller chose packages, which `--workspace` would overrule.
fn names_packages(args: &[String]) -> bool {
    let cargos = args.iter().take_while(|arg| *arg != "--");
    cargos.into_iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
}

/// Whether a package's tests may be among those that the caller chose: a server is not started for nobody.
fn wants(args: &[String], package: &str) -> bool {
    !names_packages(args)
        || args.iter().any(|arg| arg.trim_start_matches("--package=").trim_start_matches("-p") == package)
}

/// Gives tests and benchmarks the recorded answers and a Python, unless the caller did.
pub(crate) fn set_up(command: &mut Command, log: &SkipLog) -> anyhow::Result<()> {
    if let (None, Some(folder)) = (std::env::var_os("MILLRACE_TEST_RECORDED"), workspace::recorded()) {
        command.env("MILLRACE_TEST_RECORDED", folder);
    }
    if std::env::var_os(python_env::VARIABLE).is_none() {
        match python_env::cache().and_then(|cache| python_env::python_env(&cache, python_env::PEERS)) {
            Ok(python) => drop(command.env(python_env::VARIABLE, python)),
            Err(error) => log.note("Python environment", &format!("{error:#}"))?,
        }
    }
    Ok(())
}

/// Runs cargo test, passing on what it says, and answers its counts and whether it succeeded.
fn count(tests: &mut Command) -> anyhow::Result<(Counts, bool)> {
    eprintln!("$ {}", shown(tests));
    let mut child = tests.stdout(Stdio::piped()).spawn().context("could not start cargo test")?;
    let mut counts = Counts::default();
    if let Some(output) = child.stdout.take() {
        // Tests may print what is no UTF-8.
        for line in BufReader::new(output).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            println!("{line}");
            counts.add(line.trim_end());
        }
    }
    Ok((counts, child.wait()?.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_the_sum_of_the_result_lines() {
        let mut counts = Counts::default();
        for line in [
            "test result: ok. 30 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 4.43s",
            "test a::passed ... ok",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.23s",
            "5 passed; 5 failed",
        ] {
            counts.add(line);
        }
        assert_eq!(counts, Counts { passed: 33, failed: 2 });
    }

    #[test]
    fn chosen_packages_are_not_overruled() {
        let names =
            |args: &[&str]| names_packages(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>());
        assert!(names(&["-p", "xtask"]) && names(&["--package=xtask"]));
        assert!(!names(&["raw_name", "--", "-p"]));
        let wants = |args: &[&str]| {
            wants(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>(), "millrace-stream")
        };
        assert!(wants(&[]) && wants(&["name"]) && wants(&["-p", "xtask", "-p", "millrace-stream"]));
        assert!(
            wants(&["-pmillrace-stream"])
                && wants(&["--package=millrace-stream"])
                && !wants(&["-p", "xtask"])
        );
    }

    #[test]
    fn output_that_is_no_text_does_not_stop_the_count() {
        let script = r"printf 'x\377\ntest result: ok. 1 passed; 0 failed; 0 ignored\n'; exit 3";
        let (counts, succeeded) = count(Command::new("sh").args(["-c", script])).unwrap();
        assert_eq!((counts, succeeded), (Counts { passed: 1, failed: 0 }, false));
    }
}
