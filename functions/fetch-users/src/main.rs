//! The Lambda function fetch-users: wiring only.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use fetch_users::Function;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use millrace_runtime::metrics::emf::{self, Told};
use millrace_runtime::secret_source::SecretsExtension;
use millrace_runtime::settings::Environment;
use millrace_runtime::{Deadline, telemetry};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::for_lambda()?;
    let function = Function::new(Environment::of_process(), Arc::new(SecretsExtension::of_process()));
    // The schedule's event says nothing that the settings do not.
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Deadline::of_lambda(event.context.deadline, Instant::now(), SystemTime::now());
        let answer = function.invoke(deadline, now_millis).await;
        let request_id = &event.context.request_id;
        let now_millis = u64::try_from(now_millis()).unwrap_or_default();
        emf::tell(function.meter(), Told { function: "fetch-users", request_id, now_millis });
        answer.map_err(|error| Diagnostic {
            error_type: format!("{:?}", error.class()),
            error_message: telemetry::with_causes(&error),
        })
    }))
    .await
}

fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
