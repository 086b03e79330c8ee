//! `millrace dev`: what AWS does between Kafka and a Lambda function, on this machine.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::HumanCount;
use millrace_event_source::http_invoke::HttpInvoke;
use millrace_event_source::on_failure::{OnFailure, ToFile};
use millrace_event_source::on_queue::ToQueue;
use millrace_event_source::source::RecordSource;
use millrace_event_source::{BatchPolicy, Driver, OwnedRecord};
use millrace_events::event::Event;
use millrace_runtime::Shutdown;
use millrace_stream::StreamError;
use millrace_stream::group_consumer::{GroupConsumer, Turn};
use serde_json::json;

use crate::broker_args::{client, parse_brokers};
use crate::output;
use crate::topic_choice::events_of;

pub(crate) const EXAMPLES: &str = "\
Examples:
  cargo lambda watch -A 127.0.0.1 -P 9000 -p land-events      in another terminal: builds and serves the function
  millrace dev --brokers localhost:9092
  millrace dev --brokers localhost:9092 --function land-events --topics ad_events --batch 500 --attempts 3 --bisect
  millrace dev --brokers localhost:9092 --attempts 3 --on-failure http://127.0.0.1:4566/000000000000/failed

Delivers as an event source mapping does: several partitions in one payload, ordered within each, at least once, again
what an answer names in batchItemFailures, and to --on-failure what was tried too often.";

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
    #[arg(long, value_name = "N", default_value_t = 100)]
    batch: usize,
    /// How long the oldest record waits for others, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 500)]
    window: u64,
    /// Deliveries before records are given up [default: no end, as MSK has it]
    #[arg(long, value_name = "N")]
    attempts: Option<u32>,
    /// Halve a batch that failed whole
    #[arg(long)]
    bisect: bool,
    /// Where records go that were given up: a file, a line of JSON a batch; or the URL of an emulator's SQS queue, a message a batch
    #[arg(long, value_name = "FILE|URL", default_value = "millrace-dev-failed.jsonl")]
    on_failure: String,
    /// End when no record came for so many seconds [default: no end]
    #[arg(long, value_name = "SECONDS")]
    until_idle: Option<u64>,
    /// Print one JSON object at the end
    #[arg(long)]
    json: bool,
}

/// A group's records. A partition that has moved is its new reader's to commit.
struct Group(GroupConsumer);

impl RecordSource for Group {
    fn poll(&mut self, patience: Duration) -> Result<Option<OwnedRecord>, StreamError> {
        match self.0.next(patience, |record| OwnedRecord::from(record))? {
            Turn::Record(record) => Ok(Some(record)),
            Turn::Nothing | Turn::Assigned(_) | Turn::Revoked(_) => Ok(None),
        }
    }

    fn commit(&mut self, topic: &str, partition: i32, next_offset: i64) -> Result<(), StreamError> {
        self.0.commit_patiently(topic, partition, next_offset).map(drop)
    }
}

fn on_failure(args: &DevArgs) -> anyhow::Result<Box<dyn OnFailure>> {
    Ok(if args.on_failure.contains("://") {
        Box::new(ToQueue::new(&args.on_failure, &args.function)?)
    } else {
        Box::new(ToFile::new(&args.on_failure))
    })
}

pub(crate) async fn dev(args: DevArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let topics: Vec<_> = events_of(&args.topics)?.into_iter().map(Event::topic).collect();
    let consumer = GroupConsumer::join(&client(&args.brokers)?, &args.group, &topics)?;
    let driver = Driver {
        policy: BatchPolicy {
            records: args.batch,
            window: Duration::from_millis(args.window),
            bisect: args.bisect,
            attempts: args.attempts,
            ..BatchPolicy::default()
        },
        // Lambda's own limit.
        invoke: HttpInvoke::new(&args.endpoint, &args.function, Duration::from_secs(900))?,
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
    let until_idle = args.until_idle.map(Duration::from_secs);
    let (mut read, mut last) = (0, Instant::now());
    let report = driver.run(Box::new(Group(consumer)), |report| {
        if report.read != read {
            (read, last) = (report.read, Instant::now());
        }
        shutdown.is_requested() || until_idle.is_some_and(|idle| last.elapsed() >= idle)
    });
    let report = report.await?;
    if args.json {
        let told = json!({ "read": report.read, "invocations": report.invocations, "done": report.done,
                           "given_up": report.given_up, "redelivered": report.redelivered });
        writeln!(output::out(), "{told}")?;
    } else {
        writeln!(
            output::out(),
            "{} records in {} invocations: {} done, {} given up, {} deliveries in vain",
            HumanCount(report.read),
            HumanCount(report.invocations),
            HumanCount(report.done),
            HumanCount(report.given_up),
            HumanCount(report.redelivered),
        )?;
    }
    Ok(if shutdown.is_requested() { ExitCode::from(crate::INTERRUPTED) } else { ExitCode::SUCCESS })
}
