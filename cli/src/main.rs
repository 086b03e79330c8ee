//! `millrace`: events from a source to tables that people query, on one machine.

// These panic where nobody reads: all output goes through `output`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod backfill;
mod broker_args;
mod clock;
mod compact;
mod count;
mod day;
mod dead_letters;
mod dev;
mod duration;
mod erase;
mod error_report;
mod export;
mod interrupt;
mod job;
mod lake;
mod land;
mod output;
mod peek;
mod progress;
mod query;
mod record_encoding;
mod run;
mod schema;
mod shell_quoting;
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
use millrace_runtime::{Shutdown, heap, telemetry};

use self::output::{Remarks, WhenUnread};

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
    #[command(after_help = erase::EXAMPLES, alias = erase::FORMER_NAME)]
    Erase(erase::EraseArgs),
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

impl Command {
    /// The one decision about readers that leave, as `| head` does.
    fn when_unread(&self) -> WhenUnread {
        match self {
            Self::Query(_) | Self::Tables(_) | Self::Topics(_) | Self::Peek(_) | Self::Export(_) => {
                WhenUnread::End
            }
            Self::Simulate(args) if args.shows_records() => WhenUnread::End,
            // Work, or an exit code that says something.
            Self::Run(_)
            | Self::Simulate(_)
            | Self::Land(_)
            | Self::Dev(_)
            | Self::Schema(_)
            | Self::Compact(_)
            | Self::Erase(_)
            | Self::Job(_)
            | Self::Backfill(_)
            | Self::Snowflake(_)
            | Self::Validate(_) => WhenUnread::GoOn,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  millrace run                                        5,000 users into ./lake
  millrace query \"SELECT country, COUNT(*) AS users FROM users_transformed_latest GROUP BY country ORDER BY users DESC\"
  millrace tables

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 ended by Ctrl-C";

/// The exit code of wrong usage, clap's own too.
const USAGE: u8 = 2;

/// The exit code after Ctrl-C, as [`millrace_runtime`] has it where a second one ends the process.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Command::Run(_) => heap::set(heap::Use::Columns),
        Command::Land(_) => heap::set(heap::Use::Fetches),
        _ => {}
    }
    output::when_unread(cli.command.when_unread());
    match output::finish(execute(cli)) {
        Ok(code) => code,
        Err(error) if error.is::<run::UsageError>() => {
            error_report::print(&error);
            ExitCode::from(USAGE)
        }
        Err(error) => {
            error_report::print(&error);
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    telemetry::for_people_on(cli.verbose, || Remarks)?;
    let shutdown = interrupt::listen()?;
    let stop = &shutdown;
    match cli.command {
        Command::Run(args) => within_runtime(stop, run::run(*args, stop)),
        Command::Simulate(args) => within_runtime(stop, simulate::simulate(args, stop)),
        Command::Land(args) => within_runtime(stop, land::land(args, stop)),
        Command::Dev(args) => within_runtime(stop, dev::dev(args, stop)),
        Command::Topics(args) => topics::topics(&args),
        Command::Peek(args) => within_runtime(stop, peek::peek(args)),
        Command::Schema(args) => within_runtime(stop, schema::schema(&args)),
        Command::Query(args) => query::query(&args),
        Command::Tables(args) => tables::tables(&args),
        Command::Job(args) => within_runtime(stop, job::job(args, stop)),
        Command::Backfill(args) => within_runtime(stop, backfill::backfill(args, stop)),
        Command::Export(args) => export::export(&args),
        Command::Snowflake(args) => within_runtime(stop, snowflake::snowflake(&args, stop)),
        Command::Validate(args) => within_runtime(stop, validate::validate(&args)),
        Command::Compact(args) => within_runtime(stop, compact::compact(&args, stop)),
        Command::Erase(args) => within_runtime(stop, erase::erase(&args, stop)),
    }
}

/// Runs `work` in a runtime, and what goes on behind it to its end.
fn within_runtime(
    shutdown: &Shutdown,
    work: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let ended = work.await;
        lake::settle().await;
        ended
    });
    if shutdown.is_requested() {
        // What computes in a thread is not to be stopped, and nobody takes its result any more.
        runtime.shutdown_background();
    }
    ended
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
