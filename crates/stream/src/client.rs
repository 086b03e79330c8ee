//! How we talk to a cluster.

use std::time::Duration;

use rdkafka::ClientConfig;

/// Where the brokers are, and what every client of ours has in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// `host:port`, several separated by commas.
    pub brokers: String,
    /// How long to wait for a broker's answer before it counts as unreachable.
    pub reach_timeout: Duration,
    /// How long a record may stay unacknowledged, retries included.
    pub delivery_timeout: Duration,
    /// How records travel: `none`, `lz4`, `zstd`.
    pub compression: &'static str,
}

impl ClientSettings {
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            reach_timeout: Duration::from_secs(10),
            delivery_timeout: Duration::from_secs(60),
            compression: "lz4",
        }
    }

    pub(crate) fn config(&self, role: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", format!("millrace-{role}"))
            // librdkafka's own lines would break into the progress bars; what matters comes back as errors.
            .set("log_level", "2");
        config
    }
}
