//! The leases that a store holds, as far as this process knows. Nothing is asked here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::service_error::Said;
use crate::object_key::Key;

/// The leases that a store holds.
#[derive(Debug, Clone, Default)]
pub(super) struct HeldLeases(Arc<Mutex<Vec<Arc<Lease>>>>);

impl HeldLeases {
    /// Fails where one of them was lost.
    pub(super) fn check(&self) -> Result<(), Said> {
        let leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match leases.iter().find(|lease| !lease.is_held()) {
            None => Ok(()),
            Some(lease) => Err(Said(format!("the lock {} was lost before it was given back", lease.key))),
        }
    }

    pub(super) fn add(&self, lease: Arc<Lease>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(lease);
    }

    pub(super) fn remove(&self, lease: &Arc<Lease>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, lease));
    }
}

/// One taking of a lock.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) key: Key,
    pub(super) holder: String,
    pub(super) span: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    // When the renewal that S3 took last was sent. Both clocks: one stands still while the machine sleeps, the other may be
    // set back.
    sent: Sent,
    taken: bool,
}

/// A moment by both clocks of this machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent(Instant, SystemTime);

impl Sent {
    pub(super) fn now() -> Self {
        Self(Instant::now(), SystemTime::now())
    }

    fn elapsed(self) -> Duration {
        self.0.elapsed().max(self.1.elapsed().unwrap_or_default())
    }
}

impl Lease {
    pub(super) fn new(key: Key, holder: String, span: Duration, sent: Sent) -> Self {
        Self { key, holder, span, state: Mutex::new(State { sent, taken: false }) }
    }

    /// Whether nobody else can hold the lock.
    pub(super) fn is_held(&self) -> bool {
        let state = self.state();
        !state.taken && state.sent.elapsed() < self.span
    }

    pub(super) fn renewed(&self, sent: Sent) {
        self.change(|state| state.sent = sent);
    }

    /// Somebody else wrote to the object, or removed it.
    pub(super) fn taken_away(&self) {
        self.change(|state| state.taken = true);
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(span: Duration) -> Arc<Lease> {
        Arc::new(Lease::new(Key::new("jobs/a").unwrap(), "me".into(), span, Sent::now()))
    }

    #[test]
    fn a_lease_that_ran_out_or_was_taken_stops_writes_until_it_is_given_back() {
        let leases = HeldLeases::default();
        let (short, long) = (lease(Duration::ZERO), lease(Duration::from_secs(60)));
        leases.add(Arc::clone(&long));
        leases.check().unwrap();
        leases.add(Arc::clone(&short));
        assert!(leases.check().unwrap_err().to_string().contains("jobs/a"));
        leases.remove(&short);
        leases.check().unwrap();
        long.taken_away();
        leases.check().unwrap_err();
    }

    #[test]
    fn a_machine_that_slept_has_lost_its_leases() {
        let asleep = Sent(Instant::now(), SystemTime::now() - Duration::from_secs(3_600));
        let lease = Lease::new(Key::new("a").unwrap(), "me".into(), Duration::from_secs(30), asleep);
        assert!(!lease.is_held());
        lease.renewed(Sent::now());
        assert!(lease.is_held());
    }
}
