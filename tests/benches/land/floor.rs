//! What the records cost before anything is done with them: a member of a group that takes and drops them, in a process of its own.

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use millrace_stream::client::ClientSettings;
use millrace_stream::group_consumer::{GroupConsumer, Turn};

/// The first argument of the process that reads.
pub(crate) const ROLE: &str = "the-reader";

/// CPU seconds of a process that reads so many records.
pub(crate) fn run(brokers: &str, topic: &str, group: &str, records: usize) -> anyhow::Result<f64> {
    let records = records.to_string();
    let output = Command::new(std::env::current_exe()?)
        .args([ROLE, brokers, topic, group, &records])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the reader ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("the reader told no seconds")
}

/// The other end of [`run`].
pub(crate) fn read(arguments: &[String]) -> anyhow::Result<()> {
    let [brokers, topic, group, records] = arguments else { anyhow::bail!("a reader is told more") };
    let records: usize = records.parse()?;
    millrace_runtime::heap::set(millrace_runtime::heap::Use::Fetches);
    let mut member = GroupConsumer::join(&ClientSettings::new(brokers.as_str()), group, &[topic])?;
    let mut taken = 0;
    while taken < records {
        let turn = member.next(Duration::from_millis(50), |record| {
            black_box(record);
        })?;
        taken += usize::from(matches!(turn, Turn::Record(())));
    }
    println!("{}", millrace_runtime::cpu_seconds().unwrap_or(f64::NAN));
    Ok(())
}
