//! Names of hosts into addresses, within seconds: a name that does not resolve is told as that.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Less than a connection may take, of which it is a part. The system's own patience with name servers that do not
/// answer is half a minute and more.
const PATIENCE: Duration = Duration::from_secs(4);

/// A name that has no address, as far as the system can say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name {host} does not resolve ({reason})")]
pub struct Unresolved {
    /// As the URL has it.
    pub host: String,
    /// What the system's resolver said, or that it said nothing in time.
    pub reason: String,
}

impl Unresolved {
    /// What lies behind a failed exchange, if it is this.
    pub(super) fn behind(error: &reqwest::Error) -> Option<&Self> {
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            if let Some(unresolved) = error.downcast_ref() {
                return Some(unresolved);
            }
            cause = error.source();
        }
        None
    }
}

/// The system's resolver.
#[derive(Debug)]
pub(super) struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let unresolved = |host: &str, reason: String| Unresolved { host: host.to_owned(), reason };
        let (found, finding) = tokio::sync::oneshot::channel();
        let asked = host.clone();
        // Not one of the runtime's threads, whose end waits for them.
        let asking = std::thread::Builder::new().name("names".to_owned()).spawn(move || {
            // Port 0 stands for that of the URL.
            let addresses = (asked.as_str(), 0).to_socket_addrs().map(Iterator::collect::<Vec<SocketAddr>>);
            let _ = found.send(addresses);
        });
        Box::pin(async move {
            asking?;
            let silent = || unresolved(&host, format!("no answer within {} s", PATIENCE.as_secs()));
            let answered = tokio::time::timeout(PATIENCE, finding).await.map_err(|_| silent())?;
            let addresses = answered.map_err(|_| silent())?;
            let addresses = addresses.map_err(|error| unresolved(&host, error.to_string()))?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
