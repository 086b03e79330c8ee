//! The shell around every Lambda function: an invocation in with its deadline, its metrics out whatever came of it, and a failure
//! that names its class, by which AWS's retries are read.

#![warn(missing_docs)]

mod probe;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub use lambda_runtime::Error;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use millrace_events::failure::Classified;
use millrace_events::instant::{Micros, Millis};
use millrace_runtime::metrics::emf::{self, Told};
use millrace_runtime::{Deadline, Meter, telemetry};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::probe::Probed;
use crate::probe::{Asked, ProbeAnswer};

/// An invocation, as functions need it.
#[derive(Debug)]
pub struct Invocation<E> {
    /// The event, as Lambda's runtime decoded its JSON. One that does not decode never reaches the function.
    pub payload: E,
    /// When Lambda will stop the function.
    pub deadline: Deadline,
    /// When it came.
    pub now: Micros,
}

/// What an invocation answers.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer<A> {
    Probe(ProbeAnswer),
    Work(A),
}

/// Serves invocations until the environment is shut down. `name` is the metrics' dimension `function`, the variable
/// MILLRACE_ENVIRONMENT their dimension `environment`; `meter` is emptied at the end of each invocation. `probe` answers the event
/// `{"probe": true}`, and changes nothing: it tries what the function's work rests on.
///
/// # Errors
/// Lambda's runtime cannot be reached.
pub async fn serve<E, A, X>(
    name: &'static str,
    meter: &Meter,
    probe: impl AsyncFn() -> Result<Probed, X>,
    invoke: impl AsyncFn(Invocation<E>) -> Result<A, X>,
) -> Result<(), Error>
where
    E: DeserializeOwned,
    A: Serialize,
    X: Classified,
{
    let environment = std::env::var(emf::ENVIRONMENT).unwrap_or_default();
    let environment = environment.as_str();
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Asked<E>>| {
        let wall_now = SystemTime::now();
        let deadline = Deadline::of_lambda(event.context.deadline, Instant::now(), wall_now);
        let answer = match event.payload {
            Asked::Probe => probe().await.map(|probed| Answer::Probe(probed.into())),
            Asked::Work(payload) => {
                invoke(Invocation { payload, deadline, now: micros(wall_now) }).await.map(Answer::Work)
            }
        };
        let now_millis = u64::try_from(now_millis().get()).unwrap_or_default();
        let told = Told { environment, function: name, request_id: &event.context.request_id, now_millis };
        emf::tell(meter, told);
        answer.map_err(|error| Diagnostic {
            error_type: format!("{:?}", error.class()),
            error_message: telemetry::with_causes(&error),
        })
    }))
    .await
}

/// The time by the wall clock.
pub fn now_millis() -> Millis {
    micros(SystemTime::now()).millis()
}

fn micros(instant: SystemTime) -> Micros {
    let since = instant.duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
