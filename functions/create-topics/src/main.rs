//! The Lambda function create-topics: wiring only.

use std::sync::Arc;

use create_topics::{Function, Request};
use millrace_lambda::{Error, Invocation, serve};
use millrace_runtime::secret_source::SecretsExtension;
use millrace_runtime::settings::Environment;
use millrace_runtime::telemetry;

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::for_lambda()?;
    let function = Function::new(Environment::of_process(), Arc::new(SecretsExtension::of_process()));
    let invoke = async |Invocation { payload, .. }: Invocation<Request>| function.invoke(payload).await;
    serve("create-topics", function.meter(), async || function.probe().await, invoke).await
}
