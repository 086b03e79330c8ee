//! What a process says of itself by its exit code, beside 0 and 1.

/// The exit code of wrong usage, clap's own too.
pub(crate) const USAGE: u8 = 2;

/// The exit code after Ctrl-C, as [`millrace_runtime`] has it where a second one ends the process.
pub(crate) const INTERRUPTED: u8 = 130;

/// The exit code of a range that was landed, of which Kafka no longer has all.
pub(crate) const GONE: u8 = 3;
