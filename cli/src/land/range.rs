//! `millrace land --topic --partition --from --to`: one range of offsets once more.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{HumanBytes, HumanCount};
use land_events::{
    DeadLettersByKind, LandCounts, LandSettings, RangeLanded, RangeLanding, RangeLandingSettings,
};
use millrace_events::event::Event;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_lake::TopicGeneration;
use millrace_lake::erasure::raw::without_refused;
use millrace_runtime::{Meter, Shutdown};
use millrace_stream::fetched_schemas::FetchedSchemas;
use millrace_stream::topics::Topics;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::display::Watch;
use crate::broker_args::{RegistryArgs, client};
use crate::lake::{LakeAddress, Missing};
use crate::progress::Bars;
use crate::run::UsageError;
use crate::topic_choice::{event_of, is_there};
use crate::{clock, dead_letters, exit_code, output, shell_quoting};

/// The options of a range, which stand together or not at all.
#[derive(Debug, Args)]
pub(crate) struct RangeArgs {
    /// Land a range of this topic once more, then end: with --partition, --from and --to
    #[arg(
        long,
        value_name = "TOPIC",
        requires_all = ["partition", "from", "to"],
        conflicts_with_all = ["topics", "group", "age", "until_idle", "metrics"]
    )]
    topic: Option<String>,
    /// The partition of the range
    #[arg(long, value_name = "NUMBER", requires_all = ["topic", "from", "to"],
          allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(0..=99_999))]
    partition: Option<i32>,
    /// The first offset of the range
    #[arg(long, value_name = "OFFSET", requires_all = ["topic", "partition", "to"],
          allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(0..i64::MAX))]
    from: Option<i64>,
    /// The last offset of the range, which is landed too
    #[arg(long, value_name = "OFFSET", requires_all = ["topic", "partition", "from"],
          allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(0..i64::MAX))]
    to: Option<i64>,
}

/// What a landing of either kind is told beside.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) brokers: &'a str,
    pub(super) generation: &'a str,
    pub(super) lake: &'a LakeAddress,
    pub(super) registry: &'a RegistryArgs,
    pub(super) json: bool,
}

/// A range that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) event: &'static Event,
    pub(super) partition: i32,
    pub(super) from: Offset,
    pub(super) to: Offset,
}

impl RangeArgs {
    /// The range; `None` where none of it was named.
    pub(super) fn asked(&self) -> anyhow::Result<Option<Range>> {
        // clap lets none of them stand alone.
        let (Some(topic), Some(partition), Some(from), Some(to)) =
            (&self.topic, self.partition, self.from, self.to)
        else {
            return Ok(None);
        };
        let event = event_of(topic).map_err(|error| UsageError(error.to_string()))?;
        if from > to {
            let text = format!(
                "--from {from} lies behind --to {to}: give the first and the last offset of the range, both included"
            );
            return Err(UsageError(text).into());
        }
        Ok(Some(Range { event, partition, from: Offset(from), to: Offset(to) }))
    }
}

/// Lands the range and tells what became of each of its offsets.
pub(super) async fn land(args: Places<'_>, range: Range, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let bars = Bars::new(args.json);
    let client = client(args.brokers)?;
    let store = args.lake.enter(Missing::Refuse).await?;
    let topics = Topics::connect(&client)?;
    let there = topics.all()?;
    let names: Vec<_> = there.keys().map(String::as_str).collect();
    is_there(range.event.topic(), &names, args.brokers)?;
    // It is there: this makes the topic of its dead letters at most.
    topics.ensure(range.event.topic()).await?;
    let settings = RangeLandingSettings {
        event: range.event.clone(),
        partition: range.partition,
        from: range.from,
        to: range.to,
        client,
        generation: TopicGeneration::new(args.generation)?,
        store,
        bounds: LandSettings::default(),
        schemas: args.registry.registry()?.map(|registry| Arc::new(FetchedSchemas::new(registry))),
        take_out: Some(without_refused),
    };
    shutdown.waits_for("what was taken lands");
    let began = Instant::now();
    let mut landing = RangeLanding::new(settings, shutdown.clone(), clock::now_micros);
    let progress = landing.progress();
    let watch = Watch::new(Arc::clone(&progress), Meter::new(), &bars);
    let runtime = Handle::current();
    let worked = tokio::task::spawn_blocking(move || {
        let ended = landing.land(&runtime);
        (ended, landing.landed())
    });
    let (ended, landed) = watch.until(worked).await?;
    let told = Told { range, landed, dead: progress.seen().dead_letters, elapsed: began.elapsed() };
    // One that failed before it read anything has nothing to tell but why.
    if ended.is_ok() || told.landed != (RangeLanded { next: range.from, ..RangeLanded::default() }) {
        let interrupted = shutdown.is_requested() && told.is_left();
        let mut out = output::out();
        if args.json {
            writeln!(out, "{}", told.json(interrupted))?;
        } else {
            for line in told.lines(&args.lake.to_string()) {
                writeln!(out, "{line}")?;
            }
        }
    }
    ended?;
    if told.is_left() {
        return Ok(ExitCode::from(exit_code::INTERRUPTED));
    }
    dead_letters::check(&told.dead, told.landed.counts.records)?;
    Ok(match told.landed.gone_offsets() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(exit_code::GONE),
    })
}

/// What is told at the end.
struct Told {
    range: Range,
    landed: RangeLanded,
    dead: DeadLettersByKind,
    elapsed: Duration,
}

impl Told {
    fn is_left(&self) -> bool {
        self.landed.next <= self.range.to
    }

    /// The days of the landed records, which their tables have to be made of anew.
    fn days(&self) -> Option<(String, String)> {
        let day = |instant: Micros| instant.date_time().map(|time| time.date_naive().to_string());
        let (first, last) = self.landed.stamped?;
        Some((day(first)?, day(last)?))
    }

    fn json(&self, interrupted: bool) -> Value {
        let Self { range, landed, dead, elapsed } = self;
        let LandCounts { records, rows, dead_letters: letters, erased, objects, objects_there, bytes } =
            landed.counts;
        let gone: Vec<_> = landed.gone.iter().map(|gone| json!([gone.start(), gone.end()])).collect();
        let days = self.days();
        let (first_day, last_day) = days.unzip();
        json!({ "topic": range.event.topic(), "partition": range.partition, "from": range.from, "to": range.to,
                "next": landed.next, "records": records, "rows": rows, "dead_letters": letters,
                "dead_letters_by_kind": dead_letters::by_kind(dead), "erased": erased,
                "without_record": landed.without_record,
                "gone": landed.gone_offsets(), "gone_ranges": gone, "objects": objects,
                "objects_there": objects_there, "bytes": bytes, "first_day": first_day, "last_day": last_day,
                "interrupted": interrupted, "seconds": elapsed.as_secs_f64() })
    }

    fn lines(&self, lake: &str) -> Vec<String> {
        let Self { range: Range { event, partition, from, to }, landed, dead, elapsed } = self;
        let (topic, seconds) = (event.topic(), elapsed.as_secs_f64());
        let LandCounts { records, rows, dead_letters: letters, erased, objects, objects_there, bytes } =
            landed.counts;
        let mut lines = vec![format!(
            "{topic}/{partition}, offsets {from} to {to}: {} records: {} rows in {} objects ({}, {} there already), {} dead \
             letters; {seconds:.1} s",
            HumanCount(records),
            HumanCount(rows),
            HumanCount(objects),
            HumanBytes(bytes),
            HumanCount(objects_there),
            HumanCount(letters),
        )];
        lines.extend(dead_letters::lines(dead, records));
        lines.extend(super::display::erased_line(erased));
        if landed.without_record > 0 {
            lines.push(format!(
                "{} offsets have no record: marks of transactions, aborted and compacted records",
                HumanCount(landed.without_record)
            ));
        }
        for gone in &landed.gone {
            lines.push(format!(
                "offsets {} to {} are not in Kafka any more ({} of them): what the lake lacks of these has to come from who produced them",
                gone.start(),
                gone.end(),
                HumanCount((gone.end() - gone.start() + 1).unsigned_abs())
            ));
        }
        if self.is_left() {
            lines.push(format!("offsets {} to {to} are left: the same command again finishes", landed.next));
        }
        if let (Some((first, last)), true) = (self.days(), rows > 0) {
            let lake = shell_quoting::quoted(lake);
            lines.push(format!(
                "now make the days of these records again: millrace backfill --from {first} --to {last} --lake {lake}"
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use super::*;

    fn told(landed: RangeLanded) -> Told {
        let event = event_of("ad_events").unwrap();
        let range = Range { event, partition: 3, from: Offset(100), to: Offset(199) };
        let (dead, elapsed) = (DeadLettersByKind::default(), Duration::from_millis(400));
        Told { range, landed, dead, elapsed }
    }

    #[test]
    fn each_offset_of_the_range_is_told() {
        let counts = LandCounts {
            records: 85,
            rows: 85,
            objects: 2,
            objects_there: 1,
            bytes: 2_048,
            ..LandCounts::default()
        };
        let gone: Vec<RangeInclusive<i64>> = vec![100..=109];
        let noon = Micros(1_769_860_800_000_000);
        let landed = RangeLanded {
            counts,
            next: Offset(200),
            gone,
            without_record: 5,
            stamped: Some((noon, Micros(noon.get() + 86_400_000_000))),
        };
        let whole = told(landed.clone());
        let lines = whole.lines("s3://b/l");
        assert_eq!(
            lines,
            [
                "ad_events/3, offsets 100 to 199: 85 records: 85 rows in 2 objects (2.00 KiB, 1 there already), 0 dead letters; 0.4 s",
                "5 offsets have no record: marks of transactions, aborted and compacted records",
                "offsets 100 to 109 are not in Kafka any more (10 of them): what the lake lacks of these has to come from who produced them",
                "now make the days of these records again: millrace backfill --from 2026-01-31 --to 2026-02-01 --lake s3://b/l",
            ]
        );
        let json = whole.json(false);
        assert_eq!((&json["gone"], &json["gone_ranges"]), (&json!(10), &json!([[100, 109]])));
        assert_eq!((&json["next"], &json["last_day"]), (&json!(200), &json!("2026-02-01")));
        let cut = told(RangeLanded { next: Offset(150), ..landed });
        assert!(cut.is_left() && !whole.is_left());
        let lines = cut.lines("s3://b/l");
        assert!(lines.contains(&"offsets 150 to 199 are left: the same command again finishes".to_owned()));
    }
}
