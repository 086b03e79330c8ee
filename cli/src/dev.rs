//! `millrace dev`: what AWS does between Kafka and a Lambda function, on this machine.

mod dead_letter_watch;
mod function;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::HumanCount;
use land_events::DeadLettersByKind;
use millrace_event_source::http_invoke::HttpInvoke;
use millrace_event_source::on_failure_destination::{FailureDestination, ToFile};
use millrace_event_source::sqs_destination::SqsDestination;
use millrace_event_source::{BatchPolicy, Driver, DriverReport, OwnedRecord};
use millrace_event_source::{record::Places, source::RecordSource};
use millrace_events::event::Event;
use millrace_events::position::{Offset, TopicPartition};
use millrace_runtime::Shutdown;
use millrace_stream::StreamError;
use millrace_stream::group_consumer::{GroupConsumer, Turn};
use millrace_stream::unread::unread_by_group;
use serde_json::json;

use self::dead_letter_watch::{Delivered, LetterWatch};
use self::function::AwaitedFunction;
use crate::broker_args::client;
use crate::broker_list::parse_brokers;
use crate::count::count;
use crate::duration::parse_seconds;
use crate::topic_choice::events_of;
use crate::{dead_letters, output};

pub(crate) const EXAMPLES: &str = "\
Examples:
  In another terminal, to build the function and serve it:
  cargo lambda watch -A 127.0.0.1 -P 9000 -p land-events

  millrace dev --brokers localhost:9092
  millrace dev --brokers localhost:9092 --topics ad_events --batch 500 \\
      --attempts 3 --bisect
  millrace dev --brokers localhost:9092 --attempts 3 \\
      --on-failure http://127.0.0.1:4566/000000000000/failed

Delivers as an event source mapping does: several partitions in one payload,
ordered within each, at least once. What an answer names in batchItemFailures
comes again, and what was tried too often goes to --on-failure. A function's
answer calls its dead letters done: how many there were is looked up in their
topics. Ctrl-C waits for the answer that is due, if one is.

Exit codes: 0 done, 1 failed, or every record became a dead letter, 2 wrong
usage, 130 ended by Ctrl-C";

/// Arguments of `millrace dev`.
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Kafka's brokers, host:port (several by commas)
    #[arg(long, value_name = "BROKERS", env = "MILLRACE_BROKERS", value_parser = parse_brokers)]
    brokers: String,
    /// Topics, by commas [default: those of every event]
    #[arg(long, value_name = "TOPICS", value_delimiter = ',')]
    topics: Vec<String>,
    /// The function's name
    #[arg(long, value_name = "NAME", default_value = "land-events")]
    function: String,
    /// Where functions are invoked: cargo lambda watch, or an emulator
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9000")]
    endpoint: String,
    /// The consumer group
    #[arg(long, value_name = "GROUP", default_value = "millrace-dev")]
    group: String,
    /// At most so many records an invocation
    #[arg(long, value_name = "N", default_value = "100", value_parser = count::<usize, 1>)]
    batch: usize,
    /// How long the oldest record waits for others, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value = "500", value_parser = count::<u64, 0>)]
    window: u64,
    /// Deliveries before records are given up; a function that is not there yet had none [default: no end, as MSK has it]
    #[arg(long, value_name = "N", value_parser = count::<u32, 1>)]
    attempts: Option<u32>,
    /// Halve a batch that failed whole
    #[arg(long)]
    bisect: bool,
    /// Where records go that were given up: a file, a line of JSON a batch; or the URL of an emulator's SQS queue, a message a batch
    #[arg(long, value_name = "FILE|URL", default_value = "millrace-dev-failed.jsonl")]
    on_failure: String,
    /// End when no record came for so many seconds [default: no end]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    until_idle: Option<u64>,
    /// Print one JSON object at the end
    #[arg(long)]
    json: bool,
}

/// How long a group may take to give a member partitions before the member counts as idle.
const JOIN: Duration = Duration::from_secs(60);

/// A group's records. A partition that has moved is its new reader's to deliver and to commit.
struct Group {
    consumer: GroupConsumer,
    moved: Places,
    delivered: Delivered,
    /// Set where partitions came.
    assigned: Arc<AtomicBool>,
    /// The offset that each partition is read from next, as far as it is committed.
    committed: BTreeMap<TopicPartition, Offset>,
    /// Whether nothing at all came last.
    rests: bool,
}

impl Group {
    fn new(consumer: GroupConsumer, delivered: Delivered, assigned: Arc<AtomicBool>) -> Self {
        Self { consumer, moved: Places::new(), delivered, assigned, committed: BTreeMap::new(), rests: false }
    }

    fn gain(&mut self, starts: BTreeMap<TopicPartition, Offset>) {
        self.committed.extend(starts);
        self.assigned.store(true, Ordering::Relaxed);
    }

    fn lose(&mut self, places: Places) {
        self.committed.retain(|place, _| !places.contains(place));
        self.moved.extend(places);
    }
}

impl RecordSource for Group {
    fn poll(&mut self, patience: Duration) -> Result<Option<OwnedRecord>, StreamError> {
        self.rests = false;
        match self.consumer.next(patience, |record| OwnedRecord::from(record))? {
            Turn::Record(record) => {
                let mut delivered = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
                delivered.insert(&record.topic, record.partition, record.offset);
                return Ok(Some(record));
            }
            Turn::Nothing => self.rests = true,
            Turn::Assigned(starts) => self.gain(starts),
            Turn::Revoked(places) => self.lose(places),
        }
        Ok(None)
    }

    fn commit(&mut self, topic: &str, partition: i32, next_offset: Offset) -> Result<(), StreamError> {
        self.consumer.commit_patiently(topic, partition, next_offset)?;
        if let Some(committed) = self.committed.get_mut(&TopicPartition::new(topic, partition)) {
            *committed = next_offset;
        }
        Ok(())
    }

    fn rest(&mut self, patience: Duration) -> Result<(), StreamError> {
        match self.consumer.rest(patience)? {
            Turn::Assigned(starts) => self.gain(starts),
            Turn::Revoked(places) => self.lose(places),
            Turn::Record(never) => match never {},
            Turn::Nothing => {}
        }
        Ok(())
    }

    fn idle(&mut self) -> Result<(), StreamError> {
        if !self.rests {
            return Ok(());
        }
        for (place, next_offset) in self.consumer.positions()? {
            if self.committed.get(&place).is_some_and(|before| *before < next_offset) {
                self.commit(&place.topic, place.partition, next_offset)?;
            }
        }
        Ok(())
    }

    fn moved(&mut self) -> Places {
        std::mem::take(&mut self.moved)
    }
}

fn on_failure(args: &DevArgs) -> anyhow::Result<Box<dyn FailureDestination>> {
    Ok(if args.on_failure.contains("://") {
        Box::new(SqsDestination::new(&args.on_failure, &args.function)?)
    } else {
        Box::new(ToFile::new(&args.on_failure))
    })
}

pub(crate) async fn dev(args: DevArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let topics: Vec<_> = events_of(&args.topics)?.into_iter().map(Event::topic).collect();
    let settings = client(&args.brokers)?;
    let delivered = Delivered::default();
    let (watched, seen) = (topics.clone(), Arc::clone(&delivered));
    let letters = {
        let settings = settings.clone();
        tokio::task::spawn_blocking(move || LetterWatch::begin(&settings, &watched, &seen)).await??
    };
    let consumer = GroupConsumer::join(&settings, &args.group, &topics)?;
    let driver = Driver {
        policy: BatchPolicy {
            records: args.batch,
            window: Duration::from_millis(args.window),
            bisect: args.bisect,
            attempts: args.attempts,
            ..BatchPolicy::default()
        },
        invoke: AwaitedFunction {
            invoke: HttpInvoke::new(&args.endpoint, &args.function, function::PATIENCE)?,
            name: args.function.clone(),
            shutdown: shutdown.clone(),
            quiet: args.json,
        },
        on_failure: on_failure(&args)?,
        bootstrap_servers: args.brokers.clone(),
        pause: Duration::from_millis(100),
    };
    if !args.json {
        output::remark(format_args!(
            "{} → {} at {}; Ctrl-C ends it",
            topics.join(", "),
            args.function,
            args.endpoint
        ));
    }
    shutdown.waits_for(function::RESTING);
    let until_idle = args.until_idle.map(Duration::from_secs);
    // Whatever happens is no idleness, an invocation that took minutes least of all; nor is it to have no partition yet.
    let (mut before, mut last) = (DriverReport::default(), Instant::now() + JOIN);
    let assigned = Arc::new(AtomicBool::new(false));
    let source = Group::new(consumer, delivered, Arc::clone(&assigned));
    let ended = driver.run(Box::new(source), shutdown.requested(), |report| {
        if *report != before || assigned.swap(false, Ordering::Relaxed) {
            (before, last) = (*report, Instant::now());
        }
        until_idle.is_some_and(|idle| last.elapsed() >= idle)
    });
    let report = ended.await?;
    // The work is done and committed: what cannot be told of it is no reason to call it failed.
    let dead = tokio::task::spawn_blocking(move || letters.finish()).await?;
    if let Err(error) = &dead {
        tracing::warn!(error = error as &dyn std::error::Error, "dead_letters_not_told");
    }
    tell(&args, &report, dead.as_ref().ok(), shutdown.is_requested())?;
    if let Ok(dead) = &dead {
        dead_letters::check(dead, report.done)?;
    }
    if shutdown.is_requested() {
        return Ok(ExitCode::from(crate::exit_code::INTERRUPTED));
    }
    let left = unread_by_group(&client(&args.brokers)?, &args.group, &topics)?;
    let left: Vec<_> = left.iter().map(ToString::to_string).collect();
    anyhow::ensure!(left.is_empty(), "no record came, and not all could be read: {}", left.join("; "));
    Ok(ExitCode::SUCCESS)
}

/// `dead`: what the function made dead letters of; none where it could not be asked.
fn tell(
    args: &DevArgs,
    report: &DriverReport,
    dead: Option<&DeadLettersByKind>,
    interrupted: bool,
) -> std::io::Result<()> {
    let mut out = output::out();
    let DriverReport { read, invocations, done, given_up, redelivered, moved, left } = *report;
    if args.json {
        let told = json!({ "read": read, "invocations": invocations, "done": done, "given_up": given_up,
                           "redelivered": redelivered, "moved": moved, "left": left,
                           "dead_letters": dead.map(DeadLettersByKind::records),
                           "dead_letters_by_kind": dead.map(dead_letters::by_kind), "interrupted": interrupted });
        return writeln!(out, "{told}");
    }
    writeln!(
        out,
        "{} records in {} invocations: {} done, {} given up, {} deliveries in vain",
        HumanCount(read),
        HumanCount(invocations),
        HumanCount(done),
        HumanCount(given_up),
        HumanCount(redelivered),
    )?;
    if left + moved > 0 {
        writeln!(
            out,
            "{} more come again: they were read, and not done when this ended",
            HumanCount(left + moved)
        )?;
    }
    for line in dead.iter().flat_map(|dead| dead_letters::lines(dead, done)) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
