//! What a run is given, so that nothing in a job reads the clock or guesses a limit.

use std::path::PathBuf;

pub use millrace_tables::RunContext;

/// For [`JobSettings::memory_bytes`] where memory is dear: beside a broker on a laptop, in a Lambda function. More makes tens of
/// millions of rows faster.
pub const LITTLE_MEMORY: u64 = 96 << 20;

/// The least that [`JobSettings::memory_bytes`] may be set to by people: with less, rows are spilled in so many small pieces that
/// a job takes many times as long.
pub const LEAST_MEMORY: u64 = 8 << 20;

/// The bounds of a job.
#[derive(Debug, Clone)]
pub struct JobSettings {
    /// What the job's rows may hold in memory at once, in bytes; the engine's own needs (about 60 MB) come on top.
    pub memory_bytes: u64,
    /// Where rows are spilled; each run makes a folder of its own in it and removes it.
    pub scratch_dir: PathBuf,
}
