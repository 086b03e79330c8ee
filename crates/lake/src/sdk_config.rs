//! What every client of AWS's SDK here is told: how it speaks, how long it tries, whom it is.

use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_s3::config::Region;
use aws_types::service_config::ServiceConfigKey;

#[cfg(feature = "profiles")]
use crate::aws_hints;
#[cfg(feature = "profiles")]
use crate::credential_process;
use crate::s3::S3Credentials;

/// More tries than any deadline leaves time for: the deadline ends them.
const MAX_TRIES: u32 = 32;

/// How long the longest wait between two tries is.
const MAX_BACKOFF: Duration = Duration::from_secs(20);

/// How long a connection may take to come about; one that takes longer is not worth its wait.
const CONNECT: Duration = Duration::from_secs(5);

/// How long keys may be waited for: a program that a profile names may ask its user for a code, or open a browser.
const CREDENTIALS: Duration = Duration::from_secs(300);

/// What an endpoint of one's own is told where no region is set; such servers know regions by name only.
pub const REGION_OF_ENDPOINTS: Region = Region::from_static("us-east-1");

/// What settings say of a service; what is `None` is found as AWS's own tools find it.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Such as `eu-central-1`.
    pub region: Option<&'a str>,
    /// Another server than AWS's, as a URL.
    pub endpoint: Option<&'a str>,
    /// Fixed keys; a session's keys are not renewed.
    pub credentials: Option<&'a S3Credentials>,
    /// How long one try of a request may take.
    pub attempt: Duration,
    /// How long all tries together may take, and the waits between them.
    pub deadline: Duration,
    /// The first wait between two tries at most.
    pub backoff: Duration,
}

/// The configuration of all clients: keys and region found, retries and timeouts as `wanted`.
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
    // Pinned: a newer one may change what is sent, and is to be chosen, not to come with an update.
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(millrace_aws_http::client())
        .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS).build())
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
    let found = loader.load().await;
    #[cfg(feature = "profiles")]
    if wanted.credentials.is_none() && !aws_hints::environment_has_keys() {
        let profiles = aws_hints::profiles().await.unwrap_or_default();
        if let Some(program) = credential_process::provider(&found, &profiles).await {
            return found.to_builder().credentials_provider(program).build();
        }
    }
    found
}

/// Whether the service asked for is elsewhere than at AWS: for all services, or by its own variable or section of a profile.
pub fn is_elsewhere(config: &SdkConfig, service: &str) -> bool {
    if config.endpoint_url().is_some() {
        return true;
    }
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let own = config.service_config().zip(key.ok());
    own.is_some_and(|(found, key)| found.load_config(key).is_some())
}
