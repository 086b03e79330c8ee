//! Answers that are tried again though the SDK's own rules do not know them.

use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};

/// 409: a conditional write met another at the same moment, and S3 asks for another try. 429: servers of AWS's protocols and
/// proxies throttle with it, whatever they call it.
#[derive(Debug)]
pub struct ByStatus;

impl ClassifyRetry for ByStatus {
    fn name(&self) -> &'static str {
        "ByStatus"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().map(|response| response.status().as_u16()) {
            Some(409) => RetryAction::server_error(),
            Some(429) => RetryAction::throttling_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }
}
