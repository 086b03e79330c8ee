//! The Lambda function replay-dead-letters: wiring only.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use millrace_runtime::metrics::emf::{self, Told};
use millrace_runtime::secret_source::SecretsExtension;
use millrace_runtime::settings::Environment;
use millrace_runtime::{Deadline, telemetry};
use replay_dead_letters::{Function, Request};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::for_lambda()?;
    let function = Function::new(Environment::of_process(), Arc::new(SecretsExtension::of_process()));
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Request>| {
        let deadline = Deadline::of_lambda(event.context.deadline, Instant::now(), SystemTime::now());
        let answer = function.invoke(event.payload, deadline).await;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let request_id = &event.context.request_id;
        emf::tell(function.meter(), Told { function: "replay-dead-letters", request_id, now_millis });
        answer.map_err(|error| Diagnostic {
            error_type: format!("{:?}", error.class()),
            error_message: telemetry::with_causes(&error),
        })
    }))
    .await
}
