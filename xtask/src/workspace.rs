//! Where things are.

use std::path::{Path, PathBuf};

/// The repository's root, whatever folder the task was called in. A program that a workflow handed on has left the checkout that it was
/// built in: its root is where it is called.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    if xtask.is_dir() { xtask.parent().unwrap_or(xtask) } else { Path::new(".") }
}

/// Where cargo builds.
pub(crate) fn target_dir() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    root().join(target)
}

/// The folder for what a task writes and nobody keeps.
pub(crate) fn scratch() -> PathBuf {
    target_dir().join("xtask")
}

/// Recorded API answers, where a checkout has them beside it.
pub(crate) fn recorded() -> Option<PathBuf> {
    root().parent().map(|parent| parent.join("shared/randomuser")).filter(|folder| folder.is_dir())
}
