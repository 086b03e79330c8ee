//! `millrace adopt`.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use millrace_iceberg::Catalogue;
use millrace_jobs::iceberg_adoption::{self, Adopted};
use millrace_jobs::iceberg_tables::Lake;
use millrace_runtime::Shutdown;
use serde_json::json;

use crate::job::unless_stopped;
use crate::lake::{LakeAddress, Missing};
use crate::output;
use crate::progress::Bars;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace adopt
  millrace adopt --lake /data/lake --json

From then on every job commits what it publishes; `millrace tables --history`
lists what was committed. The files stay where they are: in a folder each gets a
second name below iceberg/, on S3 a copy. The same command again makes days
whole that are not what is published. Safe beside jobs.";

/// Arguments of `millrace adopt`.
#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn adopt(args: &AdoptArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let lake = Lake::from(args.lake.enter(Missing::Refuse).await?);
    let bars = Bars::new(args.json);
    let bar = bars.tables("adopted", millrace_tables::tables().len() as u64);
    let told = |adopted: &Adopted| {
        bar.set_message(adopted.table.clone());
        bar.inc(1);
    };
    let work = async { Ok(iceberg_adoption::adopt(&lake, Catalogue::Files, &told).await?) };
    let Some(adopted) = unless_stopped(work, shutdown, &bars).await? else {
        if args.json {
            writeln!(output::out(), "{}", json!({ "interrupted": true }))?;
        }
        return Ok(ExitCode::from(crate::exit_code::INTERRUPTED));
    };
    bars.clear();
    let mut out = output::out();
    if args.json {
        writeln!(out, "{}", json!({ "lake": args.lake, "tables": adopted }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for Adopted { table, days, unchanged } in &adopted {
        let there = if *unchanged > 0 { format!(", {unchanged} were there") } else { String::new() };
        let noun = if *days == 1 { "day" } else { "days" };
        writeln!(out, "{table:<30} {days:>5} {noun}{there}")?;
    }
    Ok(ExitCode::SUCCESS)
}
