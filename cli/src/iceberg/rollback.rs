//! `millrace rollback`.

use std::io::Write;
use std::process::ExitCode;

use chrono::Utc;
use clap::Args;
use serde_json::json;

use super::{instant, named, tables_of};
use crate::lake::{LakeAddress, Missing};
use crate::output;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace tables --history users_transformed
  millrace rollback users_transformed 5937117119577207000

The snapshots behind it stay in the history, and can be gone back to, until
`millrace vacuum` ends them. The published files that plain queries read stay as
they are: run the day's job again to change both.";

/// Arguments of `millrace rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The Iceberg table
    table: String,
    /// The snapshot that readers are to read, as `millrace tables --history` lists them
    snapshot: i64,
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn rollback(args: &RollbackArgs) -> anyhow::Result<ExitCode> {
    let store = args.lake.enter(Missing::Refuse).await?;
    let tables = tables_of(&store).await?;
    let table = named(&tables, &args.table)?;
    table.roll_back(args.snapshot, Utc::now()).await?;
    let metadata = table.load().await?.metadata;
    let committed_at = metadata.snapshot(args.snapshot).map(instant);
    let mut out = output::out();
    if args.json {
        let told = json!({ "table": table.name(), "snapshot": args.snapshot, "committed_at": committed_at });
        writeln!(out, "{told}")?;
    } else {
        writeln!(
            out,
            "{} is read as of {} (snapshot {})",
            table.name(),
            committed_at.unwrap_or_default(),
            args.snapshot
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
