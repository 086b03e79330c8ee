//! What becomes of a panic, which is a bug.

use std::thread;

/// What goes on behind a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Survivors {
    /// Nothing but a prompt whose statement it was: a lake survives the end of the process at any moment, and nobody goes on with half
    /// of their work.
    Prompt,
    /// A server with its other connections.
    Connections,
}

/// Said once by main. A statement that the engine, or a decoder of damaged bytes, panics of fails by itself: in its own words, as a
/// panic's message may quote a row.
pub(crate) fn settle(survivors: Survivors) {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let thread = thread::current();
        let location = panic.location();
        if thread.name() == Some(millrace_sql::THREADS) {
            tracing::debug!(?location, "the engine gave up on a statement");
        } else if survivors == Survivors::Connections && thread.name() != Some("main") {
            tracing::error!(?location, "a connection ended by a fault of the server: report it");
        } else {
            default(panic);
            std::process::abort();
        }
    }));
}
