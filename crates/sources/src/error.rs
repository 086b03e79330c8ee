//! Why a source gave no page.

use std::path::PathBuf;

use millrace_events::failure::{Class, Classified};
use millrace_events::randomuser::AnswerError;

use crate::api::CallError;

/// Why a source gave no page. What lies beneath is its `source()`: print the whole chain.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("the source's setting `{setting}` {reason}")]
    Setting { setting: &'static str, reason: String },

    #[error("could not set up HTTPS for {url}; install the system's certificates (package ca-certificates)")]
    Client { url: String, source: reqwest::Error },

    /// `url` has neither credentials nor query of the base URL.
    #[error("no users from {url} after {attempts} {}; {}", attempts_noun(*.attempts), source.remedy())]
    Call { url: String, attempts: u32, source: CallError },

    #[error("could not read {}; check that it is there and may be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },

    #[error("no recorded answers in {}: no file there is named *.json", path.display())]
    NoAnswers { path: PathBuf },

    #[error("{} is larger than a recorded answer may be ({limit} bytes); record fewer users in a file", path.display())]
    TooLarge { path: PathBuf, limit: u64 },

    #[error("{} is no usable answer of the API; record it again or take it away", path.display())]
    Recorded { path: PathBuf, source: AnswerError },

    #[error(
        "the simulator made an answer that cannot be read, which is a bug; please report seed {seed}, page {page}"
    )]
    Simulated { seed: u64, page: u64, source: AnswerError },
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
