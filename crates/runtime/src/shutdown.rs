//! Ending in order: the first Ctrl-C asks, the second one leaves.

use tokio_util::sync::CancellationToken;

/// The exit code after Ctrl-C: 128 and SIGINT's number.
pub const INTERRUPTED: i32 = 130;

/// Says when the process was asked to end. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// One that nobody requests but [`Shutdown::request`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens for Ctrl-C (SIGINT) and SIGTERM: the first requests the shutdown, the second ends the process at once
    /// with [`INTERRUPTED`]. Call it once, in main. It listens in a thread of its own, so that the second one is heard
    /// even while every other thread works.
    #[cfg(unix)]
    pub fn on_signals() -> std::io::Result<Self> {
        let mut signals = signal_hook::iterator::Signals::new([
            signal_hook::consts::signal::SIGINT,
            signal_hook::consts::signal::SIGTERM,
        ])?;
        let shutdown = Self::new();
        let requested = shutdown.clone();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for _ in signals.forever() {
                if requested.is_requested() {
                    std::process::exit(INTERRUPTED);
                }
                requested.request();
            }
        })?;
        Ok(shutdown)
    }

    /// Elsewhere Ctrl-C ends the process at once.
    #[cfg(not(unix))]
    pub fn on_signals() -> std::io::Result<Self> {
        Ok(Self::new())
    }

    pub fn request(&self) {
        self.token.cancel();
    }

    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until it is requested; safe to drop and call again.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// For whoever takes a token of the `tokio_util` kind.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_reaches_every_clone() {
        let shutdown = Shutdown::new();
        let clone = shutdown.clone();
        assert!(!clone.is_requested());
        shutdown.request();
        clone.requested().await;
        assert!(clone.is_requested());
    }
}
