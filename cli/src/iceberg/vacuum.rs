//! `millrace vacuum`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::Args;
use millrace_iceberg::{Removal, Retention, Table};
use millrace_runtime::Shutdown;
use serde_json::json;

use super::{named, names, tables_of, text, unless_missing};
use crate::count::count;
use crate::duration::parse_duration;
use crate::job::unless_stopped;
use crate::lake::{LakeAddress, Missing};
use crate::output;
use crate::progress::Bars;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace vacuum --dry-run
  millrace vacuum
  millrace vacuum users_transformed --older-than 30d --keep-last 10

Ends the history of Iceberg tables that is older than --older-than: its
snapshots can no longer be read, and files that only they name are removed. What
is read now always stays. Files that no snapshot names, of commits that died, go
when they are older than --orphans-older-than. Safe beside jobs and queries; a
query of a snapshot that ends meanwhile fails.";

/// Arguments of `millrace vacuum`.
#[derive(Debug, Args)]
pub(crate) struct VacuumArgs {
    /// One Iceberg table [default: all of them]
    table: Option<String>,
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    /// Snapshots older than this end
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = parse_duration)]
    older_than: Duration,
    /// So many of the newest snapshots of a table stay, however old
    #[arg(long, value_name = "N", default_value = "1", value_parser = count::<u32, 1>)]
    keep_last: u32,
    /// Files that nothing names go when they are older than this: a commit at work may name younger ones yet
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = parse_duration)]
    orphans_older_than: Duration,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object a table, each on its line
    #[arg(long)]
    json: bool,
}

/// What went of a table, or would go.
#[derive(Debug, serde::Serialize)]
struct Vacuumed {
    table: String,
    snapshots: usize,
    /// Data files, manifests and lists that only these snapshots name.
    files: usize,
    /// Files that nothing names.
    orphans: usize,
    orphan_bytes: u64,
    /// Files that nothing names and that may be a commit's at work, or of another engine, whose names tell no age.
    left: usize,
    dry_run: bool,
}

pub(crate) async fn vacuum(args: &VacuumArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let store = match args.dry_run {
        true => args.lake.look(Missing::Refuse).await?,
        false => args.lake.enter(Missing::Refuse).await?,
    };
    let tables = tables_of(&store).await?;
    let chosen = match &args.table {
        Some(name) => vec![named(&tables, name)?],
        None => names().iter().map(|name| tables.table(name)).collect::<Result<_, _>>()?,
    };
    let bars = Bars::new(args.json);
    let bar = bars.tables("vacuumed", chosen.len() as u64);
    let now = Utc::now();
    let retention =
        Retention { older_than: before(now, args.older_than)?, keep_last: usize::try_from(args.keep_last)? };
    let orphans = before(now, args.orphans_older_than)?;
    let mut all = Vec::new();
    for table in chosen {
        bar.set_message(table.name().to_owned());
        let work = async { of_table(&table, retention, orphans, args.dry_run).await };
        let Some(vacuumed) = unless_stopped(work, shutdown, &bars).await? else {
            return Ok(ExitCode::from(crate::exit_code::INTERRUPTED));
        };
        bar.inc(1);
        all.extend(vacuumed);
    }
    bars.clear();
    let mut out = output::out();
    if args.json {
        for one in &all {
            writeln!(out, "{}", json!(one))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    for one in &all {
        writeln!(
            out,
            "{:<30} {} snapshots with {} files, {} orphans",
            one.table, one.snapshots, one.files, one.orphans
        )?;
    }
    let went = if args.dry_run { "would end" } else { "ended" };
    writeln!(out, "{went}: snapshots before {}", text(retention.older_than))?;
    Ok(ExitCode::SUCCESS)
}

fn before(now: DateTime<Utc>, age: Duration) -> anyhow::Result<DateTime<Utc>> {
    let age = chrono::Duration::from_std(age).ok();
    age.and_then(|age| now.checked_sub_signed(age)).context("nothing is so old: give a shorter duration")
}

/// `None`: there is no such table yet.
async fn of_table(
    table: &Table,
    retention: Retention,
    orphans_before: DateTime<Utc>,
    dry_run: bool,
) -> anyhow::Result<Option<Vacuumed>> {
    let expired = match dry_run {
        true => table.would_expire(retention).await,
        false => table.expire(retention, Utc::now()).await,
    };
    let Some(expired) = unless_missing(expired)? else { return Ok(None) };
    let removal = if dry_run { Removal::DryRun } else { Removal::Remove };
    let orphans = table.remove_orphans(orphans_before, removal).await?;
    Ok(Some(Vacuumed {
        table: table.name().to_owned(),
        snapshots: expired.snapshots.len(),
        files: expired.files.len(),
        orphans: orphans.removed.len(),
        orphan_bytes: orphans.removed.iter().map(|object| object.size).sum(),
        left: orphans.young.len() + orphans.undated.len(),
        dry_run,
    }))
}
