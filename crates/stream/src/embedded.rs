//! The embedded broker: librdkafka's own mock cluster, in this process. The protocol is real, the memory is small.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::StreamError;

/// A broker that lives as long as this value, on loopback, for this process's clients.
///
/// It keeps [`EmbeddedBroker::KEPT_BYTES`] a partition and drops the oldest silently: produce through a
/// [`Backpressure`](crate::backpressure::Backpressure).
pub struct EmbeddedBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl std::fmt::Debug for EmbeddedBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedBroker").field("brokers", &self.brokers()).finish()
    }
}

impl EmbeddedBroker {
    /// What librdkafka's mock keeps of a partition.
    pub const KEPT_BYTES: usize = 5 << 20;

    /// Starts one broker, which has no topic yet.
    ///
    /// # Errors
    /// This machine lets it have no port or no thread.
    pub fn start() -> Result<Self, StreamError> {
        Ok(Self { cluster: MockCluster::new(1).map_err(StreamError::Embedded)? })
    }

    /// Makes a topic. The mock knows no topics over the wire, only this way.
    pub fn create_topic(&self, topic: &str, partitions: i32) -> Result<(), StreamError> {
        self.cluster
            .create_topic(topic, partitions, 1)
            .map_err(|error| StreamError::Topic { topic: topic.to_owned(), reason: error.to_string() })
    }

    /// `host:port` of the broker, on loopback.
    pub fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }
}
