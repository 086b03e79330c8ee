//! Which connection a cancel request is about.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::wire::interrupt::Interrupt;

/// The connections by what their clients were given at the start.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<HashMap<i32, (i32, Arc<Interrupt>)>>);

/// What a client cancels its statement with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) process: i32,
    pub(super) secret: i32,
}

impl Registry {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i32, (i32, Arc<Interrupt>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until what is returned is dropped.
    pub(super) fn enter(self: &Arc<Self>, interrupt: &Arc<Interrupt>) -> Entry {
        let mut known = self.lock();
        let process = loop {
            let process = rand::random::<i32>() & i32::MAX;
            if process != 0 && !known.contains_key(&process) {
                break process;
            }
        };
        let secret = rand::random();
        known.insert(process, (secret, Arc::clone(interrupt)));
        Entry { registry: Arc::clone(self), key: Key { process, secret } }
    }

    /// Ends the statement of the connection with this key; a wrong key ends nothing.
    pub(super) fn cancel(&self, key: Key) {
        if let Some((secret, interrupt)) = self.lock().get(&key.process)
            && *secret == key.secret
        {
            interrupt.cancel();
        }
    }
}

#[derive(Debug)]
pub(super) struct Entry {
    registry: Arc<Registry>,
    pub(super) key: Key,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.registry.lock().remove(&self.key.process);
    }
}
