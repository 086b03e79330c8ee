//! Tests that cannot run here say so, and `cargo xtask test --strict` counts them.

#![warn(missing_docs)]

use std::io::Write;

/// Tells why `check` did not run, on standard output and in the file that MILLRACE_SKIP_LOG names.
///
/// # Panics
/// Where that file cannot be written: a skip that nobody counts would be a pass that was none.
pub fn skipped(check: &str, why: &str) {
    let line = format!("skipped: {check}: {why}");
    println!("{line}");
    let Some(log) = std::env::var_os("MILLRACE_SKIP_LOG") else { return };
    let opened = std::fs::File::options().create(true).append(true).open(&log);
    let written = opened.and_then(|mut log| writeln!(log, "{line}"));
    written.unwrap_or_else(|error| panic!("the skip log {} cannot be written: {error}", log.display()));
}
