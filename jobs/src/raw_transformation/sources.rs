//! What a run reads.

use super::raw_scan::RawObject;
use super::state::Known;

/// Where the pass reads, and whether it keeps a state of what it has read.
pub(super) struct Sources {
    pub(super) state: Option<Known>,
    pub(super) new: Vec<RawObject>,
    pub(super) keep: bool,
}

impl Sources {
    /// The object of the state's rows, if there is one.
    pub(super) fn state_rows(&self) -> &[RawObject] {
        self.state.as_ref().map(|state| std::slice::from_ref(&state.rows)).unwrap_or_default()
    }

    pub(super) fn rows(&self) -> usize {
        self.state_rows().iter().chain(&self.new).map(|object| object.rows).sum()
    }
}
