//! `cargo xtask bench jobs`: the three jobs beside DuckDB and Spark, on the same raw objects in the same run.
//!
//! Each of ours is a process of its own, timed from its start to its end; a peer is timed from its first read to its last
//! file written, its own start left out. All write the same 17 tables in key order, which is checked table by table.

mod arguments;
mod chart;
mod contents;
mod figures;
mod input;
mod ours;
mod peers;
mod timing;

use std::path::Path;

use anyhow::Context;

use arguments::Arguments;
use input::Input;
use millrace_bench_report::Report;
use peers::Peer;
use timing::{SizeTimes, Timing};

/// Up to this many users everything runs three times, in turn, and the median counts; beyond, once.
const REPEATED_UP_TO: u64 = 1_000_000;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::of(std::env::args().skip(1))?;
    let mut report = Report::new(arguments.json);
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-jobs");
    let Some(millrace) = ours::program() else {
        report
            .note("skipped: the jobs: MILLRACE_BIN names no millrace; cargo xtask bench builds and sets it");
        return Ok(());
    };
    let peers = Peer::at_hand(&arguments.peers, &report)?;
    let mut sizes = Vec::new();
    for users in &arguments.users {
        let input = Input::of(&scratch, *users)?;
        report.note(&input.told());
        sizes.push(times(&input, &millrace, &peers)?);
    }
    figures::tell(&mut report, &sizes);
    let picture = chart::place(&sizes, &scratch);
    chart::draw(&picture, &sizes)?;
    report.note(&format!("drawn: {}", picture.display()));
    report.finish();
    Ok(())
}

/// Everyone's times at one size; an error where the tables differ.
fn times(input: &Input, millrace: &Path, peers: &[Peer]) -> anyhow::Result<SizeTimes> {
    let runs = if input.users <= REPEATED_UP_TO { 3 } else { 1 };
    input.warm()?;
    let mut all: Vec<Vec<Timing>> = vec![Vec::new(); peers.len() + 1];
    for run in 1..=runs {
        eprintln!("{} users, run {run} of {runs}: millrace", input.users);
        all[0].push(ours::run(millrace, input)?);
        // The first run's tables are compared; the others' are the same program's of the same rows.
        let ours = (run == 1).then(|| contents::of_lake(&input.lake)).transpose()?;
        for (peer, times) in peers.iter().zip(&mut all[1..]) {
            eprintln!("{} users, run {run} of {runs}: {}", input.users, peer.name());
            let out = input.folder.join(peer.name());
            times.push(peer.run(input, &out)?);
            if let Some(ours) = &ours {
                let theirs = contents::of_peer(&out)?;
                contents::check_equal(ours, &theirs)
                    .with_context(|| format!("{} made other tables than millrace", peer.name()))?;
                eprintln!("{}: the same rows in all {} tables", peer.name(), theirs.len());
            }
            std::fs::remove_dir_all(&out).with_context(|| format!("could not remove {}", out.display()))?;
        }
    }
    let mut medians = all.into_iter().map(Timing::median);
    let ours = medians.next().flatten().context("no run")?;
    Ok(SizeTimes { users: input.users, ours, peers: medians.flatten().collect() })
}
