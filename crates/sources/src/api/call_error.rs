//! Why one call of the API gave no page of users.

use std::time::Duration;

use millrace_events::failure::{Class, Classified};
use millrace_events::randomuser::AnswerError;
use reqwest::StatusCode;

use super::names::Unresolved;

/// Why one call gave no page of users.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// `retry_after` is what the answer asks to wait, as it says.
    #[error("the API answered {status}")]
    Status {
        /// Anything but 200.
        status: StatusCode,
        /// The answer's `Retry-After`, not cut to what the policy grants.
        retry_after: Option<Duration>,
    },

    /// Of status 200 and no page of users: a retry may help.
    #[error("the API answered, but not with users")]
    Answer(#[from] AnswerError),

    /// Going on would give users twice, so a retry does not help.
    #[error("the API gave page {given} where page {asked} was asked for")]
    OtherPage {
        /// The page asked for, from 1.
        asked: u32,
        /// The page that the answer's `info` states.
        given: i32,
    },

    /// The answer was not read to its end; fewer users a call help.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// [`ApiSettings::max_answer_bytes`](crate::ApiSettings::max_answer_bytes).
        limit: usize,
    },

    /// Longer than the caller of [`ApiSource::reachable`](crate::ApiSource::reachable) would wait.
    #[error("no answer within {}", in_words(*.0))]
    TooSlow(Duration),

    /// The API's host has no address: this machine is offline, or the name is wrong.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),

    /// No connection, a connection that broke, or one that fell silent.
    #[error("the HTTP exchange {}", if .0.is_timeout() { "timed out" } else { "failed" })]
    Exchange(#[source] reqwest::Error),
}

impl CallError {
    pub(super) fn is_throttled(&self) -> bool {
        matches!(self, Self::Status { status: StatusCode::TOO_MANY_REQUESTS, .. })
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What a person can do.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            _ if self.is_throttled() => {
                "the API gives some 20,000 users in five minutes: wait, ask for fewer, or use the simulator"
            }
            Self::Exchange(error) if error.is_redirect() => {
                "set the base URL to where the redirects should end"
            }
            Self::Status { .. } | Self::Answer(_) if self.class() == Class::Retry => {
                "the API seems to be out of service: run again later, or use the simulator"
            }
            Self::Status { .. } => "check the base URL and what is asked for",
            Self::OtherPage { .. } => {
                "its users would come twice: check that the base URL is the API's, uncached"
            }
            Self::TooLarge { .. } => "ask for fewer users a call",
            Self::Unresolved(_) => "is this machine online? Check the base URL, or use the simulator",
            Self::Answer(_) | Self::TooSlow(_) | Self::Exchange(_) => {
                "check the network and the base URL, or use the simulator"
            }
        }
    }
}

impl Classified for CallError {
    fn class(&self) -> Class {
        match self {
            Self::Status { status, .. } if status.is_server_error() => Class::Retry,
            Self::Status { status: StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT, .. } => {
                Class::Retry
            }
            // An outage, an error page with status 200, an answer cut short: all of them pass.
            Self::Answer(_) | Self::TooSlow(_) | Self::Unresolved(_) => Class::Retry,
            Self::Exchange(error) if error.is_redirect() || error.is_builder() => Class::Stop,
            Self::Exchange(_) => Class::Retry,
            Self::Status { .. } | Self::OtherPage { .. } | Self::TooLarge { .. } => Class::Stop,
        }
    }
}

fn in_words(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
