//! `millrace backfill`: the tables of past days, made anew in their order.

use std::io::Write;
use std::process::ExitCode;

use chrono::NaiveDate;
use clap::Args;
use millrace_jobs::job_settings::RunContext;
use millrace_runtime::Shutdown;
use serde_json::json;

use crate::day::parse_day;
use crate::job::{self, JobName, RunAt, Runner};
use crate::output;
use crate::progress::Bars;
use crate::run::UsageError;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace backfill --from 2026-01-01 --to 2026-01-31
  millrace backfill --from 2026-01-31 --to 2026-01-31 --json

Each day's three jobs run in order, day after day: a day's dimension and trends
build on those of the days before. The tables equal those that were there, but
for the instant of the run (--started-at fixes that too). After Ctrl-C the days
that are done stay, and it says which are not.";

/// Arguments of `millrace backfill`.
#[derive(Debug, Args)]
pub(crate) struct BackfillArgs {
    /// The first day, YYYY-MM-DD, today or yesterday
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    from: NaiveDate,
    /// The last day, likewise
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    to: NaiveDate,
    #[command(flatten)]
    at: RunAt,
}

pub(crate) async fn backfill(args: BackfillArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    if args.to < args.from {
        return Err(UsageError(format!("--to {} lies before --from {}", args.to, args.from)).into());
    }
    let bars = Bars::new(args.at.json);
    let runner = Runner::new(args.at.enter().await?, args.at.settings(), &bars);
    for as_of in args.from.iter_days().take_while(|day| *day <= args.to) {
        // A run of its own for each day: a scheduled run that comes by while the backfill is on wins its day.
        let run = RunContext { as_of, started_at: args.at.started_at() };
        for name in JobName::ALL {
            let Some(done) = job::unless_stopped(runner.run(name, &run), shutdown, &bars).await? else {
                let undone = format!("--from {as_of} --to {}", args.to);
                if args.at.json {
                    let told = json!({ "interrupted": true, "undone": { "from": as_of, "to": args.to } });
                    writeln!(output::out(), "{told}")?;
                }
                output::notice(format_args!("undone: {undone}"));
                return Ok(ExitCode::from(crate::exit_code::INTERRUPTED));
            };
            job::tell(&done, &run, args.at.json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
