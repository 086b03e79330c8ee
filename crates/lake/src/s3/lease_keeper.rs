//! Renews a lease while its guard lives, and gives it back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::S3Store;
use super::lease::{self, Lease, Sent};
use crate::store::StoreError;

/// Keeps `lease`, whose object has `etag`, until `given_back` says that its guard is gone.
pub(super) async fn keep(
    store: S3Store,
    lease: Arc<Lease>,
    etag: String,
    mut given_back: oneshot::Receiver<()>,
) {
    let mut kept = Kept { store, lease, etag, renewal: 0 };
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
    store: S3Store,
    lease: Arc<Lease>,
    etag: String,
    renewal: u64,
}

impl Kept {
    async fn renew(&mut self) -> Result<Renewal, StoreError> {
        let (store, lease) = (&self.store, &self.lease);
        self.renewal += 1;
        let sent = Sent::now();
        let record = lease::record(store, &lease.holder, self.renewal);
        if let Some(etag) = lease::write(store, &lease.key, &record, Some(&self.etag)).await? {
            self.etag = etag;
            lease.renewed(sent);
            return Ok(Renewal::Done);
        }
        // Perhaps an earlier try of ours arrived and its answer did not.
        match lease::read(store, &lease.key).await? {
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
        let request = self.store.client().delete_object().bucket(self.store.bucket());
        let request = request.key(lease::name(&self.store, &self.lease.key)).if_match(&self.etag);
        if let Err(error) = request.send().await {
            let error = self.store.attempted("unlock", &self.lease.key).refused(&error);
            tracing::warn!(lock = %self.lease.key, %error, "a lock could not be given back; it runs out by itself");
        }
    }
}
