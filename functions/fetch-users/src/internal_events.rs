//! What fetch-users tells of its work: a log event and its metrics in one call.

use millrace_runtime::Meter;
use millrace_runtime::metrics::{RECORDS_DEAD, RECORDS_IN, RECORDS_OUT};
use millrace_stream::topics::USERS_CREATED;

use crate::counts::Counts;

/// A fetch ended; what it counts is on Kafka.
pub(crate) struct UsersFetched(pub(crate) Counts);

impl UsersFetched {
    pub(crate) fn tell(&self, meter: &Meter) {
        let Counts { fetched, produced, rejected, out_of_time } = self.0;
        tracing::info!(fetched, produced, rejected, out_of_time, "users_fetched");
        meter.add(RECORDS_IN, USERS_CREATED, fetched);
        meter.add(RECORDS_OUT, USERS_CREATED, produced);
        meter.add(RECORDS_DEAD, USERS_CREATED, rejected);
    }
}
