//! How we talk to a cluster.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;

use crate::StreamError;
use crate::base_offsets::BaseOffsets;
use crate::handshake::{Handshake, await_token};
use crate::security::Security;

/// Where the brokers are, and what every client of ours has in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// `host:port`, several separated by commas.
    pub brokers: String,
    /// Encryption and login.
    pub security: Security,
    /// How long to wait for a broker's answer before it counts as unreachable.
    pub reach_timeout: Duration,
    /// How long a record may stay unacknowledged, retries included.
    pub delivery_timeout: Duration,
    /// How records travel: `none`, `lz4`, `zstd`.
    pub compression: &'static str,
    /// Of an embedded broker; heeded by [`Producer`](crate::producer::Producer) and [`Consumer`](crate::consumer::Consumer).
    pub base_offsets: BaseOffsets,
}

impl ClientSettings {
    /// Plain: see [`secured`](Self::secured).
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            security: Security::Plain,
            reach_timeout: Duration::from_secs(10),
            delivery_timeout: Duration::from_secs(60),
            compression: "lz4",
            base_offsets: BaseOffsets::default(),
        }
    }

    /// The same, talking to the brokers by `security`.
    #[must_use]
    pub fn secured(self, security: Security) -> Self {
        Self { security, ..self }
    }

    pub(crate) fn config(&self, role: &str) -> Result<ClientConfig, StreamError> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", format!("millrace-{role}"))
            // librdkafka's own lines would break into the progress bars; what matters comes back as errors.
            .set("log_level", "2");
        self.security.apply(&mut config)?;
        Ok(config)
    }

    /// The ear at a new client's connections.
    pub(crate) fn handshake(&self) -> Handshake {
        Handshake::new(&self.brokers, &self.security)
    }

    /// A client that asks or reads, with an ear at its connections.
    pub(crate) fn consumer(&self, config: &ClientConfig) -> Result<BaseConsumer<Handshake>, StreamError> {
        let client = config.create_with_context(self.handshake()).map_err(StreamError::Settings)?;
        await_token(&client, self.reach_timeout)?;
        Ok(client)
    }
}
