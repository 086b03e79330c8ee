//! Tells each call of AWS's API as a log event, so that what a program calls can be held against what its role grants.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

/// The log events' target. Their level is TRACE; their fields are `service` and `operation` as the SDK calls them, `uri`, `if_match`
/// where the call has the condition, `body` where it is JSON or XML, and the answer's `status`.
pub const TARGET: &str = "millrace_aws_http::call";

/// An interceptor for clients of the SDK's; it changes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallTrace;

/// What was sent, until its answer is there.
#[derive(Debug)]
struct Sent {
    uri: String,
    if_match: bool,
    body: String,
}

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

fn is_on() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::TRACE)
}

impl Intercept for CallTrace {
    fn name(&self) -> &'static str {
        "CallTrace"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if is_on() {
            let request = context.request();
            let headers = request.headers();
            let is_text =
                |it: &str| it.starts_with("application/x-amz-json") || it.starts_with("application/xml");
            let body = if headers.get("content-type").is_some_and(is_text) {
                request.body().bytes().unwrap_or_default()
            } else {
                &[]
            };
            let sent = Sent {
                uri: request.uri().to_owned(),
                if_match: headers.get("if-match").is_some(),
                body: String::from_utf8_lossy(body).into_owned(),
            };
            config.interceptor_state().store_put(sent);
        }
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Some(sent), Some(call)) = (config.load::<Sent>(), config.load::<Metadata>()) {
            let (service, operation, status) =
                (call.service(), call.name(), context.response().status().as_u16());
            let Sent { uri, if_match, body } = sent;
            tracing::trace!(target: TARGET, service, operation, uri, if_match, body, status, "call");
        }
        Ok(())
    }
}
