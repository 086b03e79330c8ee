//! `millrace simulate`: users and what they do, as records, to a broker or to standard output.

mod rate;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use clap::Args;
use indicatif::{HumanCount, ProgressBar};
use millrace_events::event_catalogue;
use millrace_events::instant::Millis;
use millrace_runtime::Shutdown;
use millrace_sources::{
    Allowance, Batch, Behaviour, BehaviourSettings, Pace, Record, Share, Stream, Streams,
};
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::topics::{Topics, USERS_CREATED};
use serde_json::json;

use self::rate::Rate;
use crate::broker_args::{RegistryArgs, client};
use crate::broker_list::parse_brokers;
use crate::clock;
use crate::count::count;
use crate::day::parse_instant;
use crate::duration::parse_duration;
use crate::output::{self, Out};
use crate::progress::Bars;
use crate::record_encoding::Outgoing;
use crate::run::seed_number;
use crate::schema::{Format, subject};

pub(crate) const EXAMPLES: &str = "\
Examples:
  Records as JSON, a line each:
  millrace simulate --events 1000 | head
  To Kafka, until Ctrl-C:
  millrace simulate --brokers localhost:9092 --rate 500/s
  millrace simulate --brokers localhost:9092 --for 10m --format avro \\
      --registry http://localhost:8081
  millrace simulate --brokers localhost:9092 --streams videos,ads --seed 7 \\
      --events 1000000 --late 2%

The same arguments with the same --start give the same records, byte for byte.";

/// Arguments of `millrace simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Which streams: users, interactions, videos, ads, by commas; or all
    #[arg(long, value_name = "STREAMS", default_value = "all")]
    streams: Streams,
    /// So many records, then end [default: no end]
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = count::<u64, 0>)]
    events: Option<u64>,
    /// So long, then end, such as 10m or 90s
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// Records a second, such as 500/s [default: as fast as they are taken]
    #[arg(long, value_name = "N/s")]
    rate: Option<Rate>,
    /// The seed [default: drawn, and told]
    #[arg(long, value_name = "SEED")]
    seed: Option<String>,
    /// When event time starts, RFC 3339 or a day [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    start: Option<DateTime<Utc>>,
    /// How values are written
    #[arg(long, value_enum, default_value_t = Format::Protobuf)]
    format: Format,
    /// Kafka's brokers, host:port (several by commas) [default: none, records go to standard output]
    #[arg(long, value_name = "BROKERS", env = "MILLRACE_BROKERS", value_parser = parse_brokers)]
    brokers: Option<String>,
    #[command(flatten)]
    registry: RegistryArgs,
    /// Share of records that are broken, such as 1%
    #[arg(long, value_name = "SHARE", default_value = "0%")]
    broken: Share,
    /// Share of records that are sent twice, such as 5%
    #[arg(long, value_name = "SHARE", default_value = "0%")]
    repeat: Share,
    /// Users without a flaw, each told of once [default: as untidy as real ones, and 2% told of again with changed
    /// details; docs/events.md tells the shares]
    #[arg(long)]
    tidy: bool,
    /// Share of records whose event lies up to 48 hours before, such as 2%
    #[arg(long, value_name = "SHARE", default_value = "0%")]
    late: Share,
    /// End with one JSON object instead of a summary: on standard output, or on standard error where the records go to standard
    /// output, a line of JSON each
    #[arg(long)]
    json: bool,
}

impl SimulateArgs {
    /// Whether records go to standard output.
    pub(crate) fn shows_records(&self) -> bool {
        self.brokers.is_none()
    }
}

/// Records that are made at once where no rate holds them back.
const BATCH: u64 = 1_000;

/// Event time goes as fast as records do, within what the simulator can.
const SLOWEST: f64 = 0.001;
const FASTEST: f64 = 2_000.0;

pub(crate) async fn simulate(args: SimulateArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let seed = args.seed.clone().unwrap_or_else(|| format!("{:016x}", rand::random::<u64>()));
    let start = args.start.map_or_else(clock::now_millis, |start| Millis(start.timestamp_millis()));
    let per_second = args.rate.map_or(FASTEST, |rate| rate.per_second.get() as f64);
    let settings = BehaviourSettings {
        broken: args.broken,
        repeat: args.repeat,
        late: args.late,
        untidy: !args.tidy,
        acts_per_second: per_second.clamp(SLOWEST, FASTEST),
        ..BehaviourSettings::new(seed_number(&seed), start, args.streams)
    };
    // A short run is not to be all users, and users alone are all of it.
    let settings = match args.events {
        _ if args.streams == Streams::from(Stream::Users) => {
            BehaviourSettings { first_users: u64::MAX, ..settings }
        }
        Some(events) => settings.for_records(events),
        None => settings,
    };
    let behaviour = Behaviour::new(settings)?;
    let bars = Bars::new(args.json || args.brokers.is_none());
    let ids = register(&args).await?;
    let mut sink = match &args.brokers {
        Some(brokers) => Sink::Broker(Box::new(broker(brokers, args.streams).await?)),
        None => Sink::Lines(std::io::BufWriter::new(output::out())),
    };
    let bar = bars.records(args.events.unwrap_or(u64::MAX), "simulated");
    let mut outgoing = Outgoing::encoded(event_catalogue::events(), args.format.encoding(), &ids);
    shutdown.waits_for(match args.shows_records() {
        true => "the records that were made are written",
        false => "the brokers acknowledge what was sent",
    });
    let shutdown_told = shutdown.clone();
    let began = Instant::now();
    let work = tokio::task::spawn_blocking(move || {
        let mut line = Pacing::new(&args, began, &shutdown_told, bar);
        let ended = line.run(behaviour, &mut outgoing, &mut sink);
        sink.finish()?;
        Ok::<_, anyhow::Error>((ended?, args))
    });
    let (behaviour, args) = work.await??;
    tell(&args, &seed, &behaviour, began.elapsed(), shutdown.is_requested())?;
    Ok(if shutdown.is_requested() {
        ExitCode::from(crate::exit_code::INTERRUPTED)
    } else {
        ExitCode::SUCCESS
    })
}

/// Registers the schemas that the values are framed with; refused here, no record was sent.
async fn register(args: &SimulateArgs) -> anyhow::Result<BTreeMap<String, u32>> {
    let Some(registry) = args.registry.registry()? else { return Ok(BTreeMap::new()) };
    let events = args.streams.iter().filter_map(|stream| event_catalogue::by_topic(stream.topic()));
    let events: Vec<_> = events.collect();
    let subjects =
        events.iter().map(|event| subject(event, args.format)).collect::<anyhow::Result<Vec<_>>>()?;
    let registered = registry.ensure_registered(&subjects).await?;
    let ids =
        events.iter().zip(registered).map(|(event, registered)| (event.topic().to_owned(), registered.id));
    Ok(ids.collect())
}

async fn broker(brokers: &str, streams: Streams) -> anyhow::Result<Producer> {
    let settings = client(brokers)?;
    let topics = Topics::connect(&settings)?;
    for stream in streams.iter() {
        topics.ensure(stream.topic()).await?;
    }
    Ok(Producer::connect(&settings, None)?)
}

/// Where records go.
enum Sink {
    Broker(Box<Producer>),
    Lines(std::io::BufWriter<Out>),
}

impl Sink {
    fn take(&mut self, record: &Record<'_>, outgoing: &mut Outgoing) -> anyhow::Result<()> {
        match self {
            Self::Broker(producer) => outgoing.publish(producer.as_ref(), record),
            Self::Lines(out) => {
                let (content_type, event_type) = outgoing.encode(record)?;
                let line = json!({
                    "topic": record.stream.topic(), "key": record.key.map(crate::peek::text), "timestamp": record.timestamp,
                    "event_type": event_type, "content_type": content_type, "value": crate::peek::decoded(record),
                });
                writeln!(out, "{line}")?;
                Ok(())
            }
        }
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Broker(producer) => Ok(producer.flush()?),
            Self::Lines(out) => Ok(out.flush()?),
        }
    }
}

/// Sends at the rate asked for, until the end asked for.
struct Pacing<'a> {
    pace: Option<Pace>,
    left: u64,
    until: Option<Instant>,
    began: Instant,
    shutdown: &'a Shutdown,
    bar: ProgressBar,
}

impl<'a> Pacing<'a> {
    fn new(args: &SimulateArgs, began: Instant, shutdown: &'a Shutdown, bar: ProgressBar) -> Self {
        Self {
            pace: args.rate.map(|rate| Pace::new(rate.per_second, Duration::ZERO)),
            left: args.events.unwrap_or(u64::MAX),
            until: args.duration.map(|duration| began + duration),
            began,
            shutdown,
            bar,
        }
    }

    fn run(
        &mut self,
        mut behaviour: Behaviour,
        outgoing: &mut Outgoing,
        sink: &mut Sink,
    ) -> anyhow::Result<Behaviour> {
        let mut batch = Batch::new();
        let mut sent = 0;
        while self.left > 0
            && !self.shutdown.is_requested()
            && self.until.is_none_or(|end| Instant::now() < end)
        {
            let allowed = match self.pace.as_mut().map(|pace| pace.allow(self.began.elapsed(), sent)) {
                None => BATCH,
                Some(Allowance::Send(records)) => records.min(BATCH),
                Some(Allowance::Wait(pause)) => {
                    // Ctrl-C is not to wait for a slow rate.
                    std::thread::sleep(pause.min(Duration::from_millis(100)));
                    continue;
                }
            };
            let records = allowed.min(self.left);
            batch.clear();
            behaviour.fill(&mut batch, usize::try_from(records)?)?;
            for record in batch.iter() {
                sink.take(&record, outgoing)?;
            }
            sent += records;
            self.left -= records;
            self.bar.inc(records);
        }
        self.bar.finish_and_clear();
        Ok(behaviour)
    }
}

/// For people on standard error, for machines on standard output unless that is the records'.
fn tell(
    args: &SimulateArgs,
    seed: &str,
    behaviour: &Behaviour,
    elapsed: Duration,
    interrupted: bool,
) -> std::io::Result<()> {
    let counts = args.streams.iter().map(|stream| (stream.topic(), behaviour.counts(stream)));
    let seconds = elapsed.as_secs_f64();
    if args.json {
        let streams: BTreeMap<_, _> = counts
            .map(|(topic, counts)| {
                let counts = json!({ "records": counts.records, "broken": counts.broken,
                                     "repeated": counts.repeated, "changed": counts.changed,
                                     "late": counts.late });
                (topic, counts)
            })
            .collect();
        let told =
            json!({ "seed": seed, "streams": streams, "interrupted": interrupted, "seconds": seconds });
        if args.shows_records() {
            output::notice(told);
            return Ok(());
        }
        return writeln!(output::out(), "{told}");
    }
    let mut all = 0;
    output::remark(format_args!("seed {seed}"));
    for (topic, counts) in counts {
        all += counts.records;
        output::remark(format_args!(
            "  {topic:<18} {:>12} records, {} broken, {} sent twice, {}",
            HumanCount(counts.records).to_string(),
            HumanCount(counts.broken),
            HumanCount(counts.repeated),
            match topic {
                // They come when they come: no user is late.
                USERS_CREATED => format!("{} with changed details", HumanCount(counts.changed)),
                _ => format!("{} late", HumanCount(counts.late)),
            },
        ));
    }
    output::remark(format_args!(
        "  {:.1} s, {} records a second",
        seconds,
        HumanCount((all as f64 / seconds.max(0.001)) as u64)
    ));
    Ok(())
}
