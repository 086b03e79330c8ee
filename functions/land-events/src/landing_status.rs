//! How far a landing is, for who looks on from another thread or asks at its end.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use millrace_events::decode_error::DecodeError;
use millrace_lake::Key;
use millrace_stream::record::Record;

/// Kept by a landing while it works.
#[derive(Debug, Default)]
pub struct LandingStatus(Mutex<LandingSnapshot>);

/// What had happened at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LandingSnapshot {
    /// Records taken, told now and then.
    pub records: u64,
    /// Records that became dead letters, whether or not they are acknowledged yet.
    pub dead_letters: DeadLettersByKind,
    /// The object stored last.
    pub last_object: Option<Key>,
}

impl LandingStatus {
    /// A copy of what has happened so far.
    pub fn seen(&self) -> LandingSnapshot {
        self.held().clone()
    }

    pub(crate) fn took(&self, records: u64) {
        self.held().records += records;
    }

    pub(crate) fn dead(&self, record: &Record<'_>, reason: &DecodeError) {
        let (topic, partition, offset) = (record.topic, record.partition, record.offset);
        self.held()
            .dead_letters
            .add(reason.kind(), || format!("{topic}/{partition}, offset {offset}: {reason}"));
    }

    pub(crate) fn stored(&self, key: &Key) {
        self.held().last_object = Some(key.clone());
    }

    fn held(&self) -> MutexGuard<'_, LandingSnapshot> {
        // Whole after each statement, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dead letters by the kind of their reason, a dead letter's `error-kind`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLettersByKind(BTreeMap<String, OfKind>);

/// Dead letters of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfKind {
    /// How many there are.
    pub records: u64,
    /// Of the first one: where it lies and what is wrong with it.
    pub sample: String,
}

impl DeadLettersByKind {
    /// Counts one of `kind`; `sample` is only called for the first of it.
    pub fn add(&mut self, kind: &str, sample: impl FnOnce() -> String) {
        match self.0.get_mut(kind) {
            Some(of_kind) => of_kind.records += 1,
            None => {
                self.0.insert(kind.to_owned(), OfKind { records: 1, sample: sample() });
            }
        }
    }

    /// Of all kinds.
    pub fn records(&self) -> u64 {
        self.0.values().map(|of_kind| of_kind.records).sum()
    }

    /// Each kind once, in the order of their names.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &OfKind)> {
        self.0.iter().map(|(kind, of_kind)| (kind.as_str(), of_kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_keeps_its_first_sample() {
        let mut dead = DeadLettersByKind::default();
        for (kind, sample) in [("wrong_type", "first"), ("undecodable", "other"), ("wrong_type", "second")] {
            dead.add(kind, || sample.to_owned());
        }
        assert_eq!(dead.records(), 3);
        let told: Vec<_> = dead.kinds().map(|(kind, of)| (kind, of.records, of.sample.as_str())).collect();
        assert_eq!(told, [("undecodable", 1, "other"), ("wrong_type", 2, "first")]);
    }
}
