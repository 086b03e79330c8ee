//! `millrace forget`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use indicatif::HumanCount;
use millrace_jobs::forget::{self, Erasure, ForgetReport, Jobs, Place};
use millrace_lake::erasure::Subjects;
use millrace_runtime::Shutdown;
use serde_json::json;

use crate::clock::now_micros;
use crate::lake::{LakeAddress, Missing};
use crate::output;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace forget 7a0eed16-9430-4d68-901f-c0d4c1c3bf00          what would be removed
  millrace forget 7a0eed16-9430-4d68-901f-c0d4c1c3bf00 --yes    removes it
  millrace forget --ids-from leavers.txt --yes                  one id a line; - is standard input

Safe beside runs, jobs, queries and compactions. One that was interrupted goes on when the same command is given again.
Stop the source that sends them first: what lands afterwards is new.

Exit codes: 0 done, 1 failed or not finished yet (the same command goes on), 2 wrong usage, 130 after Ctrl-C (likewise)";

/// Arguments of `millrace forget`.
#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    /// The users' ids, byte for byte as the lake has them
    #[arg(value_name = "USER_ID", required_unless_present = "ids_from")]
    ids: Vec<String>,
    /// Read more ids from this file, one a line; - is standard input
    #[arg(long, value_name = "FILE")]
    ids_from: Option<PathBuf>,
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    /// Remove it; without this, what would be removed is counted
    #[arg(long)]
    yes: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn forget(args: &ForgetArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let mut ids = args.ids.clone();
    if let Some(file) = &args.ids_from {
        ids.extend(read_ids(file)?);
    }
    let subjects = Arc::new(Subjects::new(ids)?);
    let store = match args.yes {
        true => args.lake.enter(Missing::Refuse).await?,
        false => args.lake.look(Missing::Refuse).await?,
    };
    if args.yes {
        shutdown.waits_for("what was removed stays removed, the rest is left for the next time");
    }
    let work = async {
        if !args.yes {
            return forget::plan(&store, &subjects).await;
        }
        let scratch_dir = args.lake.scratch_dir();
        let erasure = Erasure { subjects: Arc::clone(&subjects), now: now_micros(), scratch_dir };
        forget::forget(Arc::clone(&store), &erasure, &Jobs(Arc::clone(&store))).await
    };
    let report = tokio::select! {
        report = work => report?,
        () = shutdown.requested() => {
            output::remark("stopped: give the same command again to go on");
            if args.json {
                writeln!(output::out(), "{}", json!({ "persons": subjects.len(), "interrupted": true }))?;
            }
            return Ok(ExitCode::from(crate::INTERRUPTED));
        }
    };
    let mut out = output::out();
    if args.json {
        let mut told = serde_json::to_value(&report)?;
        told["persons"] = subjects.len().into();
        told["dry_run"] = (!args.yes).into();
        serde_json::to_writer_pretty(&mut out, &told).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        tell(args, subjects.len(), &report, &mut out)?;
    }
    let waits = args.yes && report.letters_being_written > 0;
    Ok(if waits { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The ids in a file, one a line. The end of a line is no part of an id, every other blank is.
fn read_ids(file: &Path) -> anyhow::Result<Vec<String>> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("the ids on standard input are no UTF-8 text")?;
    } else {
        text = std::fs::read_to_string(file)
            .with_context(|| format!("the ids in {} could not be read", file.display()))?;
    }
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

fn tell(
    args: &ForgetArgs,
    persons: usize,
    report: &ForgetReport,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if report.resumed {
        writeln!(out, "an erasure of the same persons had been interrupted: this one went on with it")?;
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["place", "objects", "rows"]);
    for (place, found) in &report.places {
        let rows = found.rows.map_or_else(|| "whole".to_owned(), |rows| HumanCount(rows).to_string());
        table.add_row([place.folder().to_owned(), HumanCount(found.objects).to_string(), rows]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(out, "{table}")?;
    let persons = match persons {
        1 => "1 person".to_owned(),
        many => format!("{} persons", HumanCount(many as u64)),
    };
    let rows = HumanCount(report.rows());
    if args.yes {
        writeln!(out, "{persons}: {rows} rows removed, {} days computed anew", report.rebuilt.len())?;
    } else {
        let state = report.places.get(&Place::State).is_some_and(|found| found.objects > 0);
        let state = if state { "; the jobs' state goes whole and is made anew" } else { "" };
        writeln!(out, "{persons}: {rows} rows would be removed{state}. --yes removes them")?;
    }
    if report.letters_being_written > 0 {
        writeln!(
            out,
            "{} dead letters about them are being written by a run: give this command again when it has ended",
            HumanCount(report.letters_being_written)
        )?;
    }
    for unfinished in &report.unfinished {
        writeln!(
            out,
            "an erasure of {} persons, begun at {} µs, is not finished: give its command again",
            unfinished.persons, unfinished.begun_at
        )?;
    }
    Ok(())
}
