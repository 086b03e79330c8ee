//! What the connections of one server have together.

use std::sync::Arc;

use pgwire::tokio::TlsAcceptor;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::wire::catalogue::Catalogue;
use crate::wire::login::Users;
use crate::wire::registry::Registry;

pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) catalogue: Catalogue,
    pub(super) registry: Arc<Registry>,
    pub(super) stop: CancellationToken,
    pub(super) users: Users,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) sessions: Semaphore,
    pub(super) door: Arc<Semaphore>,
}
