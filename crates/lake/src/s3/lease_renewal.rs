//! Renews a lease while its guard lives, and gives it back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::bucket::Bucket;
use super::held_leases::{Lease, Sent};
use super::lease_object;
use super::lease_record::{FREE, LeaseRecord};
use crate::store::StoreError;

/// Keeps `lease`, whose object has `etag`, until `given_back` says that its guard is gone.
pub(super) async fn keep(
    bucket: Bucket,
    lease: Arc<Lease>,
    etag: String,
    mut given_back: oneshot::Receiver<()>,
) {
    let mut kept = Kept { bucket, lease, etag, renewal: 0 };
    let every = kept.lease.span / 3;
    loop {
        tokio::select! {
            _ = &mut given_back => return kept.give_back().await,
            () = tokio::time::sleep(every) => {}
        }
        // A renewal that hangs must not eat the time of the one after it.
        match tokio::time::timeout(every, kept.renew()).await {
            Ok(Ok(Renewal::Done)) => {}
            Ok(Ok(Renewal::TakenAway)) => {
                tracing::warn!(lock = %kept.lease.key, "a lock was lost to another holder");
                kept.lease.taken_away();
                return;
            }
            Ok(Err(error)) => {
                tracing::warn!(lock = %kept.lease.key, %error, "a lock could not be renewed; tried again");
                let soon = every.min(Duration::from_secs(1));
                tokio::select! {
                    _ = &mut given_back => return kept.give_back().await,
                    () = tokio::time::sleep(soon) => {}
                }
            }
            Err(_) => tracing::warn!(lock = %kept.lease.key, "a lock's renewal timed out; tried again"),
        }
    }
}

enum Renewal {
    Done,
    TakenAway,
}

struct Kept {
    bucket: Bucket,
    lease: Arc<Lease>,
    etag: String,
    renewal: u64,
}

impl Kept {
    async fn renew(&mut self) -> Result<Renewal, StoreError> {
        let (bucket, lease) = (&self.bucket, &self.lease);
        self.renewal += 1;
        let sent = Sent::now();
        let record = lease_object::record(bucket, &lease.holder, self.renewal);
        if let Some(etag) = lease_object::write(bucket, &lease.key, &record, Some(&self.etag)).await? {
            self.etag = etag;
            lease.renewed(sent);
            return Ok(Renewal::Done);
        }
        // Perhaps an earlier try of ours arrived and its answer did not.
        match lease_object::read(bucket, &lease.key).await? {
            Some(found) if found.record.holder == lease.holder => {
                self.etag = found.etag;
                // When it was written is not known to have been after `sent`; the next renewal counts.
                Ok(Renewal::Done)
            }
            _ => Ok(Renewal::TakenAway),
        }
    }

    /// Removes the object, unless it may be another's by now: its next holder then finds it run out.
    async fn give_back(self) {
        if !self.lease.is_held() {
            return;
        }
        let (bucket, key) = (&self.bucket, &self.lease.key);
        let request = bucket.client().delete_object().bucket(bucket.name());
        let Err(error) = request.key(lease_object::name(bucket, key)).if_match(&self.etag).send().await
        else {
            return;
        };
        // Not every server knows conditional removals. A removal without a condition could hit another's lock; so the lock
        // is written as free instead.
        let free = LeaseRecord {
            lease_millis: FREE,
            ..lease_object::record(bucket, &self.lease.holder, self.renewal + 1)
        };
        if let Ok(Some(_)) = lease_object::write(bucket, key, &free, Some(&self.etag)).await {
            return;
        }
        let error = bucket.attempted("unlock", key).refused(&error);
        tracing::warn!(lock = %key, %error, "a lock could not be given back; it runs out by itself");
    }
}
