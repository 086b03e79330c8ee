//! The shell around every Lambda function: an invocation in with its deadline, its metrics out whatever came of it, and a failure
//! that names its class, by which AWS's retries are read.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub use lambda_runtime::Error;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use millrace_events::failure::Classified;
use millrace_runtime::metrics::emf::{self, Told};
use millrace_runtime::{Deadline, Meter, telemetry};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An invocation, as functions need it.
#[derive(Debug)]
pub struct Invocation<E> {
    pub payload: E,
    /// When Lambda will stop the function.
    pub deadline: Deadline,
    /// When it came, in microseconds since 1970, UTC.
    pub now: i64,
}

/// Serves invocations until the environment is shut down. `name` is the metrics' dimension `function`; `meter` is emptied at the end
/// of each invocation.
///
/// # Errors
/// Lambda's runtime cannot be reached.
pub async fn serve<E, A, X>(
    name: &'static str,
    meter: &Meter,
    invoke: impl AsyncFn(Invocation<E>) -> Result<A, X>,
) -> Result<(), Error>
where
    E: DeserializeOwned,
    A: Serialize,
    X: Classified,
{
    lambda_runtime::run(service_fn(async |event: LambdaEvent<E>| {
        let wall_now = SystemTime::now();
        let deadline = Deadline::of_lambda(event.context.deadline, Instant::now(), wall_now);
        let answer = invoke(Invocation { payload: event.payload, deadline, now: micros(wall_now) }).await;
        let now_millis = u64::try_from(now_millis()).unwrap_or_default();
        emf::tell(meter, Told { function: name, request_id: &event.context.request_id, now_millis });
        answer.map_err(|error| Diagnostic {
            error_type: format!("{:?}", error.class()),
            error_message: telemetry::with_causes(&error),
        })
    }))
    .await
}

/// The time, in milliseconds since 1970, UTC.
pub fn now_millis() -> i64 {
    micros(SystemTime::now()) / 1_000
}

fn micros(instant: SystemTime) -> i64 {
    let since = instant.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
