//! The SDK's client, built once.

use aws_sdk_s3::Client;

use super::retry_rules::ByStatus;
use super::server_clock::ServerClock;
use super::service_error::{Attempted, Said};
use super::settings::S3Settings;
use crate::aws_hints::Setup;
use crate::sdk_config::{self, Wanted};
use crate::store::StoreError;

/// The client for `settings`, which notes S3's time in `clock`.
///
/// # Errors
/// Stop where settings cannot work, or no region is set.
pub(super) async fn connect(
    settings: &S3Settings,
    clock: ServerClock,
) -> Result<(Client, Setup), StoreError> {
    let store = settings.address.to_string();
    let found = sdk_config::load(Wanted {
        region: settings.region.as_deref(),
        endpoint: settings.endpoint.as_deref(),
        credentials: settings.credentials.as_ref(),
        attempt: settings.attempt,
        deadline: settings.deadline,
        backoff: settings.backoff,
    })
    .await;
    let is_elsewhere = sdk_config::is_elsewhere(&found, "s3");
    let setup = Setup::of_process(&found, settings.credentials.is_some(), is_elsewhere).await;
    let attempted = Attempted { store: &store, setup: &setup, action: "open", key: "the lake" };
    if let Some(fault) = settings.fault() {
        return Err(attempted.stop(fault, Said("the store's settings cannot work".to_owned())));
    }
    let mut config = aws_sdk_s3::config::Builder::from(&found)
        // AWS's certificates cover one name in front of its own, so no bucket with a dot.
        .force_path_style(is_elsewhere || settings.address.bucket().contains('.'))
        .retry_classifier(ByStatus)
        .interceptor(clock)
        .interceptor(millrace_aws_http::CallTrace);
    if found.region().is_none() {
        if !is_elsewhere {
            let said = Said("neither the settings, the environment nor a profile name one".to_owned());
            return Err(attempted.stop("no region is set; set AWS_REGION to the bucket's", said));
        }
        config = config.region(sdk_config::REGION_OF_ENDPOINTS);
    }
    Ok((Client::from_conf(config.build()), setup))
}
