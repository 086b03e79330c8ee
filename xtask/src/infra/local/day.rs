//! A day made by the state machine with the real jobs on MiniStack, and what becomes of a job that fails.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::queue::Queue;
use crate::aws::Aws;
use crate::lambda_zip::lambda_zip;
use crate::workspace;

/// Of the records that land-events was invoked with.
const DAY: &str = "2026-02-03";
const JOBS: [&str; 3] = ["raw-transformation", "analytics-aggregation", "time-series-analysis"];
const COMPACTION: &str = "compact-raw";
const BUCKET: &str = "millrace-local-lake";
const LAKE_FILE: &str = "lake/_lake.json";

/// How many waits there are between tries: infra/modules/jobs/state_machine.tf.
const RETRIES: usize = 3;

/// A zip that starts the program where it is: with Polars a build without optimisation is 200 MB, which Terraform's provider would hold
/// several times over. The zips that are deployed are made by `cargo xtask package --jobs`, and are taken where they are there.
pub(super) fn starting(program: &Path) -> Option<Vec<u8>> {
    let starts = format!("#!/bin/sh\nexec '{}'\n", program.display());
    program.is_file().then(|| lambda_zip(starts.as_bytes()).ok()).flatten()
}

/// What land-events landed becomes the tables of its day, each registered with Glue; then small raw objects become large ones.
pub(super) fn made(aws: &Aws) -> Result<()> {
    land_again(aws)?;
    let landed = raw_objects(aws)?;
    let history = executed(aws, &json!({ "as_of": DAY }), "SUCCEEDED")?;
    for (state, wanted) in [(COMPACTION, 1), ("Made", 1), ("NotCompacted", 0)] {
        ensure!(entered(&history, state) == wanted, "{state} was entered {} times", entered(&history, state));
    }
    let left = raw_objects(aws)?;
    ensure!(left < landed, "{landed} raw objects before the compaction, and {left} behind it: {history}");
    println!("the compaction made {left} raw objects of {landed}");
    for job in JOBS {
        ensure!(entered(&history, job) == 1, "{job} was entered {} times", entered(&history, job));
        let record = format!("lake/_runs/{job}/{DAY}.json");
        aws.ask(&["s3api", "head-object", "--bucket", BUCKET, "--key", &record])?;
    }
    for (table, layer) in [
        ("users_transformed", "curated"),
        ("user_analytics", "analytics"),
        ("fact_registration_trends", "timeseries"),
    ] {
        let asked = ["glue", "get-partitions", "--database-name", "millrace_local", "--table-name", table];
        let told = aws.ask(&asked)?;
        let partition = &told["Partitions"][0];
        ensure!(partition["Values"][0] == DAY, "{table} is registered as {told}");
        let place = partition["StorageDescriptor"]["Location"].as_str().unwrap_or_default();
        ensure!(
            place.contains(&format!("/{layer}/{table}/processing_date={DAY}")),
            "{table} lies at {place}"
        );
    }
    Ok(())
}

/// The sample's records with other offsets: of each topic a second object of the hour.
fn land_again(aws: &Aws) -> Result<()> {
    let event = workspace::root().join("functions/land-events/events/kafka.json");
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(event)?)?;
    for records in event["records"].as_object_mut().context("the sample has no records")?.values_mut() {
        for record in records.as_array_mut().into_iter().flatten() {
            record["offset"] = json!(record["offset"].as_i64().context("no offset")? + 1_000);
        }
    }
    let answer = aws.invoke("millrace-local-land-events:live", &event.to_string())?;
    ensure!(answer == json!({ "batchItemFailures": [] }), "{answer}");
    Ok(())
}

fn raw_objects(aws: &Aws) -> Result<usize> {
    let asked = ["s3api", "list-objects-v2", "--bucket", BUCKET, "--prefix", "lake/raw/"];
    Ok(aws.ask(&asked)?["Contents"].as_array().map_or(0, Vec::len))
}

/// What no retry mends is tried once, and told; what may go well later is tried again before it is told.
pub(super) fn failing(aws: &Aws, scratch: &Path) -> Result<()> {
    let heard = Heard::listen(aws)?;
    let (kept, damaged) = (scratch.join("lake.json"), scratch.join("damaged.json"));
    let address = format!("s3://{BUCKET}/{LAKE_FILE}");
    aws.copy(&address, &kept.display().to_string())?;
    std::fs::write(&damaged, "{")?;
    aws.copy(&damaged.display().to_string(), &address)?;
    let stopped = executed(aws, &json!({ "as_of": DAY }), "FAILED");
    aws.copy(&kept.display().to_string(), &address)?;
    let stopped = stopped.context("with a damaged lake")?;
    ensure!(tries(&stopped) == 1, "what no retry mends was tried {} times: {stopped}", tries(&stopped));
    heard.tells(aws, &["raw-transformation", "Stop", "_lake.json"])?;

    // The runtime refuses it without a class, as it does where a function dies.
    let retried = executed(aws, &json!({ "as_of": "yesterday" }), "FAILED")?;
    ensure!(tries(&retried) == 1 + RETRIES, "it was tried {} times: {retried}", tries(&retried));
    heard.tells(aws, &["raw-transformation", "DeserializeError"])?;
    heard.end(aws)
}

/// A queue that hears what the platform's topic is told.
struct Heard {
    queue: Queue,
    subscription: String,
}

impl Heard {
    fn listen(aws: &Aws) -> Result<Self> {
        let queue = Queue::make(aws, "failed-days")?;
        let topics = aws.ask(&["sns", "list-topics"])?;
        let mut topics =
            topics["Topics"].as_array().into_iter().flatten().filter_map(|it| it["TopicArn"].as_str());
        let topic = topics.find(|it| it.ends_with(":millrace-local-alarms")).context("there is no topic")?;
        let subscription = queue.listen(aws, topic)?;
        Ok(Self { queue, subscription })
    }

    /// The next message has all of these words.
    fn tells(&self, aws: &Aws, words: &[&str]) -> Result<()> {
        let message = self.queue.next(aws)?;
        let body = message["Body"].as_str().unwrap_or_default();
        ensure!(words.iter().all(|word| body.contains(word)), "{words:?} are looked for in {message}");
        let handle = message["ReceiptHandle"].as_str().unwrap_or_default();
        let url = &self.queue.url;
        aws.ask(&["sqs", "delete-message", "--queue-url", url, "--receipt-handle", handle]).map(drop)
    }

    fn end(&self, aws: &Aws) -> Result<()> {
        aws.ask(&["sns", "unsubscribe", "--subscription-arn", &self.subscription])?;
        aws.ask(&["sqs", "delete-queue", "--queue-url", &self.queue.url]).map(drop)
    }
}

/// Runs the state machine; answers the events of its history.
fn executed(aws: &Aws, input: &Value, wanted: &str) -> Result<Value> {
    let machines = aws.ask(&["stepfunctions", "list-state-machines"])?;
    let ours = machines["stateMachines"].as_array().into_iter().flatten();
    let mut ours = ours.filter(|it| it["name"] == "millrace-local-day");
    let machine =
        ours.next().and_then(|it| it["stateMachineArn"].as_str()).context("there is no state machine")?;
    let input = input.to_string();
    let asked = ["stepfunctions", "start-execution", "--state-machine-arn", machine, "--input", &input];
    let started = aws.ask(&asked)?;
    let execution = started["executionArn"].as_str().context("no execution was started")?;
    let begin = Instant::now();
    let told = loop {
        let told = aws.ask(&["stepfunctions", "describe-execution", "--execution-arn", execution])?;
        if told["status"] != "RUNNING" {
            break told;
        }
        if begin.elapsed() > Duration::from_secs(300) {
            bail!("it did not end within five minutes: {told}");
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    let history = aws.ask(&["stepfunctions", "get-execution-history", "--execution-arn", execution])?;
    ensure!(told["status"] == wanted, "it ended {} and not {wanted}: {history}", told["status"]);
    Ok(history["events"].clone())
}

fn events(history: &Value) -> impl Iterator<Item = &Value> {
    history.as_array().into_iter().flatten()
}

fn entered(history: &Value, state: &str) -> usize {
    events(history).filter(|event| event["stateEnteredEventDetails"]["name"] == state).count()
}

/// How often a task but the telling failed.
fn tries(history: &Value) -> usize {
    let failed = |event: &&Value| {
        event["type"].as_str().is_some_and(|it| it.ends_with("Failed") && it != "ExecutionFailed")
    };
    events(history).filter(failed).count()
}
