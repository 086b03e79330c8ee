//! The jobs as the command line runs them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::input::{AS_OF, Input, STARTED_AT};
use crate::timing::{JOBS, JobSeconds, Timing};

pub(crate) fn program() -> Option<PathBuf> {
    std::env::var_os("MILLRACE_BIN").map(PathBuf::from)
}

/// The three jobs over a lake that holds raw objects alone, each in a process of its own, its start and end included.
pub(crate) fn run(millrace: &Path, input: &Input) -> anyhow::Result<Timing> {
    // What an earlier run left would make this one incremental.
    input.leave_raw_alone()?;
    let cpu_before = cpu_of_children()?;
    let mut seconds = [0.0; 3];
    let mut peak_rss_bytes = 0;
    for (job, seconds) in JOBS.into_iter().zip(&mut seconds) {
        let mut command = Command::new(millrace);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MILLRACE_") {
                command.env_remove(name);
            }
        }
        command.args(["job", job, "--json", "--as-of", AS_OF, "--started-at", STARTED_AT, "--lake"]);
        let begun = Instant::now();
        let output = command.arg(&input.lake).output().context("millrace could not be started")?;
        *seconds = begun.elapsed().as_secs_f64();
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "millrace job {job} failed: {said}");
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let peak = summary["peak_rss_bytes"].as_u64().context("the summary has no peak_rss_bytes")?;
        eprintln!("millrace: {job}: {seconds:.2} s, {} MiB", peak >> 20);
        peak_rss_bytes = peak.max(peak_rss_bytes);
    }
    let [raw, analytics, time_series] = seconds;
    Ok(Timing {
        name: "Millrace".to_owned(),
        seconds: seconds.iter().sum(),
        of_jobs: JobSeconds { raw, analytics, time_series },
        start_seconds: 0.0,
        cpu_seconds: cpu_of_children()? - cpu_before,
        peak_rss_bytes,
    })
}

fn cpu_of_children() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok((usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6)
}
