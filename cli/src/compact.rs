//! `millrace compact`.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use millrace_events::catalogue;
use millrace_events::event::Event;
use millrace_lake::Store;
use millrace_lake::compaction::{self, CompactionPolicy, CompactionReport, Progress};
use millrace_runtime::Shutdown;

use crate::lake::{LakeAddress, Missing};
use crate::size::parse_size;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace compact                                    small raw objects become large ones
  millrace compact --dry-run                          what would be done
  millrace compact --target-size 512MiB --lake /data/lake

Safe beside runs, jobs and queries, and to be stopped at any moment: the next one goes on.";

/// Arguments of `millrace compact`.
#[derive(Debug, Args)]
pub(crate) struct CompactArgs {
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    /// One raw table, as its folder is called [default: all of them]
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// How large the large objects become; those of three quarters of it stay
    #[arg(long, value_name = "SIZE", default_value = "128MiB", value_parser = parse_size)]
    target_size: u64,
    /// Fewer small objects of an hour and partition than this stay as they are, unless they overlap
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u32).range(2..))]
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
    let store = match args.dry_run {
        true => args.lake.look(Missing::Refuse).await?,
        false => args.lake.enter(Missing::Refuse).await?,
    };
    if !args.dry_run {
        store.sweep().await.context("the lake could not be swept of what killed runs left behind")?;
    }
    for event in events {
        // A table without an object is told of only where it was asked for.
        let Some(report) = compact_table(args, event, &store, shutdown).await? else {
            eprintln!("stopped: what was compacted stays, the next compaction goes on");
            return Ok(ExitCode::from(crate::INTERRUPTED));
        };
        if report.before.objects > 0 || args.table.is_some() {
            tell(args, event.table(), &report)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn events_of(table: Option<&str>) -> anyhow::Result<Vec<&'static Event>> {
    let Some(table) = table else { return Ok(catalogue::events().iter().collect()) };
    let Some(event) = catalogue::by_table(table) else {
        let known: Vec<_> = catalogue::events().iter().map(|event| event.table()).collect();
        bail!("no raw table {table:?} is known: give one of {}", known.join(", "));
    };
    Ok(vec![event])
}

/// `None`: interrupted.
async fn compact_table(
    args: &CompactArgs,
    event: &Event,
    store: &Arc<dyn Store>,
    shutdown: &Shutdown,
) -> anyhow::Result<Option<CompactionReport>> {
    let policy =
        CompactionPolicy { target_bytes: args.target_size, min_objects: usize::try_from(args.min_objects)? };
    Ok(if args.dry_run {
        Some(compaction::plan(store.as_ref(), event.table(), &policy).await?)
    } else {
        let bar = bar(args.json);
        let progress = |Progress { objects, of }| {
            bar.set_length(of);
            bar.set_position(objects);
        };
        let work = compaction::compact(store.clone(), event.table(), event.schema(), &policy, &progress);
        let report = tokio::select! {
            report = work => Some(report),
            () = shutdown.requested() => None,
        };
        bar.finish_and_clear();
        report.transpose()?
    })
}

fn tell(args: &CompactArgs, table: &str, report: &CompactionReport) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
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

fn bar(for_machines: bool) -> ProgressBar {
    let bar = ProgressBar::no_length();
    if for_machines {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let template = "{prefix:>20} [{bar:30}] {human_pos} / {human_len} objects  {elapsed}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_prefix("compacted").with_style(style.progress_chars("━━╌"))
}

fn tell_people(
    dry_run: bool,
    table: &str,
    report: &CompactionReport,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let CompactionReport { before, after, written, rows, removed, leftovers, left_alone } = report;
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
