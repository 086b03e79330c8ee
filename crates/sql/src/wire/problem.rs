//! What is told to a client whose statement has no answer.

use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::response::ErrorResponse;

use crate::error::QueryError;
use crate::suggestion::nearest;

/// An error as PostgreSQL's protocol has them.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) state: &'static str,
    message: String,
    hint: Option<String>,
    /// In characters of the statement, from 1.
    position: Option<usize>,
    /// The connection ends with it.
    pub(super) is_fatal: bool,
}

impl Problem {
    pub(super) fn new(state: &'static str, message: impl Into<String>) -> Self {
        Self { state, message: message.into(), hint: None, position: None, is_fatal: false }
    }

    pub(super) fn fatal(state: &'static str, message: impl Into<String>) -> Self {
        Self { is_fatal: true, ..Self::new(state, message) }
    }

    /// A message that is none of the protocol's.
    pub(super) fn malformed(what: &'static str) -> Self {
        Self::fatal("08P01", what)
    }

    pub(super) fn aborted() -> Self {
        Self::new("25P02", "current transaction is aborted, commands ignored until end of transaction block")
    }

    /// `before` characters stand before the statement in the text that the client has sent.
    pub(super) fn behind(mut self, before: usize) -> Self {
        self.position = self.position.map(|position| position + before);
        self
    }

    /// The statement was rewritten: places in it are none in the client's.
    pub(super) fn without_position(mut self) -> Self {
        self.position = None;
        self
    }

    pub(super) fn response(&self) -> ErrorResponse {
        let severity = if self.is_fatal { "FATAL" } else { "ERROR" };
        let mut info = ErrorInfo::new(severity.to_owned(), self.state.to_owned(), self.message.clone());
        info.severity_nonlocalized = Some(severity.to_owned());
        info.hint = self.hint.clone();
        info.position = self.position.map(|position| position.to_string());
        info.into()
    }
}

/// In PostgreSQL's words where tools look for them: Superset shows the name and the line of a column that isn't there.
impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let state = error.state();
        // Clients show the place by its position: the message is without the line that ours has.
        match error {
            QueryError::Syntax { reason, place } => {
                let message = match reason.rsplit_once(", found: ") {
                    Some((_, "EOF")) => "syntax error at end of input".to_owned(),
                    Some((_, token)) => format!("syntax error at or near \"{token}\""),
                    None => return Self { position: place.position, ..Self::new(state, reason) },
                };
                Self { position: place.position, hint: Some(reason), ..Self::new(state, message) }
            }
            QueryError::Failed { reason, place, .. } => {
                Self { position: place.position, ..Self::new(state, reason) }
            }
            QueryError::NoColumn { name, reason, place } => {
                let message = format!("column \"{name}\" does not exist");
                Self { position: place.position, hint: Some(reason), ..Self::new(state, message) }
            }
            QueryError::NoTable { name, known, place } => {
                let near = nearest(&name, known.iter().map(String::as_str));
                let hint = near.map(|near| format!("did you mean {near}?"));
                let message = format!("relation \"{name}\" does not exist");
                Self { position: place.position, hint, ..Self::new(state, message) }
            }
            QueryError::Memory { .. } => Self::new(
                state,
                "the statement needs more memory than the server gives: `millrace serve --memory`",
            ),
            QueryError::Timeout { seconds } => Self::new(
                state,
                format!(
                    "canceling statement due to statement timeout: `millrace serve --timeout` is {seconds} s"
                ),
            ),
            other => Self::new(state, other.to_string()),
        }
    }
}

impl From<PgWireError> for Problem {
    /// Of rows that cannot be encoded. Its words may quote a value.
    fn from(_: PgWireError) -> Self {
        Self::new(
            "0A000",
            "a value of the answer has no form in PostgreSQL's protocol: CAST the column to TEXT",
        )
    }
}
