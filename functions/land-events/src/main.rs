//! The Lambda function land-events: wiring only.

use std::sync::Arc;

use land_events::Function;
use millrace_lambda::{Error, Invocation, serve};
use millrace_runtime::secret_source::SecretsExtension;
use millrace_runtime::settings::Environment;
use millrace_runtime::telemetry;
use millrace_stream::lambda_event::KafkaEvent;

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::for_lambda()?;
    let function = Function::new(Environment::of_process(), Arc::new(SecretsExtension::of_process()));
    let invoke = async |Invocation { payload, deadline, now }: Invocation<KafkaEvent>| {
        function.invoke(&payload, now, deadline).await
    };
    serve("land-events", function.meter(), async || function.probe().await, invoke).await
}
