//! Snapshots that are no longer kept, and the files that only they name.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use millrace_lake::Key;

use crate::committing::{Change, Next};
use crate::failure::IcebergError;
use crate::pointer::Current;
use crate::reachable;
use crate::table::Table;
use crate::table_files::TableFiles;
use crate::table_metadata::{MAIN, Snapshot, TableMetadata};

/// Which snapshots are kept: what is read now and what branches and tags point to always; then those of `keep_last` and those from
/// `older_than` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Snapshots before this instant go. Keep more than a run takes: of one day's runs the snapshots tell which started later.
    pub older_than: DateTime<Utc>,
    /// So many of the newest that what is now came from stay, however old. What is now is one of them.
    pub keep_last: usize,
}

/// What went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    /// The snapshots.
    pub snapshots: Vec<i64>,
    /// Their files that no other snapshot names.
    pub files: Vec<Key>,
}

struct Expire<'a> {
    files: &'a TableFiles,
    retention: Retention,
    now: DateTime<Utc>,
}

#[async_trait]
impl Change for Expire<'_> {
    type Told = Expired;

    async fn on(&self, base: &Current) -> Result<Next<Expired>, IcebergError> {
        let before = &base.metadata;
        let kept = kept(before, self.retention);
        let (stay, go): (Vec<&Snapshot>, Vec<&Snapshot>) =
            before.snapshots.iter().partition(|snapshot| kept.contains(&snapshot.snapshot_id));
        if go.is_empty() {
            return Ok(Next::Nothing(Expired::default()));
        }
        // Before anything is changed: what can't be read can't be told to be unused.
        let used = reachable::of_snapshots(self.files, before, &stay).await?;
        let unused = reachable::of_snapshots(self.files, before, &go).await?;
        let told = Expired {
            snapshots: go.iter().map(|snapshot| snapshot.snapshot_id).collect(),
            // Only below the table: another table's file may be named by both.
            files: unused
                .difference(&used)
                .filter(|key| key.as_str().starts_with(&self.files.prefix()))
                .cloned()
                .collect(),
        };
        let gone = go.iter().map(|snapshot| snapshot.snapshot_id).collect();
        let mut next = without(before, &gone);
        next.last_updated_ms = next.next_millis(self.now);
        Ok(Next::Metadata(Box::new(next), told))
    }
}

/// `before` without the snapshots `gone`, and what it says of them.
pub(crate) fn without(before: &TableMetadata, gone: &BTreeSet<i64>) -> TableMetadata {
    let mut next = before.clone();
    next.snapshots.retain(|snapshot| !gone.contains(&snapshot.snapshot_id));
    // A log with a gap would tell a wrong snapshot for an instant in it. What expired before is in no snapshot either.
    let is_left = |id: i64| next.snapshots.iter().any(|snapshot| snapshot.snapshot_id == id);
    let gap = next.snapshot_log.iter().rposition(|entry| !is_left(entry.snapshot_id));
    next.snapshot_log.drain(..gap.map_or(0, |gap| gap + 1));
    for part in reachable::STATISTICS {
        if let Some(all) = next.rest.get_mut(part).and_then(|part| part.as_array_mut()) {
            let of = |one: &serde_json::Value| one.get("snapshot-id").and_then(serde_json::Value::as_i64);
            all.retain(|one| of(one).is_none_or(|id| !gone.contains(&id)));
        }
    }
    next
}

fn kept(metadata: &TableMetadata, retention: Retention) -> BTreeSet<i64> {
    let heads = metadata.refs.iter().filter(|(name, _)| *name != MAIN).map(|(_, head)| head.snapshot_id);
    let last = metadata.ancestors().take(retention.keep_last.max(1)).map(|snapshot| snapshot.snapshot_id);
    let oldest = retention.older_than.timestamp_millis();
    let young = metadata.snapshots.iter().filter(|snapshot| snapshot.timestamp_ms >= oldest);
    heads.chain(last).chain(young.map(|snapshot| snapshot.snapshot_id)).collect()
}

impl Table {
    /// What [`expire`](Self::expire) would end now.
    ///
    /// # Errors
    /// As there.
    pub async fn would_expire(&self, retention: Retention) -> Result<Expired, IcebergError> {
        let expire = Expire { files: &self.files, retention, now: Utc::now() };
        match expire.on(&self.load().await?).await? {
            Next::Nothing(expired) | Next::Metadata(_, expired) => Ok(expired),
        }
    }

    /// Ends the history that `retention` doesn't keep: first the metadata stops to name it, then its files go. Whoever dies in between
    /// leaves orphans.
    ///
    /// # Errors
    /// A manifest of the history can't be read, others were always quicker, or the store fails.
    pub async fn expire(&self, retention: Retention, now: DateTime<Utc>) -> Result<Expired, IcebergError> {
        let expired = self.commit(&Expire { files: &self.files, retention, now }).await?;
        for key in &expired.files {
            self.files.warehouse.store().delete(key).await?;
        }
        Ok(expired)
    }
}
