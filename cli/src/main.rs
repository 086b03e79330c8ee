//! `millrace`: events from a source to tables that people query, on one machine.

// These panic where nobody reads: all output goes through `output`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod backfill;
mod broker_args;
mod broker_list;
mod clock;
mod compact;
mod completions;
mod count;
mod day;
mod dead_letters;
mod dev;
mod drawn_bars;
mod duration;
mod erase;
mod error_report;
mod exit_code;
mod export;
mod file_mode;
mod iceberg;
mod interrupt;
mod job;
mod lake;
mod land;
mod man;
mod output;
mod panics;
mod peek;
mod progress;
mod query;
mod query_limits;
mod record_encoding;
mod run;
mod schema;
mod serve;
mod settings;
mod shell_quoting;
mod simulate;
mod size;
mod snowflake;
mod tables;
mod topic_choice;
mod topics;
mod validate;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};
use millrace_runtime::{Shutdown, heap, telemetry};

use self::output::{Remarks, WhenUnread};
use self::panics::Survivors;

/// Carries users from a source through Kafka into a lake, makes tables of them, and answers SQL over these.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXAMPLES)]
struct Cli {
    /// Tell more on standard error: -v, -vv, -vvv. MILLRACE_LOG of the environment, or log of millrace.toml,
    /// overrides it
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = GLOBAL)]
    verbose: u8,
    /// No progress bars and no remarks on standard error: warnings and errors alone
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = GLOBAL)]
    quiet: bool,
    /// Take settings from this file instead of ./millrace.toml
    #[arg(long, value_name = "FILE", global = true, env = settings::CONFIG, help_heading = GLOBAL)]
    // Read before clap is asked, as clap's defaults are in the file.
    config: Option<OsString>,
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
    /// Answer PostgreSQL's clients: psql, drivers, BI tools
    #[command(after_help = serve::EXAMPLES)]
    Serve(serve::ServeArgs),
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
    /// Give the lake Iceberg tables, with every day that is published
    #[command(after_help = iceberg::adopt::EXAMPLES)]
    Adopt(iceberg::adopt::AdoptArgs),
    /// End old history of the Iceberg tables, and remove its files
    #[command(after_help = iceberg::vacuum::EXAMPLES)]
    Vacuum(iceberg::vacuum::VacuumArgs),
    /// Have readers of an Iceberg table read an earlier snapshot
    #[command(after_help = iceberg::rollback::EXAMPLES)]
    Rollback(iceberg::rollback::RollbackArgs),
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
    /// Show each setting, its value and where it comes from
    #[command(after_help = settings::EXAMPLES)]
    Settings(settings::SettingsArgs),
    /// Write a shell's completions of this command line
    #[command(after_help = completions::EXAMPLES)]
    Completions(completions::CompletionsArgs),
    /// Write the manual pages
    #[command(after_help = man::EXAMPLES)]
    Man(man::ManArgs),
}

impl Command {
    /// The one decision about readers that leave, as `| head` does.
    fn when_unread(&self) -> WhenUnread {
        match self {
            Self::Query(_)
            | Self::Tables(_)
            | Self::Topics(_)
            | Self::Peek(_)
            | Self::Export(_)
            | Self::Settings(_)
            | Self::Completions(_) => WhenUnread::End,
            Self::Simulate(args) if args.shows_records() => WhenUnread::End,
            Self::Man(args) if args.shows_page() => WhenUnread::End,
            // Work, or an exit code that says something.
            Self::Run(_)
            | Self::Simulate(_)
            | Self::Land(_)
            | Self::Dev(_)
            | Self::Schema(_)
            | Self::Serve(_)
            | Self::Compact(_)
            | Self::Adopt(_)
            | Self::Vacuum(_)
            | Self::Rollback(_)
            | Self::Erase(_)
            | Self::Job(_)
            | Self::Backfill(_)
            | Self::Snowflake(_)
            | Self::Validate(_)
            | Self::Man(_) => WhenUnread::GoOn,
        }
    }

    /// Whether it is about the program alone, whatever is set.
    fn needs_no_settings(&self) -> bool {
        matches!(self, Self::Completions(_) | Self::Man(_))
    }
}

/// What every command takes stands apart from its own options.
const GLOBAL: &str = "Options of every command";

const EXAMPLES: &str = "\
Examples:
  5,000 users into ./lake:
  millrace run
  millrace query \"SELECT COUNT(*) AS users FROM users_transformed_latest\"
  millrace tables

Options that you always give may stand in a millrace.toml, or in the
environment: see `millrace settings --help`.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 ended by Ctrl-C";

/// The command line as it is on every machine.
fn command_line() -> clap::Command {
    Cli::command()
}

/// What is asked for, with the settings of files for defaults.
fn asked() -> anyhow::Result<Cli> {
    let files = settings::Files::of_process();
    let layers = settings::Layers::of_process(&files);
    let command = match &layers {
        Ok(layers) => layers.defaults_of(command_line()),
        Err(_) => command_line(),
    };
    let parsed = command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match (parsed, &layers) {
        // A file that cannot be read keeps nobody from the help, but may be why an option is missing.
        (Err(error), Err(_)) if error.use_stderr() => None,
        (Err(error), _) => error.exit(),
        (Ok(cli), _) => Some(cli),
    };
    let layers = match layers {
        Err(_) if cli.as_ref().is_some_and(|cli| cli.command.needs_no_settings()) => Default::default(),
        layers => layers.map_err(|error| run::UsageError(error.to_string()))?,
    };
    settings::install(files, layers);
    let cli = cli.context("the command line could not be read")?;
    if cli.quiet && cli.verbose > 0 {
        // Options that every command takes may stand before and behind its name, where clap compares them no more.
        let text = "the argument '--quiet' cannot be used with '--verbose...'";
        command_line().error(ErrorKind::ArgumentConflict, text).exit();
    }
    Ok(cli)
}

fn main() -> ExitCode {
    let cli = match asked() {
        Ok(cli) => cli,
        Err(error) => {
            error_report::print(&error);
            return ExitCode::from(exit_code::USAGE);
        }
    };
    match cli.command {
        Command::Run(_) => heap::set(heap::Use::Columns),
        Command::Land(_) => heap::set(heap::Use::Fetches),
        _ => {}
    }
    panics::settle(match cli.command {
        Command::Serve(_) => Survivors::Connections,
        _ => Survivors::Prompt,
    });
    if cli.quiet {
        output::be_quiet();
    }
    output::when_unread(cli.command.when_unread());
    match output::finish(execute(cli)) {
        Ok(code) => code,
        Err(error) if error.is::<run::UsageError>() => {
            error_report::print(&error);
            ExitCode::from(exit_code::USAGE)
        }
        Err(error) => {
            error_report::print(&error);
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    let filter = settings::variable(telemetry::FILTER);
    // A server's log is what it has to say.
    let verbosity =
        if matches!(cli.command, Command::Serve(_)) && !cli.quiet { cli.verbose.max(1) } else { cli.verbose };
    telemetry::for_people_filtered(verbosity, filter.as_deref(), || Remarks)?;
    settings::tell_of_files();
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
        Command::Query(args) => query::query(&args, stop),
        Command::Serve(args) => within_runtime(stop, serve::serve(args, stop)),
        Command::Tables(args) => tables::tables(&args),
        Command::Job(args) => within_runtime(stop, job::job(args, stop)),
        Command::Backfill(args) => within_runtime(stop, backfill::backfill(args, stop)),
        Command::Export(args) => export::export(&args),
        Command::Snowflake(args) => within_runtime(stop, snowflake::snowflake(&args, stop)),
        Command::Validate(args) => within_runtime(stop, validate::validate(&args)),
        Command::Compact(args) => within_runtime(stop, compact::compact(&args, stop)),
        Command::Adopt(args) => within_runtime(stop, iceberg::adopt::adopt(&args, stop)),
        Command::Vacuum(args) => within_runtime(stop, iceberg::vacuum::vacuum(&args, stop)),
        Command::Rollback(args) => within_runtime(stop, iceberg::rollback::rollback(&args)),
        Command::Erase(args) => within_runtime(stop, erase::erase(&args, stop)),
        Command::Settings(args) => settings::settings(&args),
        Command::Completions(args) => completions::completions(&args, command_line()),
        Command::Man(args) => man::man(&args, command_line()),
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
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_command_shows_examples() {
        Cli::command().debug_assert();
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("millrace {}", command.get_name())), "{}", command.get_name());
        }
    }

    /// `command` and every command below it, each with its path.
    fn every_command(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
        let below = command
            .get_subcommands()
            .flat_map(|below| every_command(below, &format!("{path} {}", below.get_name())));
        std::iter::once((path.to_owned(), command.clone())).chain(below).collect()
    }

    /// Commands that answer nothing that a program would take as JSON, and why.
    const WITHOUT_JSON: [(&str, &str); 2] = [
        ("millrace completions", "what it writes is a shell's own language"),
        ("millrace man", "what it writes is a page for man"),
    ];

    #[test]
    fn every_command_answers_in_json() {
        let all = every_command(&command_line(), "millrace");
        for (name, _) in WITHOUT_JSON {
            assert!(all.iter().any(|(path, _)| path == name), "there is no {name} any more");
        }
        for (path, command) in all.iter().filter(|(_, command)| command.get_subcommands().next().is_none()) {
            let has = command.get_arguments().any(|argument| argument.get_long() == Some("json"));
            let listed = WITHOUT_JSON.iter().any(|(name, _)| name == path);
            assert!(has != listed, "{path}: give it --json, or say in WITHOUT_JSON why it has none");
        }
    }

    #[test]
    fn what_the_environment_sets_a_file_sets_too() {
        for (path, command) in every_command(&command_line(), "millrace") {
            for variable in command.get_arguments().filter_map(|argument| argument.get_env()?.to_str()) {
                let known = variable == settings::CONFIG || settings::is_known(variable);
                assert!(known, "{path}: add {variable} to settings/known.rs");
            }
        }
    }

    #[test]
    fn what_stands_below_the_options_fits_eighty_columns() {
        for (path, command) in every_command(&Cli::command(), "millrace") {
            let helps = [command.get_after_help(), command.get_after_long_help()];
            for line in helps
                .into_iter()
                .flatten()
                .flat_map(|help| help.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
            {
                assert!(line.chars().count() <= 80, "{path} --help: {line}");
            }
        }
    }
}
