//! Who was sent to users_created, for the simulation of what they do.

use std::sync::{Arc, Mutex, PoisonError};

use millrace_stream::StreamError;
use millrace_stream::producer::{Producer, Publisher, TooLarge};
use millrace_stream::record::OutgoingRecord;
use millrace_stream::topics::USERS_CREATED;

/// As many persons do something in one run at most: the rest exists and rests. What a run holds of them stays small.
const AT_MOST: usize = 100_000;

/// Passes records on and keeps the user ids among their keys.
pub(super) struct Persons {
    producer: Arc<Producer>,
    ids: Option<Mutex<Vec<String>>>,
}

impl Persons {
    /// Keeps ids only where they are `wanted`.
    pub(super) fn new(producer: Arc<Producer>, wanted: bool) -> Self {
        Self { producer, ids: wanted.then(Mutex::default) }
    }

    /// The ids that came so far, in the order of their records.
    pub(super) fn take(&self) -> Vec<String> {
        self.ids
            .iter()
            .flat_map(|ids| std::mem::take(&mut *ids.lock().unwrap_or_else(PoisonError::into_inner)))
            .collect()
    }
}

impl Publisher for Persons {
    fn publish(&self, record: &OutgoingRecord<'_>) -> Result<(), StreamError> {
        self.producer.publish(record)?;
        let id = record.key.and_then(|key| std::str::from_utf8(key).ok());
        if let (Some(ids), Some(id), USERS_CREATED) = (&self.ids, id, record.topic) {
            let mut ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
            if ids.len() < AT_MOST {
                ids.push(id.to_owned());
            }
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), StreamError> {
        self.producer.flush()
    }

    fn take_refused(&self) -> Vec<TooLarge> {
        self.producer.take_refused()
    }
}
