//! Why a source gave no page.

use std::path::PathBuf;

use millrace_events::failure::{Class, Classified};
use millrace_events::randomuser::AnswerError;

use crate::api::CallError;

/// Why a source gave no page. What lies beneath is its `source()`: print the whole chain.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A setting that cannot be meant as it is; nothing was begun.
    #[error("the source's setting `{setting}` {reason}")]
    Setting {
        /// The setting's name, as the program's source has it.
        setting: &'static str,
        /// As a predicate.
        reason: String,
    },

    /// No HTTP client could be made.
    #[error("could not set up HTTPS for {url}; install the system's certificates (package ca-certificates)")]
    Client {
        /// The base URL, without credentials and query.
        url: String,
        /// What the client said.
        source: reqwest::Error,
    },

    /// `url` has neither credentials nor query of the base URL.
    #[error("no users from {url} after {attempts} {}; {}", attempts_noun(*.attempts), source.remedy())]
    Call {
        /// What was called.
        url: String,
        /// How many were made, from 1.
        attempts: u32,
        /// Why the last one failed; the class comes from it.
        source: CallError,
    },

    /// The disk refused a file or a folder.
    #[error("could not read {}; check that it is there and may be read", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the disk said.
        source: std::io::Error,
    },

    /// A folder was given that has none to read.
    #[error("no recorded answers in {}: no file there is named *.json", path.display())]
    NoAnswers {
        /// The folder.
        path: PathBuf,
    },

    /// A file that is hardly an answer; it was not read to its end.
    #[error("{} is larger than a recorded answer may be ({limit} bytes); record fewer users in a file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read, in bytes.
        limit: u64,
    },

    /// A file is there and holds no page of users.
    #[error("{} is no usable answer of the API; record it again or take it away", path.display())]
    Recorded {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: AnswerError,
    },

    /// A bug: the simulator's own answer is none.
    #[error(
        "the simulator made an answer that cannot be read, which is a bug; please report seed {seed}, page {page}"
    )]
    Simulated {
        /// The simulation's seed.
        seed: u64,
        /// The page, from 1.
        page: u64,
        /// What is wrong with it.
        source: AnswerError,
    },
}

impl Classified for SourceError {
    fn class(&self) -> Class {
        match self {
            Self::Call { source, .. } => source.class(),
            Self::Setting { .. }
            | Self::Client { .. }
            | Self::Unreadable { .. }
            | Self::NoAnswers { .. }
            | Self::TooLarge { .. }
            | Self::Recorded { .. }
            | Self::Simulated { .. } => Class::Stop,
        }
    }
}

fn attempts_noun(attempts: u32) -> &'static str {
    if attempts == 1 { "attempt" } else { "attempts" }
}
