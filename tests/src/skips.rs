//! Tests that cannot run here say so, and `cargo xtask test --strict` counts them.

use std::io::Write;

use anyhow::{Context, Result};

/// Tells why `check` did not run, on standard output and in the file that MILLRACE_SKIP_LOG names.
pub fn skipped(check: &str, why: &str) -> Result<()> {
    let line = format!("skipped: {check}: {why}");
    println!("{line}");
    if let Some(log) = std::env::var_os("MILLRACE_SKIP_LOG") {
        let mut log =
            std::fs::OpenOptions::new().create(true).append(true).open(log).context("the skip log")?;
        writeln!(log, "{line}")?;
    }
    Ok(())
}
