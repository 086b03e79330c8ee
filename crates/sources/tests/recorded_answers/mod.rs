//! Real answers of the API, where a machine has them.

use std::path::PathBuf;

use millrace_skips::skipped;

/// The folder that MILLRACE_TEST_RECORDED names; without one the check is told as skipped.
pub(crate) fn folder(check: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("MILLRACE_TEST_RECORDED").map(PathBuf::from);
    if folder.is_none() {
        skipped(check, "no recorded answers (MILLRACE_TEST_RECORDED names no folder)");
    }
    folder
}
