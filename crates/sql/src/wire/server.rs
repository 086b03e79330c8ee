//! Takes connections, and ends them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pgwire::tokio::TlsAcceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::wire::catalogue::Catalogue;
use crate::wire::connection;
use crate::wire::login::{Door, Users};
use crate::wire::problem::Problem;
use crate::wire::settings::{ServerSettings, WireError};
use crate::wire::shared::Shared;

/// How long a client may take to log in.
const LOGIN: Duration = Duration::from_secs(30);
/// Connections that have not logged in: beyond it new ones are closed at once.
const AT_THE_DOOR: usize = 256;

/// A server that listens and has not begun to serve.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Ends a server: see [`Server::serve`].
#[derive(Debug, Clone)]
pub struct Stop(CancellationToken);

impl Stop {
    /// No connection is taken any more, running statements end, and [`Server::serve`] returns.
    pub fn stop(&self) {
        self.0.cancel();
    }
}

impl Server {
    /// Listens. To be called within a tokio runtime, on which connections will be served; statements work on the engine's own.
    ///
    /// # Errors
    /// The address is not to be had, or is reached from other machines while no users are set.
    pub async fn bind(engine: Engine, settings: &ServerSettings) -> Result<Self, WireError> {
        settings.check()?;
        let users = Users::of(&settings.users);
        let catalogue = Catalogue::new(&engine, users.names())
            .map_err(|error| WireError::Catalogue { reason: error.strip_backtrace() })?;
        let failed = |source| WireError::Listen { listen: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Shared {
            engine,
            catalogue,
            registry: Arc::default(),
            stop: CancellationToken::new(),
            users,
            tls: settings.tls.clone().map(TlsAcceptor::from),
            sessions: Semaphore::new(settings.connections),
            door: Arc::new(Semaphore::new(AT_THE_DOOR)),
        };
        Ok(Self { listener, address, shared: Arc::new(shared) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What ends it.
    pub fn stopper(&self) -> Stop {
        Stop(self.shared.stop.clone())
    }

    /// Serves until it is stopped, and until all connections have been told so.
    pub async fn serve(self) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => break,
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => drop(connections.spawn(connect(Arc::clone(&self.shared), stream))),
                    Err(error) => {
                        // Mostly too many open files: the next attempt may find fewer.
                        tracing::warn!(%error, "a connection could not be taken");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
        drop(self.listener);
        while connections.join_next().await.is_some() {}
    }
}

async fn connect(shared: Arc<Shared>, stream: TcpStream) {
    let Ok(waiting) = Arc::clone(&shared.door).try_acquire_owned() else { return };
    let _ = stream.set_nodelay(true);
    let door = Door { users: &shared.users, tls: shared.tls.as_ref(), registry: &shared.registry };
    let opened = tokio::select! {
        () = shared.stop.cancelled() => None,
        opened = tokio::time::timeout(LOGIN, door.open(stream)) => opened.ok().flatten(),
    };
    drop(waiting);
    let Some(mut login) = opened else { return };
    let Ok(_session) = shared.sessions.try_acquire() else {
        login.writes.problem(&Problem::fatal("53300", "sorry, too many clients already"));
        let _ = tokio::time::timeout(LOGIN, login.writes.close()).await;
        return;
    };
    connection::serve(&shared, login).await;
}
