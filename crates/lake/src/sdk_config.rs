//! What every client of AWS's SDK here is told: how it speaks, how long it tries, whom it is.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_s3::config::Region;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, tls};

use crate::s3::S3Credentials;

/// More tries than any deadline leaves time for: the deadline ends them.
const MAX_TRIES: u32 = 32;

/// How long the longest wait between two tries is.
const MAX_BACKOFF: Duration = Duration::from_secs(20);

/// How long a connection may take to come about; one that takes longer is not worth its wait.
const CONNECT: Duration = Duration::from_secs(5);

/// What an endpoint of one's own is told where no region is set; such servers know regions by name only.
pub const REGION_OF_ENDPOINTS: Region = Region::from_static("us-east-1");

/// What settings say of a service; what is `None` is found as AWS's own tools find it.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub region: Option<&'a str>,
    pub endpoint: Option<&'a str>,
    pub credentials: Option<&'a S3Credentials>,
    /// How long one try of a request may take.
    pub attempt: Duration,
    /// How long all tries together may take, and the waits between them.
    pub deadline: Duration,
    /// The first wait between two tries at most.
    pub backoff: Duration,
}

pub async fn load(wanted: Wanted<'_>) -> SdkConfig {
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_TRIES)
        .with_initial_backoff(wanted.backoff)
        .with_max_backoff(MAX_BACKOFF);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(wanted.attempt)
        .operation_timeout(wanted.deadline)
        .build();
    let http = Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https();
    // Pinned: a newer one may change what is sent, and is to be chosen, not to come with an update.
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .retry_config(retries)
        .timeout_config(timeouts);
    if let Some(region) = wanted.region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(endpoint) = wanted.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(keys) = wanted.credentials {
        let keys = keys.clone();
        loader = loader.credentials_provider(Credentials::new(
            keys.access_key_id,
            keys.secret_access_key,
            keys.session_token,
            None,
            "millrace-settings",
        ));
    }
    loader.load().await
}
