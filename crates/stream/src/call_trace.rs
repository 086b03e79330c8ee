//! Tells which topics are read and written as log events, so that what a program does can be held against what its login may do.

/// The log events' target. Their level is TRACE; their fields are `operation`, which is Kafka's own name of a request, and `topic`. A client tells each
/// once, not for every record.
pub const CALL_TRACE: &str = "millrace_stream::call";

pub(crate) fn tell(operation: &str, topic: &str) {
    tracing::trace!(target: CALL_TRACE, operation, topic, "call");
}
