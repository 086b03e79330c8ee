//! `millrace`: events from a source to tables that people query, on one machine.

mod backfill;
mod broker_args;
mod clock;
mod compact;
mod count;
mod day;
mod dev;
mod duration;
mod export;
mod failure;
mod forget;
mod job;
mod lake;
mod land;
mod outgoing;
mod peek;
mod progress;
mod query;
mod run;
mod schema;
mod shell;
mod simulate;
mod size;
mod snowflake;
mod suggestion;
mod tables;
mod topic_choice;
mod topics;
mod validate;

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
    /// Send simulated users and what they do to Kafka, or show them
    #[command(after_help = simulate::EXAMPLES)]
    Simulate(simulate::SimulateArgs),
    /// Land topics into raw Parquet until Ctrl-C, in a consumer group
    #[command(after_help = land::EXAMPLES)]
    Land(land::LandArgs),
    /// Deliver topics to a Lambda function on this machine, as AWS does
    #[command(after_help = dev::EXAMPLES)]
    Dev(dev::DevArgs),
    /// List a broker's topics: partitions, offsets, who reads them how far
    #[command(after_help = topics::EXAMPLES)]
    Topics(topics::TopicsArgs),
    /// Show a topic's records, a line each
    #[command(after_help = peek::EXAMPLES)]
    Peek(peek::PeekArgs),
    /// List the events' schemas, check and register them
    #[command(after_help = schema::EXAMPLES)]
    Schema(schema::SchemaArgs),
    /// Make large raw objects of small ones
    #[command(after_help = compact::EXAMPLES)]
    Compact(compact::CompactArgs),
    /// Erase persons from raw rows, dead letters, state and every table
    #[command(after_help = forget::EXAMPLES)]
    Forget(forget::ForgetArgs),
    /// Run one job for one day
    #[command(after_help = job::EXAMPLES)]
    Job(job::JobArgs),
    /// Make the tables of past days anew, in their order
    #[command(after_help = backfill::EXAMPLES)]
    Backfill(backfill::BackfillArgs),
    /// Write a table as JSON, CSV or Parquet
    #[command(after_help = export::EXAMPLES)]
    Export(export::ExportArgs),
    /// Deploy the lake's tables to Snowflake, ask and check them
    #[command(after_help = snowflake::EXAMPLES)]
    Snowflake(snowflake::SnowflakeArgs),
    /// Tell whether all is there for a first deployment
    #[command(after_help = validate::EXAMPLES)]
    Validate(validate::ValidateArgs),
}

const EXAMPLES: &str = "\
Examples:
  millrace run                                        5,000 users into ./lake
  millrace query \"SELECT country, COUNT(*) AS users FROM users_transformed GROUP BY country ORDER BY users DESC\"
  millrace tables

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 ended by Ctrl-C";

/// The exit code of wrong usage, clap's own too.
const USAGE: u8 = 2;

/// The exit code after Ctrl-C, as [`millrace_runtime`] has it where a second one ends the process.
const INTERRUPTED: u8 = 130;

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
        Command::Run(args) => until_stopped(async |shutdown| run::run(*args, shutdown).await),
        Command::Simulate(args) => until_stopped(async |shutdown| simulate::simulate(args, shutdown).await),
        Command::Land(args) => until_stopped(async |shutdown| land::land(args, shutdown).await),
        Command::Dev(args) => until_stopped(async |shutdown| dev::dev(args, shutdown).await),
        Command::Topics(args) => topics::topics(&args),
        Command::Peek(args) => until_stopped(async |shutdown| peek::peek(args, shutdown).await),
        Command::Schema(args) => until_stopped(async |_| schema::schema(&args).await),
        Command::Query(args) => query::query(&args),
        Command::Tables(args) => tables::tables(&args),
        Command::Job(args) => until_stopped(async |shutdown| job::job(args, shutdown).await),
        Command::Backfill(args) => until_stopped(async |shutdown| backfill::backfill(args, shutdown).await),
        Command::Export(args) => export::export(&args),
        Command::Snowflake(args) => {
            until_stopped(async |shutdown| snowflake::snowflake(&args, shutdown).await)
        }
        Command::Validate(args) => until_stopped(async |_| validate::validate(&args).await),
        Command::Compact(args) => until_stopped(async |shutdown| compact::compact(&args, shutdown).await),
        Command::Forget(args) => until_stopped(async |shutdown| forget::forget(&args, shutdown).await),
    }
}

/// Runs `work`, which is told of Ctrl-C.
fn until_stopped(work: impl AsyncFnOnce(&Shutdown) -> anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::on_signals()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let ended = work(&shutdown).await;
        lake::settle().await;
        ended
    })
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
