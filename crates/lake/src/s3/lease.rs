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

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::bucket::Bucket;
use super::held_leases::{HeldLeases, Lease, Sent};
use super::lease_object::{Found, read, record, write};
use super::lease_record::FREE;
use super::lease_renewal::keep;
use crate::object_key::Key;
use crate::random;
use crate::store::{LockGuard, StoreError};

/// The first wait for a lock that is held; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// A lock that was given back is taken at most so much later.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Gives the lock back, behind the back of whoever drops it.
#[derive(Debug)]
struct LeaseGuard {
    leases: HeldLeases,
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

/// Takes the lock, waiting for whoever holds it.
pub(super) async fn take(bucket: &Bucket, key: &Key) -> Result<Box<dyn LockGuard>, StoreError> {
    let holder = random::name();
    let mut wait = FIRST_WAIT;
    let mut watched: Option<(String, Instant)> = None;
    loop {
        let sent = Sent::now();
        if let Some(etag) = write(bucket, key, &record(bucket, &holder, 0), None).await? {
            return Ok(hold(bucket, key, holder, etag, sent));
        }
        let Some(found) = read(bucket, key).await? else { continue };
        if found.record.holder == holder {
            // The answer to the write above was lost, and it was tried again.
            return Ok(hold(bucket, key, holder, found.etag, sent));
        }
        let since = match watched {
            Some((ref etag, since)) if *etag == found.etag => since,
            _ => Instant::now(),
        };
        if has_run_out(bucket, &found, since.elapsed()) {
            if found.record.lease_millis != FREE {
                tracing::warn!(lock = %key, "taking over a lock whose holder died");
            }
            let sent = Sent::now();
            if let Some(etag) = write(bucket, key, &record(bucket, &holder, 0), Some(&found.etag)).await? {
                return Ok(hold(bucket, key, holder, etag, sent));
            }
            continue;
        }
        watched = Some((found.etag, since));
        tokio::time::sleep(random::up_to(wait)).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

fn has_run_out(bucket: &Bucket, found: &Found, watched: Duration) -> bool {
    let span = Duration::from_millis(found.record.lease_millis);
    found.record.lease_millis == FREE
        || watched > span * 2
        || found.modified.is_some_and(|modified| bucket.clock().is_past(modified, span))
}

fn hold(bucket: &Bucket, key: &Key, holder: String, etag: String, sent: Sent) -> Box<dyn LockGuard> {
    let lease = Arc::new(Lease::new(key.clone(), holder, bucket.settings().lease, sent));
    let leases = bucket.leases().clone();
    leases.add(Arc::clone(&lease));
    let (held, given_back) = oneshot::channel();
    bucket.background().spawn(&Handle::current(), keep(bucket.clone(), Arc::clone(&lease), etag, given_back));
    Box::new(LeaseGuard { leases, lease, _held: held })
}
