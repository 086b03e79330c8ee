//! What a contributor runs: `cargo xtask test`, `lint`, `ci`, `docs`, `bench NAME`; `up`, `down` and `status` of the local servers; and what
//! deploys: `infra`, `workflows`, `bootstrap`, `terraform`, `smoke`, `release`, `rollback`, `alarm-test`.

mod alarm_test;
mod aws;
mod bench;
mod bootstrap;
mod commands;
mod docs;
mod environment;
mod github;
mod infra;
mod lambda_zip;
mod lint;
mod package;
mod python_env;
mod python_lock;
mod python_set;
mod release;
mod servers;
mod skips;
mod sql;
mod supply;
mod tally;
mod test_run;
mod up;
mod workflows;
mod workspace;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "What a contributor to Millrace runs")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Format check, lints and every test, with all they need set up; ends with `N passed, N failed, N skipped`
    Test(test_run::TestArguments),
    /// Format check, clippy and rustdoc, warnings refused
    Lint,
    /// What a pull request must pass: lint, dependency policy (cargo-deny, where installed), `test --strict` with every client
    Ci,
    /// Builds the functions' zips, and with --jobs the jobs', into target/lambda; a function's is held below 8 MB
    Package(package::PackageArguments),
    /// The SQL for Snowflake: generates what follows from the lake's schemas, checks that every script parses
    Sql(sql::SqlArguments),
    /// Builds and runs one benchmark of tests/benches
    Bench(bench::BenchArguments),
    /// Writes docs/reference/commands.md from the built program, and builds the book where mdBook is installed
    Docs,
    /// Starts Kafka, an AWS, a schema registry and a Snowflake on 127.0.0.1, without Docker, and lets them run
    Up(up::UpArguments),
    /// Stops what `up` started
    Down(up::DownArguments),
    /// Tells which servers run, where, and how a shell gets their settings
    Status,
    /// Checks of infra/, and the platform on emulators
    #[command(subcommand)]
    Infra(infra::InfraTask),
    /// Checks of .github, the Dockerfile and the lists of Python packages
    #[command(subcommand)]
    Workflows(workflows::WorkflowsTask),
    /// The Python packages that tasks install, each by its hashes
    #[command(subcommand)]
    Python(python_lock::PythonTask),
    /// What must be there before the first push, in order
    Bootstrap(bootstrap::BootstrapArguments),
    /// Terraform of one environment, as the workflows call it
    Terraform(environment::TerraformArguments),
    /// Invokes what was deployed, with events that change nothing
    Smoke(release::SmokeArguments),
    /// Moves the alias `live` of every function to what was applied last
    Release(release::ReleaseArguments),
    /// Moves the alias `live` back
    Rollback(release::RollbackArguments),
    /// Sets an alarm to ring, and tells who hears it
    AlarmTest(alarm_test::AlarmTestArguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test(arguments) => test_run::run(&arguments, &tasks()),
        Task::Lint => lint::run().map(|failed| failed.is_empty()),
        Task::Ci => ci(),
        Task::Package(arguments) => package::run(&arguments),
        Task::Sql(arguments) => sql::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Docs => docs::run(),
        Task::Up(arguments) => up::up(&arguments),
        Task::Down(arguments) => up::down(&arguments),
        Task::Status => up::status(),
        Task::Infra(task) => infra::run(&task),
        Task::Workflows(task) => workflows::run(&task, &tasks()),
        Task::Python(task) => python_lock::run(&task),
        Task::Bootstrap(arguments) => bootstrap::run(&arguments),
        Task::Terraform(arguments) => environment::run(&arguments),
        Task::Smoke(arguments) => release::smoke(&arguments),
        Task::Release(arguments) => release::release(&arguments),
        Task::Rollback(arguments) => release::rollback(&arguments),
        Task::AlarmTest(arguments) => alarm_test::run(&arguments),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The names of all tasks.
fn tasks() -> Vec<String> {
    Arguments::command().get_subcommands().map(|task| task.get_name().to_owned()).collect()
}

fn ci() -> anyhow::Result<bool> {
    let dependencies = lint::dependencies()?;
    let arguments = test_run::TestArguments {
        strict: true,
        with: servers::sql_clients::Heavy::value_variants().to_vec(),
        args: Vec::new(),
    };
    let tests = test_run::run(&arguments, &tasks())?;
    Ok(dependencies && tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &clap::Command, path: &str) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let long: Vec<_> = help.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{path} --help is wider than 80 columns: {long:?}");
        for below in command.get_subcommands() {
            check(below, &format!("{path} {}", below.get_name()));
        }
    }

    #[test]
    fn examples_fit_80_columns() {
        check(&Arguments::command(), "cargo xtask");
    }
}
