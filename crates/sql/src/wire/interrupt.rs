//! What ends a statement before its end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::wire::problem::Problem;

/// Of one connection: its statement of the moment can be cancelled, and all of them end with the client or the server.
#[derive(Debug)]
pub(super) struct Interrupt {
    statement: Mutex<CancellationToken>,
    /// Set when the client's side of the connection has ended.
    pub(super) left: CancellationToken,
    /// Set when the server is to end.
    pub(super) stop: CancellationToken,
}

impl Interrupt {
    pub(super) fn new(stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self { statement: Mutex::default(), left: CancellationToken::new(), stop })
    }

    /// A statement begins: a cancel request that came before is not about it.
    pub(super) fn begin(&self, timeout: Option<Duration>) -> Bounds<'_> {
        let token = CancellationToken::new();
        *self.statement.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
        Bounds { interrupt: self, token, deadline: timeout.map(|timeout| Instant::now() + timeout) }
    }

    /// Ends the statement of the moment.
    pub(super) fn cancel(&self) {
        self.statement.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }
}

/// What bounds one statement.
#[derive(Debug)]
pub(super) struct Bounds<'a> {
    interrupt: &'a Interrupt,
    token: CancellationToken,
    deadline: Option<Instant>,
}

impl Bounds<'_> {
    /// The work's result, unless something ends it before.
    pub(super) async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, Problem> {
        let timeout = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.interrupt.left.cancelled() => Err(Problem::fatal("08006", "the client has left")),
            () = self.interrupt.stop.cancelled() => Err(stopping()),
            () = self.token.cancelled() => Err(Problem::new("57014", "canceling statement due to user request")),
            () = timeout => Err(Problem::new("57014", "canceling statement due to statement timeout")),
            done = work => Ok(done),
        }
    }
}

pub(super) fn stopping() -> Problem {
    Problem::fatal("57P01", "terminating connection due to administrator command")
}
