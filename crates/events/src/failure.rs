//! The one classification of failure: what a caller should do about an error.

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Throttled, timed out, refused for now: the same call may go through later.
    Retry,
    /// This record is bad and stays bad: it goes to the dead letters, its partition goes on.
    DeadLetter,
    /// Settings, permissions, a bug: somebody has to act before anything else helps.
    Stop,
}

/// An error that says what to do about it. Every error that crosses a crate's border is one; what it wraps is asked, not guessed.
pub trait Classified: std::error::Error {
    /// What the caller should do; the same error always answers the same.
    fn class(&self) -> Class;
}
