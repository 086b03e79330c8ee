//! The SDK's client, built once.

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, Region};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, tls};

use super::refusal::{Attempted, Said};
use super::retried::ByStatus;
use super::server_clock::ServerClock;
use super::settings::S3Settings;
use crate::store::StoreError;

/// More tries than any deadline leaves time for: the deadline ends them.
const MAX_TRIES: u32 = 32;

/// How long the longest wait between two tries is.
const MAX_BACKOFF: std::time::Duration = std::time::Duration::from_secs(20);

/// How long a connection may take to come about; one that takes longer is not worth its wait.
const CONNECT: std::time::Duration = std::time::Duration::from_secs(5);

/// What an endpoint of one's own is told where no region is set; such servers know regions by name only.
const REGION_OF_ENDPOINTS: &str = "us-east-1";

/// The client for `settings`, which notes S3's time in `clock`.
///
/// # Errors
/// Stop where settings cannot work, or no region is set.
pub(super) async fn connect(settings: &S3Settings, clock: ServerClock) -> Result<Client, StoreError> {
    let store = settings.address.to_string();
    let attempted = Attempted { store: &store, action: "open", key: "the lake" };
    if let Some(fault) = settings.fault() {
        return Err(attempted.stop(fault, Said("the store's settings cannot work".to_owned())));
    }
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_TRIES)
        .with_initial_backoff(settings.backoff)
        .with_max_backoff(MAX_BACKOFF);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(settings.attempt)
        .operation_timeout(settings.deadline)
        .build();
    let http = Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https();
    // Pinned: a newer one may change what is sent, and is to be chosen, not to come with an update.
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .retry_config(retries)
        .timeout_config(timeouts);
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(keys) = &settings.credentials {
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
    let is_elsewhere = found.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
    let mut config = aws_sdk_s3::config::Builder::from(&found)
        // AWS's certificates cover one name in front of its own, so no bucket with a dot.
        .force_path_style(is_elsewhere || settings.address.bucket().contains('.'))
        .retry_classifier(ByStatus)
        .interceptor(clock);
    if found.region().is_none() {
        if !is_elsewhere {
            let said = Said("neither the settings, the environment nor a profile name one".to_owned());
            return Err(attempted.stop("no region is set; set AWS_REGION to the bucket's", said));
        }
        config = config.region(Region::new(REGION_OF_ENDPOINTS));
    }
    Ok(Client::from_conf(config.build()))
}
