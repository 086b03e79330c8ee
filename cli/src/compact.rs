//! `millrace compact`.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{HumanBytes, HumanCount};
use millrace_events::event::Event;
use millrace_events::event_catalogue;
use millrace_lake::Store;
use millrace_lake::compaction::{
    self, CompactionOrder, CompactionPolicy, CompactionProgress, CompactionReport,
};
use millrace_runtime::Shutdown;
use serde_json::json;

use crate::count::count;
use crate::lake::{LakeAddress, Missing};
use crate::output;
use crate::progress::Bars;
use crate::size::parse_size;
use millrace_sql::suggestion::did_you_mean;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace compact
  millrace compact --dry-run
  millrace compact --target-size 512MiB --lake /data/lake

Safe beside runs, jobs and queries. Stop it whenever you like: the next one goes
on.";

/// Arguments of `millrace compact`.
#[derive(Debug, Args)]
pub(crate) struct CompactArgs {
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    /// One raw table, such as raw_users, or users as its folder is called [default: all of them]
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// How large the large objects become; those of three quarters of it stay
    #[arg(long, value_name = "SIZE", default_value = "128MiB", value_parser = parse_size)]
    target_size: u64,
    /// Fewer small objects of an hour and partition than this stay as they are, unless they overlap
    #[arg(long, value_name = "N", default_value = "2", value_parser = count::<u32, 2>)]
    min_objects: u32,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object a table, each on its line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn compact(args: &CompactArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let events = events_of(args.table.as_deref())?;
    let bars = Bars::new(args.json);
    let store = match args.dry_run {
        true => args.lake.look(Missing::Refuse).await?,
        false => args.lake.enter(Missing::Refuse).await?,
    };
    if !args.dry_run {
        store.sweep().await.context("the lake could not be swept of what killed runs left behind")?;
    }
    shutdown.waits_for("the object that is being written is dropped, what was compacted stays");
    for event in events {
        // A table without an object is told of only where it was asked for.
        let Some(report) = compact_table(args, event, &store, &bars, shutdown).await? else {
            output::notice("stopped: what was compacted stays, the next compaction goes on");
            if args.json {
                let told = json!({ "table": event.table(), "dry_run": args.dry_run, "interrupted": true });
                writeln!(output::out(), "{told}")?;
            }
            return Ok(ExitCode::from(crate::exit_code::INTERRUPTED));
        };
        if report.before.objects > 0 || args.table.is_some() {
            tell(args, event.table(), &report)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn events_of(table: Option<&str>) -> anyhow::Result<Vec<&'static Event>> {
    let Some(table) = table else { return Ok(event_catalogue::events().iter().collect()) };
    let folder = table.strip_prefix("raw_").unwrap_or(table);
    let Some(event) = event_catalogue::by_table(folder) else {
        let known: Vec<_> = event_catalogue::events().iter().map(|event| event.table()).collect();
        let meant = did_you_mean(folder, known.iter().copied());
        bail!("no raw table {table:?} is known: give one of {}{meant}", known.join(", "));
    };
    Ok(vec![event])
}

/// `None`: interrupted.
async fn compact_table(
    args: &CompactArgs,
    event: &Event,
    store: &Arc<dyn Store>,
    bars: &Bars,
    shutdown: &Shutdown,
) -> anyhow::Result<Option<CompactionReport>> {
    let policy =
        CompactionPolicy { target_bytes: args.target_size, min_objects: usize::try_from(args.min_objects)? };
    let order = CompactionOrder { policy, ..CompactionOrder::default() };
    Ok(if args.dry_run {
        Some(compaction::plan(store.as_ref(), event.table(), &order).await?)
    } else {
        let bar = bars.objects();
        let progress = |CompactionProgress { objects, of }| {
            bar.set_length(of);
            bar.set_position(objects);
        };
        let work = compaction::compact(store.clone(), event.table(), event.schema(), &order, &progress);
        let report = tokio::select! {
            report = work => Some(report),
            () = shutdown.requested() => None,
        };
        bar.finish_and_clear();
        report.transpose()?
    })
}

fn tell(args: &CompactArgs, table: &str, report: &CompactionReport) -> anyhow::Result<()> {
    let mut out = output::out();
    if args.json {
        let mut told = serde_json::to_value(report)?;
        told["table"] = table.into();
        told["dry_run"] = args.dry_run.into();
        serde_json::to_writer(&mut out, &told).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        tell_people(args.dry_run, table, report, &mut out)?;
    }
    Ok(())
}

fn tell_people(
    dry_run: bool,
    table: &str,
    report: &CompactionReport,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let CompactionReport { before, after, written, rows, removed, leftovers, left_alone, .. } = report;
    let (removed, written) = (HumanCount(*removed), HumanCount(*written));
    if dry_run {
        writeln!(
            out,
            "raw/{}: {removed} of {} objects would become {written}",
            table,
            HumanCount(before.objects)
        )?;
        return Ok(());
    }
    writeln!(
        out,
        "raw/{}: {} objects ({}) before, {} ({}) after",
        table,
        HumanCount(before.objects),
        HumanBytes(before.bytes),
        HumanCount(after.objects),
        HumanBytes(after.bytes)
    )?;
    writeln!(out, "{written} written with {} rows, {removed} removed", HumanCount(*rows))?;
    if *leftovers > 0 {
        writeln!(out, "{} more removed that a killed compaction had left", HumanCount(*leftovers))?;
    }
    for left in left_alone {
        writeln!(out, "{} is left as it is: {}", left.object, left.reason)?;
    }
    Ok(())
}
