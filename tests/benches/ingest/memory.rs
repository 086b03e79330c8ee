//! The peak memory of whole runs.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

use millrace_bench_report::{Measure, Report};

const LIMIT: f64 = 512.0 * 1024.0 * 1024.0;

pub(crate) fn bench(report: &mut Report) -> anyhow::Result<()> {
    let Some(millrace) = std::env::var_os("MILLRACE_BIN").map(PathBuf::from) else {
        report.note("skipped: the memory of runs: MILLRACE_BIN names no millrace; cargo xtask bench builds and sets it");
        return Ok(());
    };
    let small = peak(&millrace, 200_000)?;
    report.add(Measure {
        name: "run: peak memory at 200,000 users".to_owned(),
        ours: small,
        peer: LIMIT,
        peer_name: "512 MiB".to_owned(),
        unit: "bytes",
        ratio: LIMIT / small,
        goal: 1.0,
    });
    let large = peak(&millrace, 2_000_000)?;
    report.add(Measure {
        name: "run: peak memory at 2,000,000 users".to_owned(),
        ours: large,
        peer: small,
        peer_name: "at 200,000 users".to_owned(),
        unit: "bytes",
        ratio: small / large,
        goal: 1.0 / 1.2,
    });
    Ok(())
}

fn peak(millrace: &PathBuf, users: u64) -> anyhow::Result<f64> {
    let lake = tempfile::tempdir()?;
    let output = Command::new(millrace)
        .args([
            "run",
            "--source",
            "simulator",
            "--tidy",
            "--json",
            "--seed",
            "1",
            "--users",
            &users.to_string(),
            "--lake",
        ])
        .arg(lake.path())
        .output()
        .context("millrace could not be started")?;
    ensure!(output.status.success(), "millrace run failed: {}", String::from_utf8_lossy(&output.stderr));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    summary["peak_rss_bytes"].as_f64().context("the summary has no peak_rss_bytes")
}
