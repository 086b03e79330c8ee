//! The Lambda function replay-dead-letters: wiring only.

use std::sync::Arc;

use millrace_lambda::{Error, Invocation, serve};
use millrace_runtime::secret_source::SecretsExtension;
use millrace_runtime::settings::Environment;
use millrace_runtime::telemetry;
use replay_dead_letters::{Function, Request};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::for_lambda()?;
    let function = Function::new(Environment::of_process(), Arc::new(SecretsExtension::of_process()));
    let invoke = async |Invocation { payload, deadline, .. }: Invocation<Request>| {
        function.invoke(payload, deadline).await
    };
    serve("replay-dead-letters", function.meter(), async || function.probe().await, invoke).await
}
