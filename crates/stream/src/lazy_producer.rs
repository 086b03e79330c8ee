//! A producer that connects with its first record.

use std::sync::{Arc, Mutex, PoisonError};

use crate::StreamError;
use crate::client::ClientSettings;
use crate::producer::{Producer, Publisher, TooLarge};
use crate::record::OutgoingRecord;

/// A [`Publisher`] for those who seldom have a record: a function that lands good records never meets a broker.
///
/// It lives as long as a piece of work whose records are vouched for together: a [`Producer`] that failed once fails
/// every later flush, so that no success of another's records hides the loss.
#[derive(Debug)]
pub struct LazyProducer {
    settings: ClientSettings,
    producer: Mutex<Option<Arc<Producer>>>,
}

impl LazyProducer {
    /// Connects to nothing before the first record.
    pub fn new(settings: ClientSettings) -> Self {
        Self { settings, producer: Mutex::default() }
    }

    fn connected(&self) -> Result<Arc<Producer>, StreamError> {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = &*producer {
            return Ok(Arc::clone(producer));
        }
        let connected = Arc::new(Producer::connect(&self.settings, None)?);
        *producer = Some(Arc::clone(&connected));
        Ok(connected)
    }
}

impl Publisher for LazyProducer {
    fn publish(&self, record: &OutgoingRecord<'_>) -> Result<(), StreamError> {
        self.connected()?.publish(record)
    }

    fn flush(&self) -> Result<(), StreamError> {
        let producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        producer.map_or(Ok(()), |producer| producer.flush())
    }

    fn take_refused(&self) -> Vec<TooLarge> {
        let producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        producer.map_or_else(Vec::new, |producer| producer.take_refused())
    }
}
