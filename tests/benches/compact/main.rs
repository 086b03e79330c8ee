//! `cargo xtask bench compact`: a day of 200,000 small objects becomes one object an hour, life and partition, by the function that does it in
//! the cloud, in a folder of this machine; every row before is a row after. DuckDB and pyarrow do the same with one hour of the same files.
//!
//! `--objects N` is the size, `--memory BYTES` the bound.

mod contents;
mod day;
mod on_s3;
mod ours;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use millrace_bench_report::{Measure, Report};
use millrace_lake::{FolderStore, lake_file};

/// What the process may hold: half of what the function has in the cloud is for fetched objects.
const MEMORY_GOAL: f64 = 512.0;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if ours::is_child(&arguments)? {
        return Ok(());
    }
    let number = |name: &str, unless: u64| match arguments.iter().position(|argument| argument == name) {
        Some(at) => arguments
            .get(at + 1)
            .and_then(|n| n.parse().ok())
            .with_context(|| format!("{name} takes a number")),
        None => Ok(unless),
    };
    let mut report = Report::new(arguments.iter().any(|argument| argument == "--json"));
    let (objects, memory) = (number("--objects", 200_000)?, number("--memory", 256 << 20)?);

    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(lake_file::enter_or_create(&FolderStore::new(&lake)))?;
    let made = day::make(&lake, usize::try_from(objects)?)?;
    let bytes = bytes_of(&lake.join("raw"))?;
    report.note(&format!(
        "{made} objects of 10 users, {} bytes each: {} hours, {} partitions, 2 lives",
        bytes / made as u64,
        day::HOURS,
        day::PARTITIONS
    ));
    // The peers' hour, before it is gone.
    let hour = folder.path().join("hour");
    link(&lake.join(format!("raw/users/date={}/hour=12", day::DAY)), &hour)?;
    let (before, expected) = contents::of(&lake)?;
    let run = ours::run(&lake.display().to_string(), memory, &[])?;
    let (after, found) = contents::of(&lake)?;
    ensure!(before as u64 == run.objects_before && after as u64 == run.objects_after, "{run:?}");
    ensure!(after == day::groups().count(), "{after} objects are left");
    ensure!(expected == found, "rows differ before and after");
    let rows: u64 = expected.values().map(|(rows, _)| rows).sum();
    ensure!(rows == run.rows, "{rows} rows, and {} were written", run.rows);
    report.note(&format!(
        "{before} objects became {after} in {:.0} s ({:.0} s of CPU), {} MiB at most; {rows} rows, equal in all values; {:.1} MB became {:.1} MB",
        run.seconds,
        run.cpu_seconds,
        run.peak_rss_bytes >> 20,
        bytes as f64 / 1e6,
        bytes_of(&lake.join("raw"))? as f64 / 1e6,
    ));
    let peak = run.peak_rss_bytes as f64 / f64::from(1 << 20);
    report.add(Measure {
        name: "compact: memory over the day".to_owned(),
        ours: peak,
        peer: MEMORY_GOAL,
        peer_name: "the goal".to_owned(),
        unit: "MiB",
        ratio: MEMORY_GOAL / peak,
        goal: 1.0,
    });
    peers(&mut report, &run, &hour, folder.path())?;
    on_s3::run(&report, folder.path(), memory)?;
    report.finish();
    Ok(())
}

/// The peers' objects a second of one hour beside ours of the day; of ours removal, reading back and its durability are a part.
fn peers(report: &mut Report, run: &ours::Run, hour: &Path, out: &Path) -> anyhow::Result<()> {
    let Some(python) = std::env::var_os("MILLRACE_PYTHON") else {
        report.note(
            "skipped: DuckDB and pyarrow: MILLRACE_PYTHON is not set; cargo xtask bench compact sets it",
        );
        return Ok(());
    };
    for peer in ["duckdb", "pyarrow"] {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("merge_peers.py");
        let mut command = Command::new(&python);
        let told = command.arg("-B").arg(script).arg(peer).arg(hour).arg(out).output()?;
        ensure!(told.status.success(), "{peer} failed: {}", String::from_utf8_lossy(&told.stderr));
        let figures = String::from_utf8(told.stdout)?;
        let figures: Vec<f64> = figures.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [seconds, cpu, merged] = figures[..] else { anyhow::bail!("{peer} told {figures:?}") };
        for (unit, ours, theirs) in
            [("objects/s", run.seconds, seconds), ("objects/s of CPU", run.cpu_seconds, cpu)]
        {
            let (ours, theirs) = (run.objects_before as f64 / ours, merged / theirs);
            report.add(Measure {
                name: "compact: small objects merged".to_owned(),
                ours,
                peer: theirs,
                peer_name: format!("{peer}, {merged} objects of an hour"),
                unit,
                ratio: ours / theirs,
                goal: 1.0,
            });
        }
    }
    Ok(())
}

fn bytes_of(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_of(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

/// The same files by other names: what is removed in one folder stays in the other.
fn link(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::hard_link(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
