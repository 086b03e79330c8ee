//! `millrace land`: what land-events does, as a process that stays.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use backon::{BackoffBuilder, ExponentialBuilder};
use clap::Args;
use indicatif::{HumanBytes, HumanCount};
use land_events::{LagWatch, LandCounts, LandSettings, Landed, Landing};
use millrace_events::event::Event;
use millrace_events::failure::Class;
use millrace_lake::landed::LandedOffsets;
use millrace_lake::{Generation, Store};
use millrace_runtime::metrics::COLD_STARTS;
use millrace_runtime::{Meter, MetricsServer, Shutdown};
use millrace_stream::client::ClientSettings;
use millrace_stream::fetched_schemas::FetchedSchemas;
use millrace_stream::group_consumer::{GroupConsumer, Turn};
use millrace_stream::producer::Producer;
use millrace_stream::topics::{self, Topics};
use serde_json::json;
use tokio::runtime::Handle;

use crate::broker_args::{RegistryArgs, client};
use crate::clock;
use crate::lake::LakeAddress;
use crate::topic_choice::events_of;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace land --brokers localhost:9092 --generation g0001 --lake s3://bucket/lake
  millrace land --brokers localhost:9092 --generation g0001 --topics ad_events,video_engagements --group ads
  millrace land --brokers localhost:9092 --generation g0001 --until-idle 30
  millrace land --brokers localhost:9092 --generation g0001 --metrics 127.0.0.1:9464

As many as there are partitions share the work in one group. Ctrl-C lands what was taken and leaves. A login is told by
MILLRACE_KAFKA_SECURITY and what goes with it.";

/// Arguments of `millrace land`.
#[derive(Debug, Args)]
pub(crate) struct LandArgs {
    /// Kafka's brokers, host:port (several by commas)
    #[arg(long, value_name = "BROKERS", env = "MILLRACE_BROKERS")]
    brokers: String,
    /// The name of this life of the topics, [0-9a-z]{1,32}: another one once they were deleted and made again
    #[arg(long, value_name = "GENERATION", env = "MILLRACE_GENERATION")]
    generation: String,
    /// The consumer group
    #[arg(long, value_name = "GROUP", default_value = "millrace-land")]
    group: String,
    /// Topics, by commas [default: those of every event]
    #[arg(long, value_name = "TOPICS", value_delimiter = ',')]
    topics: Vec<String>,
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    #[command(flatten)]
    registry: RegistryArgs,
    /// How old an object may become before it is finished, in seconds: how far behind the lake is at most
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    age: u64,
    /// End when no record came for so many seconds [default: no end]
    #[arg(long, value_name = "SECONDS")]
    until_idle: Option<u64>,
    /// Serve metrics to Prometheus at this address of this machine, under /metrics
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
    /// Print one JSON object at the end
    #[arg(long)]
    json: bool,
}

/// Records between two looks at whether an object is due.
const LOOK_EVERY: u64 = 1_024;

/// Between two looks at how far the brokers are ahead, where somebody reads it: one request a partition.
const LAG_EVERY: Duration = Duration::from_secs(15);

/// Everything but the connection, which a failure that may pass makes anew.
struct Lander {
    events: Vec<Event>,
    settings: ClientSettings,
    group: String,
    generation: Generation,
    store: Arc<dyn Store>,
    bounds: LandSettings,
    schemas: Option<Arc<FetchedSchemas>>,
    until_idle: Option<Duration>,
    shutdown: Shutdown,
    runtime: Handle,
    counts: LandCounts,
    meter: Meter,
    /// Whether anybody reads the meter.
    metered: bool,
}

pub(crate) async fn land(args: LandArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let events = events_of(&args.topics)?.into_iter().cloned().collect();
    let meter = Meter::new();
    meter.add(COLD_STARTS, "", 1);
    let mut bounds = LandSettings::default();
    bounds.rolling.age = Duration::from_secs(args.age);
    let mut lander = Lander {
        events,
        settings: client(&args.brokers)?,
        group: args.group.clone(),
        generation: Generation::new(args.generation.clone())?,
        store: args.lake.open().await?,
        bounds,
        schemas: args.registry.registry()?.map(|registry| Arc::new(FetchedSchemas::new(registry))),
        until_idle: args.until_idle.map(Duration::from_secs),
        shutdown: shutdown.clone(),
        runtime: Handle::current(),
        counts: LandCounts::default(),
        meter: meter.clone(),
        metered: args.metrics.is_some(),
    };
    let _metrics = args.metrics.map(|address| MetricsServer::start(address, meter)).transpose()?;
    lander.store.sweep().await.context("the lake could not be swept of what killed runs left behind")?;
    let topics = Topics::connect(&lander.settings)?;
    for event in &lander.events {
        topics.ensure(event.topic()).await?;
    }
    let began = Instant::now();
    let worked = tokio::task::spawn_blocking(move || {
        let ended = lander.stay();
        (ended, lander.counts)
    });
    let (ended, counts) = worked.await?;
    tell(&args, counts, began.elapsed());
    ended?;
    Ok(if shutdown.is_requested() { ExitCode::from(crate::INTERRUPTED) } else { ExitCode::SUCCESS })
}

impl Lander {
    /// Lands until it is told to end; what may pass is tried again, from the last commit.
    fn stay(&mut self) -> anyhow::Result<()> {
        let patience = || {
            ExponentialBuilder::default()
                .with_min_delay(Duration::from_millis(500))
                .with_max_delay(Duration::from_secs(30))
                .with_max_times(20)
                .with_jitter()
                .build()
        };
        let mut pauses = patience();
        loop {
            let before = self.counts;
            let Err(error) = self.land() else { return Ok(()) };
            if self.counts != before {
                pauses = patience();
            }
            let pause = match class(&error) {
                Class::Retry if !self.shutdown.is_requested() => pauses.next(),
                _ => None,
            };
            let Some(pause) = pause else { return Err(error) };
            tracing::warn!(error = format!("{error:#}"), ?pause, "landing begins again from the last commit");
            std::thread::sleep(pause);
        }
    }

    fn land(&mut self) -> anyhow::Result<()> {
        let topics: Vec<_> = self.events.iter().map(Event::topic).collect();
        let mut consumer = GroupConsumer::join(&self.settings, &self.group, &topics)?;
        let dead_letters = Arc::new(Producer::connect(&self.settings, None)?);
        let mut landing =
            Landing::new(Arc::clone(&self.store), dead_letters, self.generation.clone(), self.bounds)
                .with_events(self.events.clone())
                .with_meter(self.meter.clone());
        if let Some(schemas) = &self.schemas {
            landing = landing.with_schemas(Arc::clone(schemas) as _);
        }
        let ended = self.turns(&mut consumer, &mut landing);
        self.counts.add(landing.counts());
        ended
    }

    fn turns(&self, consumer: &mut GroupConsumer, landing: &mut Landing<Producer>) -> anyhow::Result<()> {
        let (mut taken, mut last_record) = (0_u64, Instant::now());
        let (mut lag, mut last_lag) = (LagWatch::default(), None::<Instant>);
        loop {
            let now = clock::now_micros();
            let turn = consumer.next(Duration::from_millis(50), |record| {
                if let (Some(schemas), Some(id)) = (&self.schemas, record.schema_needed()) {
                    self.runtime.block_on(schemas.learn(id))?;
                }
                Ok::<_, anyhow::Error>(landing.push(record, now)?)
            })?;
            let mut rested = false;
            match turn {
                Turn::Record(pushed) => {
                    pushed?;
                    taken += 1;
                    last_record = Instant::now();
                }
                Turn::Nothing => rested = true,
                Turn::Assigned(starts) => {
                    self.check_lives(&starts)?;
                    lag.assigned(&starts);
                }
                Turn::Revoked(places) => {
                    lag.revoked(&places);
                    for (topic, partition) in places {
                        landing.abandon(&topic, partition);
                    }
                }
            }
            let idle = self.until_idle.is_some_and(|idle| last_record.elapsed() >= idle);
            if self.shutdown.is_requested() || idle {
                let landed = self.runtime.block_on(landing.roll_all(clock::now_micros()))?;
                return commit(consumer, landed);
            }
            if rested || taken % LOOK_EVERY == 0 || landing.is_full() {
                let landed = self.runtime.block_on(landing.roll_due(now))?;
                lag.landed(&landed);
                commit(consumer, landed)?;
            }
            if self.metered && last_lag.is_none_or(|last| last.elapsed() >= LAG_EVERY) {
                self.tell_lag(&lag);
                last_lag = Some(Instant::now());
            }
        }
    }

    /// Landing goes on where the brokers do not answer this.
    fn tell_lag(&self, lag: &LagWatch) {
        let asked = Topics::connect(&self.settings).and_then(|brokers| {
            for event in &self.events {
                lag.tell(event.topic(), &brokers.watermarks(event.topic())?, &self.meter);
            }
            Ok(())
        });
        if let Err(error) = asked {
            tracing::warn!(error = &error as &dyn std::error::Error, "the lag could not be told");
        }
    }

    /// Partitions whose offsets the lake has already, of another life of their topic, are not landed.
    fn check_lives(&self, starts: &BTreeMap<(String, i32), i64>) -> anyhow::Result<()> {
        let brokers = Topics::connect(&self.settings)?;
        for event in self.events.iter().filter(|event| starts.keys().any(|(topic, _)| topic == event.topic()))
        {
            let landed = self
                .runtime
                .block_on(LandedOffsets::of_table(self.store.as_ref(), event.table()))
                .context("the lake's raw objects could not be listed")?;
            let landed = landed.of_life(event.topic(), &self.generation);
            let ends = brokers.watermarks(event.topic())?;
            topics::check_life(event.topic(), self.generation.as_str(), &ends, &landed)?;
        }
        Ok(())
    }
}

/// What is durable is committed. A partition that has moved is its new reader's to commit.
fn commit(consumer: &GroupConsumer, landed: Vec<Landed>) -> anyhow::Result<()> {
    for part in landed {
        consumer.commit_patiently(&part.topic, part.partition, part.next_offset)?;
    }
    Ok(())
}

/// What to do about a failure of any of the layers.
fn class(error: &anyhow::Error) -> Class {
    use land_events::LandError;
    use millrace_stream::StreamError;
    use millrace_stream::registry::RegistryError;

    let class = error.chain().find_map(|cause| {
        let stream = cause.downcast_ref::<StreamError>().map(StreamError::class);
        let land = cause.downcast_ref::<LandError>().map(LandError::class);
        stream.or(land).or_else(|| cause.downcast_ref::<RegistryError>().map(RegistryError::class))
    });
    class.unwrap_or(Class::Stop)
}

fn tell(args: &LandArgs, counts: LandCounts, elapsed: Duration) {
    let LandCounts { records, rows, dead_letters, objects, bytes } = counts;
    let seconds = elapsed.as_secs_f64();
    if args.json {
        let told = json!({ "records": records, "rows": rows, "dead_letters": dead_letters, "objects": objects,
                           "bytes": bytes, "seconds": seconds, "cpu_seconds": millrace_runtime::cpu_seconds(),
                           "peak_rss_bytes": millrace_runtime::peak_rss_bytes() });
        println!("{told}");
        return;
    }
    println!(
        "{} records: {} rows in {} objects ({}), {} dead letters; {seconds:.1} s",
        HumanCount(records),
        HumanCount(rows),
        HumanCount(objects),
        HumanBytes(bytes),
        HumanCount(dead_letters),
    );
}
