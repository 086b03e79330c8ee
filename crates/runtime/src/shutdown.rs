//! Ending in order: the first Ctrl-C asks, the second one leaves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;

/// The exit code after Ctrl-C: 128 and SIGINT's number.
pub const INTERRUPTED: i32 = 130;

/// What the process says and does when it is asked to end.
///
/// Both are called in the thread that hears signals, which hears nothing while they work: they must not take long.
#[derive(Debug, Clone, Copy)]
pub struct Farewell {
    /// Tells a person what the end waits for.
    pub say: fn(String),
    /// The last thing to be done where nothing is waited for, such as the removal of half a file.
    pub leave: fn(),
}

/// Says when the process was asked to end. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    token: CancellationToken,
    /// As the token has it, for those who ask after each record: the token takes a lock for an answer.
    is_requested: AtomicBool,
    /// What an end in order waits for; `None`: there is nothing to wait for.
    work: Mutex<Option<String>>,
    /// Takes Ctrl-C instead.
    catcher: Mutex<Option<Catcher>>,
    farewell: OnceLock<Farewell>,
}

impl Shutdown {
    /// One that nobody requests but [`Shutdown::request`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens for Ctrl-C (SIGINT) and SIGTERM. Where there is work to end in order ([`Shutdown::waits_for`]) the first one
    /// says so and requests the shutdown, and the second ends the process at once; otherwise the first ends it. Either way
    /// with [`INTERRUPTED`]. Call it once, in main. It listens in a thread of its own, so that the second one is heard
    /// even while every other thread works.
    #[cfg(unix)]
    pub fn on_signals(farewell: Farewell) -> std::io::Result<Self> {
        let mut signals = signal_hook::iterator::Signals::new([
            signal_hook::consts::signal::SIGINT,
            signal_hook::consts::signal::SIGTERM,
        ])?;
        let shutdown = Self::new();
        let _ = shutdown.0.farewell.set(farewell);
        let asked = shutdown.clone();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if signal == signal_hook::consts::signal::SIGINT && asked.is_caught() {
                    continue;
                }
                if asked.is_requested() || !asked.begin() {
                    (farewell.leave)();
                    // Without what runs at an exit: other threads are in the middle of their work, libraries' own included.
                    signal_hook::low_level::exit(INTERRUPTED);
                }
            }
        })?;
        Ok(shutdown)
    }

    /// Elsewhere Ctrl-C ends the process at once.
    #[cfg(not(unix))]
    pub fn on_signals(_: Farewell) -> std::io::Result<Self> {
        Ok(Self::new())
    }

    /// From here on the process ends in order, which takes `work`, such as "what was fetched lands". Said again where
    /// the work changes: a person who has asked already is told of what is waited for now.
    pub fn waits_for(&self, work: impl Into<String>) {
        let work = work.into();
        let mut held = self.0.work.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_requested() && held.as_ref() != Some(&work) {
            self.say(&work);
        }
        *held = Some(work);
    }

    /// While the answer lives, Ctrl-C calls `catch` and ends nothing as long as that answers true. SIGTERM is heard as ever.
    pub fn catch(&self, catch: impl FnMut() -> bool + Send + 'static) -> Caught<'_> {
        *self.0.catcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(Catcher(Box::new(catch)));
        Caught(self)
    }

    #[cfg(unix)]
    fn is_caught(&self) -> bool {
        let mut catcher = self.0.catcher.lock().unwrap_or_else(PoisonError::into_inner);
        catcher.as_mut().is_some_and(|catcher| (catcher.0)())
    }

    /// Requests the shutdown; false where there is nothing to wait for.
    #[cfg(unix)]
    fn begin(&self) -> bool {
        let held = self.0.work.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(work) = held.as_ref() else { return false };
        self.say(work);
        self.request();
        true
    }

    fn say(&self, work: &str) {
        if let Some(farewell) = self.0.farewell.get() {
            (farewell.say)(format!("stopping: {work} (Ctrl-C again leaves at once)"));
        }
    }

    /// Asks for the end, as the first signal does, but says nothing. It cannot be taken back.
    pub fn request(&self) {
        self.0.is_requested.store(true, Ordering::Release);
        self.0.token.cancel();
    }

    /// Whether it was requested. Cheap enough to ask after each record.
    pub fn is_requested(&self) -> bool {
        self.0.is_requested.load(Ordering::Acquire)
    }

    /// Waits until it is requested; safe to drop and call again.
    pub async fn requested(&self) {
        self.0.token.cancelled().await;
    }
}

struct Catcher(Box<dyn FnMut() -> bool + Send>);

impl std::fmt::Debug for Catcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Catcher")
    }
}

/// See [`Shutdown::catch`].
#[derive(Debug)]
pub struct Caught<'a>(&'a Shutdown);

impl Drop for Caught<'_> {
    fn drop(&mut self) {
        *self.0.0.catcher.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn ctrl_c_is_caught_as_long_as_somebody_wants_it() {
        let shutdown = Shutdown::new();
        let mut left = 1;
        let caught = shutdown.catch(move || std::mem::take(&mut left) > 0);
        assert!(shutdown.is_caught() && !shutdown.is_caught());
        drop(caught);
        assert!(!shutdown.is_caught() && !shutdown.is_requested());
    }

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
