//! The one classification of failure: what a caller should do about an error.

/// What to do about a failure. Each error type of the project has one function `class` that answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Throttled, timed out, refused for now: the same call may go through later.
    Retry,
    /// This record is bad and stays bad: it goes to the dead letters, its partition goes on.
    DeadLetter,
    /// Settings, permissions, a bug: somebody has to act before anything else helps.
    Stop,
}
