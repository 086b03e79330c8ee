//! `millrace land`: what land-events does, as a process that stays.

mod display;
mod range;

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use indicatif::{HumanBytes, HumanCount};
use land_events::{DeadLettersByKind, LandCounts, LandSettings, LandingConsumer, LandingConsumerSettings};
use millrace_lake::TopicGeneration;
use millrace_lake::erasure::raw::without_refused;
use millrace_runtime::metrics::COLD_STARTS;
use millrace_runtime::{Meter, MetricsServer, Shutdown};
use millrace_stream::fetched_schemas::FetchedSchemas;
use millrace_stream::topics::Topics;
use serde_json::json;
use tokio::runtime::Handle;

use self::display::Watch;
use crate::broker_args::{RegistryArgs, client};
use crate::broker_list::parse_brokers;
use crate::clock;
use crate::duration::parse_seconds;
use crate::lake::{LakeAddress, Missing};
use crate::progress::Bars;
use crate::topic_choice::events_of;
use crate::{dead_letters, output};

pub(crate) const EXAMPLES: &str = "\
Examples:
  export MILLRACE_BROKERS=localhost:9092 MILLRACE_GENERATION=g0001
  millrace land --lake s3://bucket/lake
  millrace land --topics ad_events,video_engagements --group ads
  millrace land --until-idle 30
  millrace land --metrics 127.0.0.1:9464
  Once more offsets 4200 to 4299, both included, that a mapping gave up:
  millrace land --topic ad_events --partition 3 --from 4200 --to 4299 \\
    --lake s3://bucket/lake

As many processes as there are partitions share the work in one group. Ctrl-C
lands what was taken and leaves. MILLRACE_KAFKA_SECURITY and what goes with it
tell the login.

A range is read without a group, and nothing is committed: it may be landed
beside any other landing. What the lake has of it becomes no second row; dead
letters are sent again. Ctrl-C lands what was taken; the same command again
finishes.

Exit codes: 0 done, 1 failed, or every record became a dead letter, 2 wrong
usage, 3 landed, but Kafka no longer has all of the range, 130 ended by Ctrl-C";

/// Arguments of `millrace land`.
#[derive(Debug, Args)]
pub(crate) struct LandArgs {
    /// Kafka's brokers, host:port (several by commas)
    #[arg(long, value_name = "BROKERS", env = "MILLRACE_BROKERS", value_parser = parse_brokers)]
    brokers: String,
    /// The name of this topic generation, [0-9a-z]{1,32}: another one once they were deleted and made again
    #[arg(long, value_name = "GENERATION", env = "MILLRACE_GENERATION")]
    generation: String,
    /// The consumer group
    #[arg(long, value_name = "GROUP", default_value = "millrace-land")]
    group: String,
    /// Topics, by commas [default: those of every event]
    #[arg(long, value_name = "TOPICS", value_delimiter = ',')]
    topics: Vec<String>,
    #[command(flatten)]
    range: range::RangeArgs,
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    #[command(flatten)]
    registry: RegistryArgs,
    /// How old an object may become before it is finished, in seconds: how far behind the lake is at most
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = parse_seconds)]
    age: u64,
    /// End when no record came for so many seconds [default: no end]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    until_idle: Option<u64>,
    /// Serve metrics to Prometheus at this address of this machine, under /metrics
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
    /// Print one JSON object at the end
    #[arg(long)]
    json: bool,
}

pub(crate) async fn land(args: LandArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    if let Some(range) = args.range.asked()? {
        let LandArgs { brokers, generation, lake, registry, json, .. } = &args;
        let places = range::Places { brokers, generation, lake, registry, json: *json };
        return range::land(places, range, shutdown).await;
    }
    let bars = Bars::new(args.json);
    let meter = Meter::new();
    meter.add(COLD_STARTS, "", 1);
    let mut bounds = LandSettings::default();
    bounds.rolling.age = Duration::from_secs(args.age);
    let settings = LandingConsumerSettings {
        events: events_of(&args.topics)?.into_iter().cloned().collect(),
        client: client(&args.brokers)?,
        group: args.group.clone(),
        generation: TopicGeneration::new(args.generation.clone())?,
        store: args.lake.enter(Missing::Create).await?,
        bounds,
        schemas: args.registry.registry()?.map(|registry| Arc::new(FetchedSchemas::new(registry))),
        take_out: Some(without_refused),
        until_idle: args.until_idle.map(Duration::from_secs),
        metered: args.metrics.is_some() || bars.are_drawn(),
    };
    let _metrics = args.metrics.map(|address| MetricsServer::start(address, meter.clone())).transpose()?;
    settings.store.sweep().await.context("the lake could not be swept of what killed runs left behind")?;
    let topics = Topics::connect(&settings.client)?;
    for event in &settings.events {
        topics.ensure(event.topic()).await?;
    }
    shutdown.waits_for("what was taken lands and is committed");
    let began = Instant::now();
    let mut consumer = LandingConsumer::new(settings, meter.clone(), shutdown.clone(), clock::now_micros);
    let progress = consumer.progress();
    let watch = Watch::new(Arc::clone(&progress), meter, &bars);
    let runtime = Handle::current();
    let worked = tokio::task::spawn_blocking(move || {
        let ended = consumer.stay(&runtime);
        (ended, consumer.counts())
    });
    let (ended, counts) = watch.until(worked).await?;
    let dead = progress.seen().dead_letters;
    tell(&args, counts, &dead, began.elapsed(), shutdown.is_requested())?;
    ended?;
    dead_letters::check(&dead, counts.records)?;
    Ok(if shutdown.is_requested() {
        ExitCode::from(crate::exit_code::INTERRUPTED)
    } else {
        ExitCode::SUCCESS
    })
}

fn tell(
    args: &LandArgs,
    counts: LandCounts,
    dead: &DeadLettersByKind,
    elapsed: Duration,
    interrupted: bool,
) -> anyhow::Result<()> {
    let mut out = output::out();
    let LandCounts { records, rows, dead_letters: letters, erased, objects, bytes, .. } = counts;
    let seconds = elapsed.as_secs_f64();
    if args.json {
        let told = json!({ "records": records, "rows": rows, "dead_letters": letters,
                           "dead_letters_by_kind": dead_letters::by_kind(dead), "erased": erased,
                           "objects": objects, "bytes": bytes, "interrupted": interrupted, "seconds": seconds,
                           "cpu_seconds": millrace_runtime::cpu_seconds(),
                           "peak_rss_bytes": millrace_runtime::peak_rss_bytes() });
        writeln!(out, "{told}")?;
        return Ok(());
    }
    writeln!(
        out,
        "{} records: {} rows in {} objects ({}), {} dead letters; {seconds:.1} s",
        HumanCount(records),
        HumanCount(rows),
        HumanCount(objects),
        HumanBytes(bytes),
        HumanCount(letters),
    )?;
    for line in dead_letters::lines(dead, records).into_iter().chain(display::erased_line(erased)) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use millrace_events::position::Offset;

    use super::range::Range;
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<LandArgs, String> {
        let command = LandArgs::augment_args(clap::Command::new("land").no_binary_name(true));
        let given = ["--brokers", "b:1", "--generation", "g1"].iter().chain(arguments);
        let matches = command.try_get_matches_from(given).map_err(|error| error.to_string())?;
        LandArgs::from_arg_matches(&matches).map_err(|error| error.to_string())
    }

    fn asked(arguments: &[&str]) -> Result<Option<Range>, String> {
        parsed(arguments)?.range.asked().map_err(|error| error.to_string())
    }

    const RANGE: [&str; 8] = ["--topic", "ad_events", "--partition", "3", "--from", "7", "--to", "9"];

    #[test]
    fn a_range_is_named_whole_or_not_at_all() {
        assert!(asked(&[]).unwrap().is_none());
        let range = asked(&RANGE).unwrap().unwrap();
        assert_eq!((range.event.topic(), range.partition), ("ad_events", 3));
        assert_eq!((range.from, range.to), (Offset(7), Offset(9)));
        for left_out in (0..RANGE.len()).step_by(2) {
            let mut part = RANGE.to_vec();
            part.drain(left_out..left_out + 2);
            let error = asked(&part).unwrap_err();
            assert!(error.contains(RANGE[left_out]), "{error}");
        }
        for more in
            [&["--group", "g"][..], &["--topics", "ad_events"], &["--until-idle", "3"], &["--age", "3"]]
        {
            let error = asked(&[&RANGE, more].concat()).unwrap_err();
            assert!(error.contains("cannot be used with"), "{more:?}: {error}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused_before_anything_is_asked() {
        let with = |name: &str, value: &'static str| {
            let mut range = RANGE.to_vec();
            let at = range.iter().position(|word| *word == name).unwrap();
            range[at + 1] = value;
            asked(&range).unwrap_err()
        };
        assert!(with("--from", "10").contains("--from 10 lies behind --to 9"));
        assert!(with("--topic", "ad_event").contains("did you mean ad_events?"));
        assert!(with("--partition", "-1").contains("--partition"));
        assert!(with("--to", "latest").contains("--to"));
    }
}
