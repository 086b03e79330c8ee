//! The Lambda function fetch-users: wiring only.

use std::sync::Arc;

use fetch_users::Function;
use millrace_lambda::{Error, Invocation, now_millis, serve};
use millrace_runtime::secret_source::SecretsExtension;
use millrace_runtime::settings::Environment;
use millrace_runtime::telemetry;
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::for_lambda()?;
    let function = Function::new(Environment::of_process(), Arc::new(SecretsExtension::of_process()));
    // The schedule's event says nothing that the settings do not.
    let invoke = async |invocation: Invocation<Value>| function.invoke(invocation.deadline, now_millis).await;
    serve("fetch-users", function.meter(), async || function.probe().await, invoke).await
}
