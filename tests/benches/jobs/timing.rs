//! How long one whole day of jobs took.

use serde::Deserialize;

/// The jobs, in the order of a day.
pub(crate) const JOBS: [&str; 3] = ["raw-transformation", "analytics-aggregation", "time-series-analysis"];

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Timing {
    /// With its version.
    #[serde(rename = "peer")]
    pub(crate) name: String,
    /// From the first read to the last file written.
    pub(crate) seconds: f64,
    #[serde(rename = "jobs")]
    pub(crate) of_jobs: JobSeconds,
    /// Not in `seconds`: the interpreter, the JVM, the session.
    pub(crate) start_seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_rss_bytes: u64,
}

/// Wall seconds of each job, in the order of [`JOBS`].
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct JobSeconds {
    #[serde(rename = "raw-transformation")]
    pub(crate) raw: f64,
    #[serde(rename = "analytics-aggregation")]
    pub(crate) analytics: f64,
    #[serde(rename = "time-series-analysis")]
    pub(crate) time_series: f64,
}

impl JobSeconds {
    pub(crate) fn in_order(self) -> [f64; 3] {
        [self.raw, self.analytics, self.time_series]
    }
}

impl Timing {
    /// The run in the middle by time.
    pub(crate) fn median(mut runs: Vec<Self>) -> Option<Self> {
        runs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        let middle = runs.len() / 2;
        runs.into_iter().nth(middle)
    }
}

/// Everyone's times over the same raw objects.
#[derive(Debug)]
pub(crate) struct SizeTimes {
    pub(crate) users: u64,
    pub(crate) ours: Timing,
    pub(crate) peers: Vec<Timing>,
}
