//! A server that runs.

use super::process::Server;

/// A server that answers, and what its users' environment says of it.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) server: Server,
    pub(crate) ports: Vec<u16>,
    /// The first one names the server: a caller that has set it gives a server of its own.
    pub(crate) variables: Vec<(&'static str, String)>,
}
