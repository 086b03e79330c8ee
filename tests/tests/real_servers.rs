//! The whole path on real servers: a Kafka of its own process, a schema registry, and S3's protocol. `cargo xtask test`
//! starts them where this machine can.

use std::collections::BTreeMap;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use millrace_events::event_catalogue;
use millrace_skips::skipped;
use millrace_stream::registry::{Level, Registry, RegistrySettings, Schema, SchemaType};
use millrace_tests::emulator::make_bucket;
use millrace_tests::program::{Ended, millrace};
use serde_json::Value;

const KAFKA: &str = "MILLRACE_TEST_KAFKA";
const S3: &str = "MILLRACE_TEST_S3_ENDPOINT";
const REGISTRY: &str = "MILLRACE_TEST_REGISTRY_URL";

/// The servers, if the caller has them.
struct Servers {
    brokers: String,
    s3: String,
    registry: String,
    bucket: String,
}

impl Servers {
    fn of_environment(check: &str) -> Result<Option<Self>> {
        let mut found = Vec::new();
        for name in [KAFKA, S3, REGISTRY] {
            match std::env::var(name) {
                Ok(value) => found.push(value),
                Err(_) => {
                    skipped(check, &format!("{name} names no server; `cargo xtask test` starts them"));
                    return Ok(None);
                }
            }
        }
        let bucket = format!("millrace-{}-{}", std::process::id(), check.len());
        let [brokers, s3, registry] = found.try_into().ok().context("three servers")?;
        Ok(Some(Self { brokers, s3, registry, bucket }))
    }

    fn millrace(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = millrace(arguments)?;
        command.env("AWS_ENDPOINT_URL", &self.s3).env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        Ok(command)
    }

    fn lake(&self, prefix: &str) -> String {
        format!("s3://{}/{prefix}", self.bucket)
    }

    fn run(&self, arguments: &[&str]) -> Result<Ended> {
        let ended = Ended::of(self.millrace(arguments)?)?;
        ensure!(ended.code == Some(0), "{arguments:?} ended with {:?}: {}", ended.code, ended.stderr);
        Ok(ended)
    }

    fn count(&self, lake: &str, sql: &str) -> Result<u64> {
        let answer = self.run(&["query", sql, "--format", "csv", "--lake", lake])?.stdout;
        Ok(answer.lines().nth(1).context("a row")?.trim().parse()?)
    }

    fn consumer(&self, lake: &str) -> Result<Child> {
        let arguments = [
            "land",
            "--brokers",
            &self.brokers,
            "--registry",
            &self.registry,
            "--lake",
            lake,
            "--generation",
            "g1",
            "--group",
            &self.bucket,
            "--age",
            "1",
            "--until-idle",
            "12",
            "--json",
        ];
        Ok(self.millrace(&arguments)?.spawn()?)
    }
}

#[test]
fn landers_that_are_killed_land_every_stream_of_a_real_kafka_on_s3() -> Result<()> {
    let Some(servers) = Servers::of_environment("streams through a real Kafka onto S3")? else {
        return Ok(());
    };
    make_bucket(&servers.s3, &servers.bucket)?;
    let lake = servers.lake("landed");
    let mut produced: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    let mut consumers: Vec<Child> = Vec::new();
    for (round, format) in ["avro", "protobuf", "json"].into_iter().enumerate() {
        let seed = round.to_string();
        let registry: &[&str] = if format == "avro" { &["--registry", &servers.registry] } else { &[] };
        let simulate = [
            &[
                "simulate",
                "--events",
                "8000",
                "--json",
                "--seed",
                &seed,
                "--format",
                format,
                "--brokers",
                &servers.brokers,
            ],
            &["--broken", "1%", "--repeat", "5%", "--late", "2%"][..],
            registry,
        ];
        let stdout = servers.run(&simulate.concat())?.stdout;
        let told: Value = serde_json::from_str(stdout.trim()).with_context(|| stdout.clone())?;
        for event in event_catalogue::events() {
            let counts = &told["streams"][event.topic()];
            let of = |name: &str| counts[name].as_u64().context("a count");
            let sums = produced.entry(event.topic()).or_default();
            *sums = [sums[0] + of("records")?, sums[1] + of("broken")?];
        }
        // One is killed in the middle of its work, another takes its place.
        consumers.push(servers.consumer(&lake)?);
        std::thread::sleep(Duration::from_millis(2_500));
        if let Some(mut killed) = consumers.pop() {
            killed.kill()?;
            killed.wait()?;
        }
    }
    let last = [servers.consumer(&lake)?, servers.consumer(&lake)?];
    let began = Instant::now();
    for consumer in last {
        let ended = Ended::from(consumer.wait_with_output()?);
        ensure!(ended.code == Some(0), "after {:?}: {}", began.elapsed(), ended.stderr);
    }
    let topics: Value =
        serde_json::from_str(&servers.run(&["topics", "--json", "--brokers", &servers.brokers])?.stdout)?;
    for event in event_catalogue::events() {
        let [records, broken] = produced[event.topic()];
        let rows = servers.count(&lake, &format!("SELECT COUNT(*) AS n FROM raw_{}", event.table()))?;
        ensure!(
            rows == records - broken,
            "{}: {rows} rows of {records} records, {broken} broken",
            event.topic()
        );
        let letters = topics["topics"].as_array().context("topics")?.iter();
        let letters = letters.filter(|topic| topic["topic"] == format!("{}.dlq", event.topic()));
        // Killed consumers may have sent a letter twice.
        let letters: u64 = letters.filter_map(|topic| topic["messages"].as_u64()).sum();
        ensure!(letters >= broken, "{}: {letters} dead letters of {broken} broken records", event.topic());
    }
    an_incompatible_schema_ends_a_producer_before_its_first_record(&servers)
}

/// Behind everything else that uses the subject: somebody gives it another meaning.
fn an_incompatible_schema_ends_a_producer_before_its_first_record(servers: &Servers) -> Result<()> {
    let registry = Registry::new(&RegistrySettings::new(&servers.registry))?;
    let subject = "ad_events-value";
    let other = r#"{"type":"record","name":"AdEvent","fields":[{"name":"event_id","type":"int"}]}"#;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        registry.set_level(subject, Level::None).await?;
        registry.register(subject, &Schema::new(SchemaType::Avro, other)).await?;
        registry.set_level(subject, Level::FullTransitive).await
    })?;
    let messages = || -> Result<Value> {
        let told =
            servers.run(&["topics", "--topic", "ad_events", "--json", "--brokers", &servers.brokers])?;
        Ok(serde_json::from_str::<Value>(&told.stdout)?["topics"][0]["messages"].take())
    };
    let before = messages()?;
    let ads = ["simulate", "--streams", "ads", "--events", "10", "--format", "json", "--json"];
    let ads = [&ads[..], &["--registry", &servers.registry, "--brokers", &servers.brokers]].concat();
    Ended::of(servers.millrace(&ads)?)?.refusal(1, &[subject])?;
    ensure!(messages()? == before, "records were sent before the schema was refused");
    Ok(())
}

#[test]
fn schemas_are_registered_once_and_are_found() -> Result<()> {
    let Some(servers) = Servers::of_environment("schemas in a registry")? else { return Ok(()) };
    let schema = |task: &str| {
        let arguments = ["schema", task, "--format", "avro", "--topic", "video_engagements", "--json"];
        Ended::of(servers.millrace(&[&arguments[..], &["--registry", &servers.registry]].concat())?)
    };
    let told = |ended: &Ended| Ok::<Value, anyhow::Error>(serde_json::from_str(ended.stdout.trim())?);
    let (first, again) = (told(&schema("register")?)?, told(&schema("register")?)?);
    ensure!(again["new"] == false && again["id"] == first["id"], "{first} and {again}");
    ensure!(told(&schema("list")?)?["id"] == first["id"]);
    let check = schema("check")?;
    ensure!(check.code == Some(0) && told(&check)?["answer"] == "compatible", "{}", check.stdout);
    Ok(())
}

#[test]
fn the_lake_on_s3_is_the_lake_in_a_folder() -> Result<()> {
    let Some(servers) = Servers::of_environment("a run onto S3")? else { return Ok(()) };
    make_bucket(&servers.s3, &servers.bucket)?;
    let (folder, bucket) = (tempfile::tempdir()?, servers.lake("run"));
    let folder = folder.path().to_string_lossy().into_owned();
    let run = |lake: &str| {
        let arguments =
            ["run", "--source", "simulator", "--users", "2000", "--seed", "5", "--as-of", "2026-01-31"];
        let more = [
            "--streams",
            "all",
            "--broken",
            "1%",
            "--repeat",
            "5%",
            "--late",
            "2%",
            "--json",
            "--lake",
            lake,
        ];
        servers.run(&[&arguments[..], &more].concat())
    };
    // Twice each: users without an id are as many again.
    run(&folder)?;
    run(&folder)?;
    run(&bucket)?;
    let second: Value = serde_json::from_str(&run(&bucket)?.stdout)?;
    ensure!(
        second["published"] == true
            && second["raw_rows"] == 2 * second["landed"].as_u64().context("landed")?
    );
    for table in ["users_transformed", "dim_user_demographics", "fact_registration_trends", "user_analytics"]
    {
        let export = |lake: &str| {
            let exported = servers.run(&["export", table, "--format", "csv", "--lake", lake])?.stdout;
            // The generation and the instants of writing differ.
            let stable = |line: &str| {
                line.split(',').filter(|cell| !cell.contains("2026")).collect::<Vec<_>>().join(",")
            };
            Ok::<_, anyhow::Error>(exported.lines().map(stable).collect::<Vec<_>>())
        };
        let (one, other) = (export(&folder)?, export(&bucket)?);
        ensure!(one.len() == other.len() && one.len() > 1, "{table}: {} and {} rows", one.len(), other.len());
    }
    let count = |what: &str| servers.count(&bucket, &format!("SELECT {what} AS n FROM raw_users"));
    let before = count("COUNT(*)")?;
    ensure!(count("COUNT(DISTINCT _generation)")? == 1, "each run is a generation of its own");
    let told = servers.run(&["compact", "--json", "--table", "users", "--lake", &bucket])?;
    let told: Value = serde_json::from_str(&told.stdout)?;
    ensure!(told["removed"].as_u64() > Some(0), "the runs' objects were not compacted: {told}");
    ensure!(servers.count(&bucket, "SELECT COUNT(*) AS n FROM raw_users")? == before, "compaction lost rows");
    let id = servers.run(&[
        "query",
        "SELECT id FROM users_transformed_latest WHERE id IS NOT NULL LIMIT 1",
        "--format",
        "csv",
        "--lake",
        &bucket,
    ])?;
    let id = id.stdout.lines().nth(1).context("a user")?.to_owned();
    servers.run(&["erase", &id, "--yes", "--lake", &bucket])?;
    let left =
        servers.count(&bucket, &format!("SELECT COUNT(*) AS n FROM users_transformed WHERE id = '{id}'"))?;
    ensure!(left == 0, "a forgotten user is in a table");
    servers.run(&["backfill", "--from", "2026-01-30", "--to", "2026-01-31", "--lake", &bucket])?;
    ensure!(
        servers.count(&bucket, &format!("SELECT COUNT(*) AS n FROM raw_users WHERE user_id = '{id}'"))? == 0
    );
    Ok(())
}
