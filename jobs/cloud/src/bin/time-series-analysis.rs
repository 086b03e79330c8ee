//! The job time-series-analysis for the cloud: wiring only.

use std::process::ExitCode;

use millrace_cloud_jobs::Job;

fn main() -> ExitCode {
    millrace_cloud_jobs::main(Job::TimeSeriesAnalysis)
}
