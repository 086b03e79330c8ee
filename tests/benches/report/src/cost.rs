//! What landing would cost on Amazon's machines, from CPU seconds and objects measured here.

use crate::prices;

/// What was landed, and what it took.
#[derive(Debug, Clone, Copy)]
pub struct Landed<'a> {
    /// Such as `user_interactions`.
    pub what: &'a str,
    /// How many records were landed.
    pub records: usize,
    /// Of all records.
    pub cpu_seconds: f64,
    /// Each of them is a PUT.
    pub objects: u64,
}

impl Landed<'_> {
    fn million(&self) -> f64 {
        1e6 / self.records as f64
    }

    fn puts(&self) -> (f64, f64) {
        let puts = self.objects as f64 * self.million();
        (puts, puts * prices::S3_PUT)
    }

    /// The cost of a million records in Lambda invocations of so many.
    pub fn in_invocations_of(&self, records: usize) -> String {
        // At this memory a function has one processor: a second of CPU is a second.
        let seconds = self.cpu_seconds * self.million();
        let memory = prices::ONE_PROCESSOR_MB;
        self.billed(records, seconds * f64::from(memory) / 1_024.0, memory)
    }

    /// The same of invocations that were billed so many GB-seconds for all records, at `memory_mb`.
    pub fn of_gigabyte_seconds(&self, records: usize, gigabyte_seconds: f64, memory_mb: u32) -> String {
        self.billed(records, gigabyte_seconds * self.million(), memory_mb)
    }

    fn billed(&self, records: usize, gigabyte_seconds: f64, memory_mb: u32) -> String {
        let invocations = 1e6 / records as f64;
        let compute = gigabyte_seconds * prices::LAMBDA_GB_SECOND;
        let requests = invocations * prices::LAMBDA_REQUEST;
        let (puts, stored) = self.puts();
        format!(
            "cost: a million {} in invocations of {records}: {gigabyte_seconds:.2} GB-seconds at {memory_mb} MB \
             (${compute:.6}), {invocations:.0} invocations (${requests:.6}), {puts:.0} PUTs (${stored:.6}): ${:.6}; at list \
             prices {}, each invocation of one partition; without the wait for S3, cold starts, Kafka and storage",
            self.what,
            compute + requests + stored,
            prices::AS_OF,
        )
    }

    /// The cost of a million records in a process that stays on Fargate and is busy all the time.
    pub fn in_a_process(&self) -> String {
        let hours = self.cpu_seconds * self.million() / 3_600.0;
        let compute =
            hours * (prices::FARGATE_PROCESSOR_HOUR + prices::FARGATE_MEMORY_GB * prices::FARGATE_GB_HOUR);
        let (puts, stored) = self.puts();
        format!(
            "cost: a million {} in a busy process of one processor and {} GB: {:.2} processor-seconds (${compute:.6}), \
             {puts:.2} PUTs (${stored:.6}): ${:.6}; at list prices {}; without Kafka and storage",
            self.what,
            prices::FARGATE_MEMORY_GB,
            hours * 3_600.0,
            compute + stored,
            prices::AS_OF,
        )
    }
}
