//! What the blocking work sends to the task that writes.

use tokio::sync::mpsc;

use super::report::Progress;
use crate::job_error::JobError;

/// What the worker tells while it works.
pub(super) enum Message {
    /// Encoded bytes of users_transformed.
    Bytes(Vec<u8>),
    /// Encoded bytes of the next state's rows.
    State(Vec<u8>),
    Progress(Progress),
}

/// Where the pass sends its bytes and progress.
pub(super) struct PassOutput(mpsc::Sender<Message>);

impl PassOutput {
    pub(super) fn new(sender: mpsc::Sender<Message>) -> Self {
        Self(sender)
    }

    pub(super) fn send_progress(&self, progress: Progress) -> Result<(), JobError> {
        self.send(Message::Progress(progress))
    }

    /// Bytes of the state's rows.
    pub(super) fn state(&self, bytes: Vec<u8>) -> Result<(), JobError> {
        if bytes.is_empty() { Ok(()) } else { self.send(Message::State(bytes)) }
    }

    pub(super) fn bytes(&self, bytes: Vec<u8>) -> Result<(), JobError> {
        if bytes.is_empty() { Ok(()) } else { self.send(Message::Bytes(bytes)) }
    }

    fn send(&self, message: Message) -> Result<(), JobError> {
        self.0.blocking_send(message).map_err(|_| JobError::Cancelled)
    }
}
