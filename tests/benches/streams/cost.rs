//! What landing would cost on Lambda and S3, from CPU seconds measured here.

use crate::prices;

/// Records that an invocation brings: as many of these as go into the 6 MB of its JSON, where a header's bytes are numbers with
/// commas between and a record of 320 bytes takes about 1,000.
pub(crate) const INVOCATION: usize = 6_000;

/// The cost of a million events, in words. `cpu` seconds and `objects` are those of `events`, landed in invocations.
pub(crate) fn per_million(table: &str, cpu: f64, objects: u64, events: usize) -> String {
    let million = 1e6 / events as f64;
    // At this memory a function has one processor: a second of CPU is a second.
    let gigabyte_seconds = cpu * million * f64::from(prices::MEMORY_MB) / 1_024.0;
    let (invocations, puts) = (1e6 / INVOCATION as f64, objects as f64 * million);
    let compute = gigabyte_seconds * prices::LAMBDA_GB_SECOND;
    let requests = invocations * prices::LAMBDA_REQUEST;
    let stored = puts * prices::S3_PUT;
    format!(
        "cost: a million {table} in invocations of {INVOCATION}: {gigabyte_seconds:.2} GB-seconds at {} MB (${compute:.6}), \
         {invocations:.0} invocations (${requests:.6}), {puts:.0} PUTs (${stored:.6}): ${:.6}; at list prices {}, each \
         invocation of one partition; without reading its JSON, the wait for S3, cold starts, Kafka and storage",
        prices::MEMORY_MB,
        compute + requests + stored,
        prices::AS_OF,
    )
}
