//! What is invoked: a port.

use async_trait::async_trait;
use millrace_events::failure::{Class, Classified};

/// A function that can be invoked, in this process or behind Lambda's API.
///
/// Contract: one invocation at a time and in order; an error says nothing of whether the function ran.
#[async_trait]
pub trait Invoke: Send + Sync {
    /// Invokes it with `payload` and waits for its answer.
    async fn invoke(&self, payload: Vec<u8>) -> Result<Invoked, InvokeError>;
}

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub enum Invoked {
    /// The function's answer, JSON.
    Answer(Vec<u8>),
    /// The function ran and erred; its message.
    FunctionError(String),
}

/// Sizes only: an answer is whatever a function says.
impl std::fmt::Debug for Invoked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answer(answer) => write!(f, "Answer({} bytes)", answer.len()),
            Self::FunctionError(message) => write!(f, "FunctionError({} bytes)", message.len()),
        }
    }
}

/// Why a function could not be invoked.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The address is not plain `http://`, or no URL. No retry helps.
    #[error("the address {0} is none of a Lambda endpoint; write it as http://host:port")]
    Address(String),
    /// No answer came. A retry may help; whether the function ran is told by [`was_taken`](InvokeError::was_taken).
    #[error("the function {function} could not be invoked at {endpoint}: does the endpoint run")]
    Unreachable {
        /// The function's name.
        function: String,
        /// The endpoint's address as it was given.
        endpoint: String,
        /// What the connection failed with, without the URL.
        source: reqwest::Error,
    },
    /// The endpoint answered without invoking. A retry helps for 429 and from 500 on; other statuses are a wrong name or endpoint.
    #[error("{endpoint} refused to invoke {function} with status {status}")]
    Refused {
        /// The function's name.
        function: String,
        /// The endpoint's address as it was given.
        endpoint: String,
        /// The status of HTTP.
        status: u16,
    },
}

impl InvokeError {
    /// Whether something may have taken the payload: what cuts a connection or takes too long may have run, and what is to
    /// blame for it may be the payload.
    pub fn was_taken(&self) -> bool {
        match self {
            Self::Address(_) => false,
            Self::Unreachable { source, .. } => !source.is_connect(),
            Self::Refused { status, .. } => *status != 429,
        }
    }
}

impl Classified for InvokeError {
    fn class(&self) -> Class {
        match self {
            Self::Address(_) => Class::Stop,
            Self::Unreachable { .. } => Class::Retry,
            // Throttled, or the endpoint's own trouble.
            Self::Refused { status, .. } if *status == 429 || *status >= 500 => Class::Retry,
            Self::Refused { .. } => Class::Stop,
        }
    }
}
