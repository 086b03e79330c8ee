//! `millrace erase`.

mod elsewhere;
mod id_list;
mod report;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::HumanCount;
use millrace_jobs::erasure::{self, Erasure, Jobs, Step};
use millrace_lake::erasure::Subjects;
use millrace_runtime::Shutdown;
use serde_json::json;

use crate::clock::now_micros;
use crate::lake::{LakeAddress, Missing};
use crate::output;
use crate::progress::Bars;

pub(crate) const EXAMPLES: &str = "\
Examples:
  What would be removed, then its removal:
  millrace erase 7a0eed16-9430-4d68-901f-c0d4c1c3bf00
  millrace erase 7a0eed16-9430-4d68-901f-c0d4c1c3bf00 --yes
  A list: one id a line, ids with commas between, or a table; - reads standard
  input:
  millrace erase --ids-from leavers.csv --yes

Ids are compared byte for byte; blanks and quotes around them in a list are left
out. An id that is nowhere in the lake is named and makes the exit code 1,
unless it was erased before; --allow-missing makes it 0. The others are erased
all the same.

Safe beside runs, jobs, queries and compactions. Give an interrupted command
again and it goes on. Nobody comes back: landing, replays and jobs leave out
whoever was erased. In a versioned bucket the earlier versions of everything in
the folders where persons are go too, and so do the snapshots of Iceberg tables
that hold them, with the branches and tags that point to these: that can't be
undone. Who was nowhere is on no list: what lands of them later is new, so stop
its source first.

Exit codes: 0 done, 1 failed, not finished yet (the same command goes on) or an
id is missing, 2 wrong usage, 130 after Ctrl-C (the same command goes on)";

/// Arguments of `millrace erase`.
#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// The users' ids, byte for byte as the lake has them
    #[arg(value_name = "USER_ID", required_unless_present = "ids_from")]
    ids: Vec<String>,
    /// Read more ids from this file: one a line, several by commas, or a table whose first line names the column user_id;
    /// UTF-8 or UTF-16; - is standard input
    #[arg(long, value_name = "FILE")]
    ids_from: Option<PathBuf>,
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    /// Remove it; without this, what would be removed is counted
    #[arg(long)]
    yes: bool,
    /// Don't fail over ids that are nowhere in the lake and never were erased
    #[arg(long)]
    allow_missing: bool,
    /// Wait so long for landings that do not know of the erasure yet, then look once more: 185 for a lake on S3, where functions read the
    /// list of the erased each minute and a put may be tried for two, and 2 in a folder
    #[arg(long, value_name = "SECONDS")]
    wait_for_landings: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What an erasure is at, for a bar.
fn told(step: Step) -> String {
    match step {
        Step::Raw => "raw rows and dead letters".to_owned(),
        Step::Tables => "tables".to_owned(),
        Step::History => "history of Iceberg tables".to_owned(),
        Step::Settling(left) => {
            format!("waiting {} s for landings that do not know yet", left.as_secs().max(1))
        }
        Step::Versions => "earlier versions".to_owned(),
    }
}

/// What the command was called before; it goes on working for a release.
pub(crate) const FORMER_NAME: &str = "forget";

/// Clap tells the command's name alone. The first word is it, unless it is the file of `--config`.
fn is_called_by_its_former_name(mut words: impl Iterator<Item = String>) -> bool {
    while let Some(word) = words.next() {
        match word.as_str() {
            "--config" => drop(words.next()),
            word if word.starts_with('-') => {}
            word => return word == FORMER_NAME,
        }
    }
    false
}

pub(crate) async fn erase(args: &EraseArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    if is_called_by_its_former_name(std::env::args().skip(1)) {
        tracing::warn!(
            "`millrace forget` is called `millrace erase` now; the former name goes with the next release"
        );
    }
    let mut ids = args.ids.clone();
    let mut lines = BTreeMap::new();
    if let Some(file) = &args.ids_from {
        let list = id_list::read(file)?;
        if let Some((line, name)) = list.header {
            let file = file.display();
            output::remark(format!(
                "line {line} of {file} is taken for a header, the column {name} for the ids"
            ));
        }
        for listed in list.ids {
            ids.push(listed.id.clone());
            lines.entry(listed.id).or_insert(listed.line);
        }
    }
    let subjects = Arc::new(Subjects::new(ids)?);
    let store = match args.yes {
        true => args.lake.enter(Missing::Refuse).await?,
        false => args.lake.look(Missing::Refuse).await?,
    };
    if args.yes {
        shutdown.waits_for("what was removed stays removed, the rest is left for the next time");
    }
    let settle =
        args.wait_for_landings.map_or_else(|| erasure::settle_time(store.as_ref()), Duration::from_secs);
    let erasure = Erasure {
        subjects: Arc::clone(&subjects),
        now: now_micros(),
        scratch_dir: args.lake.scratch_dir(),
        settle,
    };
    let bars = Bars::new(args.json);
    let bar = bars.erasure();
    let work = async {
        if !args.yes {
            return erasure::preview(&store, &erasure).await;
        }
        let step = |step| bar.set_message(told(step));
        erasure::erase(Arc::clone(&store), &erasure, &Jobs::over(&store), &step).await
    };
    let report = tokio::select! {
        report = work => report?,
        () = shutdown.requested() => {
            output::notice("stopped: give the same command again to go on");
            if args.json {
                writeln!(output::out(), "{}", json!({ "persons": subjects.len(), "interrupted": true }))?;
            }
            return Ok(ExitCode::from(crate::exit_code::INTERRUPTED));
        }
    };
    bar.finish_and_clear();
    let missing = report.persons.missing.len();
    let elsewhere = elsewhere::places(chrono::Utc::now(), args.lake.folder().is_none());
    let mut out = output::out();
    if args.json {
        let mut told = serde_json::to_value(&report)?;
        told["persons"] = subjects.len().into();
        told["dry_run"] = (!args.yes).into();
        told["elsewhere"] = serde_json::to_value(&elsewhere)?;
        serde_json::to_writer_pretty(&mut out, &told).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        report::tell(args.yes, subjects.len(), &report, &lines, &mut out)?;
        report::tell_elsewhere(&elsewhere, &mut out)?;
    }
    let fails = missing > 0 && !args.allow_missing;
    if fails {
        let (are, were, them) =
            if missing == 1 { ("id is", "was", "it") } else { ("ids are", "were", "them") };
        output::notice(format!(
            "{} {are} nowhere in the lake and never {were} erased: check {them} (ids count byte for byte), or give --allow-missing",
            HumanCount(missing as u64)
        ));
    }
    let waits = args.yes && report.letters_being_written > 0;
    Ok(if waits || fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_former_name_is_the_command_and_no_id() {
        let called = |words: &[&str]| is_called_by_its_former_name(words.iter().map(ToString::to_string));
        assert!(called(&["forget", "7"]) && called(&["-v", "--config", "a.toml", "forget", "7"]));
        assert!(
            !called(&["erase", "forget"]) && !called(&["--config", "forget", "erase", "7"]) && !called(&[])
        );
    }
}
