//! What a lock's object says.

use serde::{Deserialize, Serialize};

/// The span of a lock that nobody holds.
pub(super) const FREE: u64 = 0;

/// The body of a lock's object. Each write of it differs from all before: S3 knows a version by its content, and a lease
/// that was renewed has to look renewed to whoever is about to take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeaseRecord {
    /// One taking of the lock; no other has this name.
    pub(super) holder: String,
    /// How often it was renewed.
    pub(super) renewal: u64,
    /// How long, in milliseconds, the lock is held from S3's `LastModified` on.
    /// [`FREE`]: it was given back.
    pub(super) lease_millis: u64,
}

impl LeaseRecord {
    pub(super) fn to_json(&self) -> Vec<u8> {
        // Texts and numbers under text keys always make JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn from_json(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_written_and_foreign_bodies_are_none() {
        let record = LeaseRecord { holder: "a".into(), renewal: 3, lease_millis: 30_000 };
        assert_eq!(LeaseRecord::from_json(&record.to_json()), Some(record));
        assert_eq!(LeaseRecord::from_json(b"{}"), None);
    }
}
