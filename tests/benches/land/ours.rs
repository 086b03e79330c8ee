//! Our consumer, in a process of its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use land_events::{LandSettings, LandingConsumer, LandingConsumerSettings};
use millrace_events::event_catalogue::by_topic;
use millrace_events::instant::Micros;
use millrace_lake::{FolderStore, TopicGeneration};
use millrace_runtime::{Meter, Shutdown, heap};
use millrace_stream::client::ClientSettings;
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

/// The first argument of the process that lands.
pub(crate) const ROLE: &str = "the-consumer";

/// The same of one that may have to wait until its group knows that another was killed.
const PATIENT: Duration = Duration::from_secs(20);

/// It ends when no record came for so long, which is taken off its wall time.
const IDLE: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) rows: u64,
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_rss_bytes: u64,
}

/// Lands the whole topic in a group and a folder of its own.
pub(crate) fn run(brokers: &str, topic: &str, group: &str) -> anyhow::Result<Run> {
    let folder = tempfile::tempdir()?;
    let output =
        consumer(brokers, topic, group, folder.path(), Pace::Steady)?.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the consumer ended with {}", output.status);
    }
    serde_json::from_slice(&output.stdout).context("the consumer told no counts")
}

/// How often a consumer makes durable and commits what it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As `millrace land` does unless it is told otherwise.
    Steady,
    /// After a second: for consumers that do not live long.
    Hurried,
}

/// A process that lands; it prints its counts where it ends by itself.
pub(crate) fn consumer(
    brokers: &str,
    topic: &str,
    group: &str,
    lake: &Path,
    pace: Pace,
) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([ROLE, brokers, topic, group]).arg(lake).args((pace == Pace::Hurried).then_some("hurried"));
    Ok(command)
}

/// The other end of [`consumer`].
pub(crate) fn land(arguments: &[String]) -> anyhow::Result<()> {
    // As `millrace land` does.
    heap::set(heap::Use::Fetches);
    let ([brokers, topic, group, folder], rest) =
        arguments.split_first_chunk().context("a consumer is told more")?;
    let (mut bounds, mut idle) = (LandSettings::default(), IDLE);
    if !rest.is_empty() {
        (bounds.rolling.age, idle) = (Duration::from_secs(1), PATIENT);
    }
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let event = by_topic(topic).context("the topic has no event")?;
    let settings = LandingConsumerSettings {
        events: vec![event.clone()],
        client: ClientSettings::new(brokers.as_str()),
        group: group.clone(),
        generation: TopicGeneration::new("bench")?,
        store: Arc::new(FolderStore::new(folder)),
        bounds,
        schemas: None,
        until_idle: Some(idle),
        metered: false,
        take_out: None,
    };
    let began = Instant::now();
    let mut consumer = LandingConsumer::new(settings, Meter::new(), Shutdown::new(), now_micros);
    consumer.stay(runtime.handle())?;
    let counts = consumer.counts();
    let run = Run {
        rows: counts.rows,
        objects: counts.objects,
        bytes: counts.bytes,
        seconds: began.elapsed().saturating_sub(IDLE).as_secs_f64(),
        cpu_seconds: millrace_runtime::cpu_seconds().unwrap_or(f64::NAN),
        peak_rss_bytes: millrace_runtime::peak_rss_bytes().unwrap_or_default(),
    };
    println!("{}", serde_json::to_string(&run)?);
    Ok(())
}

fn now_micros() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
