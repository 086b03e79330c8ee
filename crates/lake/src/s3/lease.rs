//! Locks: an object that whoever holds the lock writes, renews while it lives, and removes.
//!
//! - **Taking** is a write that succeeds where no object is (`If-None-Match: *`), or where the holder let its lease run out
//!   and nobody wrote since (`If-Match`). Of those who try at once S3 lets one through.
//! - **Running out** is by S3's clock: `LastModified` of the object beside the `Date` of the answer that tells it. Where a
//!   server tells no such times, a lock is of the dead once nobody renewed it while one watched for twice its lease.
//! - **Losing.** A holder goes by its own clock, from before it sent the renewal that S3 took: it knows a lease as lost
//!   before others can take it. From then on every write and removal through this store fails with Retry, until the guard
//!   is dropped: the store cannot tell which of its callers relies on which lock, and errs on the safe side.
//! - **What S3 cannot promise**: a request that was sent before the lease was lost may still arrive after it, for as long
//!   as the deadline of the settings. S3 has no fence that a plain put would be held against; where that matters, what is
//!   written has to say whose it is.
//! - **Giving back** removes the object on condition that it is still the holder's; a server that has no such removal
//!   keeps a small object that says that the lock is free.
//!
//! The objects are under `.locks/`, which no key can name: locks are in no listing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_s3::primitives::DateTime;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::S3Store;
use super::lease_record::{FREE, LeaseRecord};
use super::lease_renewal::keep;
use super::service_error::{Said, is_absent, is_precondition};
use crate::object_key::Key;
use crate::random;
use crate::store::{LockGuard, StoreError};

/// The first wait for a lock that is held; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// A lock that was given back is taken at most so much later.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The leases that a store holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Leases(Arc<Mutex<Vec<Arc<Lease>>>>);

impl Leases {
    /// Fails where one of them was lost.
    pub(super) fn check(&self) -> Result<(), Said> {
        let leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match leases.iter().find(|lease| !lease.is_held()) {
            None => Ok(()),
            Some(lease) => Err(Said(format!("the lock {} was lost before it was given back", lease.key))),
        }
    }

    fn add(&self, lease: Arc<Lease>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(lease);
    }

    fn remove(&self, lease: &Arc<Lease>) {
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
    fn new(key: Key, holder: String, span: Duration, sent: Sent) -> Self {
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

/// Gives the lock back, behind the back of whoever drops it.
#[derive(Debug)]
struct LeaseGuard {
    leases: Leases,
    lease: Arc<Lease>,
    // Dropped with the guard, which tells the keeper.
    _held: oneshot::Sender<()>,
}

impl LockGuard for LeaseGuard {}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        self.leases.remove(&self.lease);
    }
}

/// The lock's object as it was read.
pub(super) struct Found {
    pub(super) record: LeaseRecord,
    pub(super) etag: String,
    modified: Option<DateTime>,
}

/// Takes the lock, waiting for whoever holds it.
pub(super) async fn take(store: &S3Store, key: &Key) -> Result<Box<dyn LockGuard>, StoreError> {
    let holder = random::name();
    let mut wait = FIRST_WAIT;
    let mut watched: Option<(String, Instant)> = None;
    loop {
        let sent = Sent::now();
        if let Some(etag) = write(store, key, &record(store, &holder, 0), None).await? {
            return Ok(hold(store, key, holder, etag, sent));
        }
        let Some(found) = read(store, key).await? else { continue };
        if found.record.holder == holder {
            // The answer to the write above was lost, and it was tried again.
            return Ok(hold(store, key, holder, found.etag, sent));
        }
        let since = match watched {
            Some((ref etag, since)) if *etag == found.etag => since,
            _ => Instant::now(),
        };
        if has_run_out(store, &found, since.elapsed()) {
            if found.record.lease_millis != FREE {
                tracing::warn!(lock = %key, "taking over a lock whose holder died");
            }
            let sent = Sent::now();
            if let Some(etag) = write(store, key, &record(store, &holder, 0), Some(&found.etag)).await? {
                return Ok(hold(store, key, holder, etag, sent));
            }
            continue;
        }
        watched = Some((found.etag, since));
        tokio::time::sleep(random::up_to(wait)).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

fn has_run_out(store: &S3Store, found: &Found, watched: Duration) -> bool {
    let span = Duration::from_millis(found.record.lease_millis);
    found.record.lease_millis == FREE
        || watched > span * 2
        || found.modified.is_some_and(|modified| store.clock().is_past(modified, span))
}

pub(super) fn record(store: &S3Store, holder: &str, renewal: u64) -> LeaseRecord {
    let lease_millis = u64::try_from(store.settings().lease.as_millis()).unwrap_or(u64::MAX);
    LeaseRecord { holder: holder.to_owned(), renewal, lease_millis }
}

fn hold(store: &S3Store, key: &Key, holder: String, etag: String, sent: Sent) -> Box<dyn LockGuard> {
    let lease = Arc::new(Lease::new(key.clone(), holder, store.settings().lease, sent));
    let leases = store.0.leases.clone();
    leases.add(Arc::clone(&lease));
    let (held, given_back) = oneshot::channel();
    store.background().spawn(&Handle::current(), keep(store.clone(), Arc::clone(&lease), etag, given_back));
    Box::new(LeaseGuard { leases, lease, _held: held })
}

/// Writes the lock's object where it has `etag`, or where there is none; answers its new ETag. `None`: it is otherwise.
pub(super) async fn write(
    store: &S3Store,
    key: &Key,
    record: &LeaseRecord,
    etag: Option<&str>,
) -> Result<Option<String>, StoreError> {
    let request = store.client().put_object().bucket(store.bucket()).key(name(store, key));
    let request = request.body(record.to_json().into());
    let request = match etag {
        Some(etag) => request.if_match(etag),
        None => request.if_none_match("*"),
    };
    match request.send().await {
        Ok(written) => match written.e_tag {
            Some(etag) => Ok(Some(etag)),
            None => Err(store.attempted("lock", key).stop(NO_ETAG, Said("it wrote one without".to_owned()))),
        },
        Err(error) if is_precondition(&error) || is_absent(&error) => Ok(None),
        Err(error) => Err(store.attempted("lock", key).refused(&error)),
    }
}

const NO_ETAG: &str = "the server gives its objects no ETag, which locks need; choose a server that does";

/// The lock's object as it is.
pub(super) async fn read(store: &S3Store, key: &Key) -> Result<Option<Found>, StoreError> {
    let attempted = store.attempted("lock", key);
    let request = store.client().get_object().bucket(store.bucket()).key(name(store, key));
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(attempted.refused(&error)),
    };
    let (etag, modified) = (answer.e_tag.clone(), answer.last_modified);
    let body = answer.body.collect().await.map_err(|error| attempted.retry(Said(error.to_string())))?;
    let Some(record) = LeaseRecord::from_json(&body.into_bytes()) else {
        let hint = "the lock's object is none of ours; when nothing works on the lake, remove it";
        return Err(attempted.stop(hint, Said(format!("it is {}", name(store, key)))));
    };
    match etag {
        Some(etag) => Ok(Some(Found { record, etag, modified })),
        None => Err(attempted.stop(NO_ETAG, Said("it read one without".to_owned()))),
    }
}

/// The name of the lock's object.
pub(super) fn name(store: &S3Store, key: &Key) -> String {
    store.prefix(&format!(".locks/{key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(span: Duration) -> Arc<Lease> {
        Arc::new(Lease::new(Key::new("jobs/a").unwrap(), "me".into(), span, Sent::now()))
    }

    #[test]
    fn a_lease_that_ran_out_or_was_taken_stops_writes_until_it_is_given_back() {
        let leases = Leases::default();
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
