//! The job time-series-analysis for the cloud: wiring only.

use std::process::ExitCode;

use millrace_jobs::cloud::{self, Job};

fn main() -> ExitCode {
    cloud::main(Job::TimeSeriesAnalysis)
}
