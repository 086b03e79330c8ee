//! The progress bars that are drawn in this process, for whoever else writes to standard error.

use std::sync::OnceLock;

use indicatif::MultiProgress;

static DRAWN: OnceLock<MultiProgress> = OnceLock::new();

/// Said once, by the command that draws them.
pub(crate) fn note(bars: MultiProgress) {
    let _ = DRAWN.set(bars);
}

/// Writes to standard error where bars may be drawn: they step aside.
pub(crate) fn beside_bars(write: impl FnOnce()) {
    match DRAWN.get() {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}
