//! Sends dead letters back to the topic that they came from, mended where a rule says how.
//!
//! Delivery: at least once. A letter is sent with `attempts`, which its next failure counts on, and `replayed-from`, its
//! own position. A run reads its queue to the end that it had at the beginning, so it never meets what it sends; a
//! letter that came back supersedes the one that was sent; and at `max_attempts` a letter is left. What was sent and
//! landed lies in the queue still: a later run begins behind it (`from_offset`), as the report tells.

#![warn(missing_docs)]

mod dead_letter;
mod filter;
mod function;
mod mending;
mod read_letters;
mod replay;
mod request;
mod source;

pub use dead_letter::Letter;
pub use filter::Filter;
pub use function::{Function, FunctionError};
pub use mending::{Change, Rule, When};
pub use replay::{ReplayError, Report, Sample, replay};
pub use request::{Kept, Request};
pub use source::{LakeLetters, LetterSource, QueueLetters, SourceError};
