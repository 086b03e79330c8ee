//! `millrace`: users from a source to tables that people query, on one machine.

mod compact;
mod failure;
mod forget;
mod query;
mod run;
mod tables;

use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};
use millrace_runtime::{Shutdown, telemetry};

/// Carries users from a source through Kafka into a lake, makes tables of them, and answers SQL over these.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXAMPLES)]
struct Cli {
    /// Tell more on standard error: -v, -vv, -vvv. The environment's MILLRACE_LOG overrides it
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole path: source, Kafka, raw Parquet, tables
    Run(Box<run::RunArgs>),
    /// Answer SQL over the lake's tables; without SQL, a prompt
    #[command(after_help = query::EXAMPLES)]
    Query(query::QueryArgs),
    /// List the lake's tables: rows, files, bytes, newest day, schema
    #[command(after_help = tables::EXAMPLES)]
    Tables(tables::TablesArgs),
    /// Make large raw objects of small ones
    #[command(after_help = compact::EXAMPLES)]
    Compact(compact::CompactArgs),
    /// Erase persons from raw rows, dead letters, state and every table
    #[command(after_help = forget::EXAMPLES)]
    Forget(forget::ForgetArgs),
}

const EXAMPLES: &str = "\
Examples:
  millrace run                                        5,000 users into ./lake
  millrace query \"SELECT country, COUNT(*) AS users FROM users_transformed GROUP BY country ORDER BY users DESC\"
  millrace tables

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 ended by Ctrl-C";

/// The exit code of wrong usage, clap's own too.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli) {
        Ok(code) => code,
        Err(error) if failure::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) if error.is::<run::UsageError>() => {
            failure::print(&error);
            ExitCode::from(USAGE)
        }
        Err(error) => {
            failure::print(&error);
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    telemetry::for_people(cli.verbose)?;
    match cli.command {
        Command::Run(args) => {
            let shutdown = Shutdown::on_signals()?;
            runtime()?.block_on(run::run(*args, &shutdown))
        }
        Command::Query(args) => query::query(&args),
        Command::Tables(args) => tables::tables(&args),
        Command::Compact(args) => runtime()?.block_on(compact::compact(&args)),
        Command::Forget(args) => runtime()?.block_on(forget::forget(&args)),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_command_shows_examples() {
        Cli::command().debug_assert();
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("millrace {}", command.get_name())), "{}", command.get_name());
        }
    }
}
