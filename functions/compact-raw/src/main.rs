//! The Lambda function compact-raw: wiring only.

use chrono::DateTime;
use compact_raw::{Function, Request};
use millrace_lambda::{Error, Invocation, serve};
use millrace_runtime::settings::Environment;
use millrace_runtime::telemetry;

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::for_lambda()?;
    let function = Function::new(Environment::of_process());
    let invoke = async |Invocation { payload, deadline, now }: Invocation<Request>| {
        let now = DateTime::from_timestamp_micros(now.0).unwrap_or_default();
        function.invoke(payload, now, deadline).await
    };
    serve("compact-raw", function.meter(), async || function.probe().await, invoke).await
}
