//! The Lambda function replay-dead-letters: wiring only.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
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
        function.invoke(event.payload, deadline).await.map_err(|error| Diagnostic {
            error_type: format!("{:?}", error.class()),
            error_message: telemetry::with_causes(&error),
        })
    }))
    .await
}
