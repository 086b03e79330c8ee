//! The programs with what they work on: a bucket of MiniStack's, the embedded broker, an API of users.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_cloud_jobs::Job;
use millrace_event_source::OwnedRecord;
use millrace_event_source::payload::payload;
use millrace_events::instant::{Micros, Millis};
use millrace_events::position::Offset;
use millrace_jobs::erasure::{self, Erasure, Jobs};
use millrace_jobs::publish::published;
use millrace_lake::dead_letter_line::DeadLetter;
use millrace_lake::erasure::Subjects;
use millrace_lake::erasure::erased_ids::{Salt, record};
use millrace_lake::root_names::{DEAD_LETTERS, LAKE_FILE, UNFINISHED_ERASURES};
use millrace_lake::{Key, Store};
use millrace_runtime::secret_source::SecretsExtension;
use millrace_runtime::settings::Environment;
use millrace_runtime::{Deadline, Meter};
use millrace_scripted_server::{Scripted, ScriptedServer};
use millrace_sources::{Batch, Behaviour, BehaviourSettings, Stream, Streams};
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::topics::dead_letters_of;
use millrace_tests::emulator::{ask_glue, keep_versions, make_bucket};

/// The lake's place in its bucket.
pub(crate) const PREFIX: &str = "lake";

pub(crate) const JOBS: [Job; 3] =
    [Job::RawTransformation, Job::AnalyticsAggregation, Job::TimeSeriesAnalysis];

pub(crate) fn name(job: Job) -> &'static str {
    match job {
        Job::RawTransformation => "raw-transformation",
        Job::AnalyticsAggregation => "analytics-aggregation",
        Job::TimeSeriesAnalysis => "time-series-analysis",
    }
}

/// 2026-02-03T04:00:00Z.
const START: Millis = Millis(1_770_091_200_000);
const DAY_MILLIS: i64 = 86_400_000;

/// Two users, the second of whom nobody can read.
const USERS: &str = r#"{"results": [
    {"gender": "female", "email": "nobody@example.com", "login": {"uuid": "00000000-0000-4000-8000-000000000001"}},
    "nobody"
], "info": {"seed": "fake", "results": 2, "page": 1, "version": "1.4"}}"#;

pub(crate) struct Bench {
    broker: EmbeddedBroker,
    store: Arc<dyn Store>,
    address: String,
    users: ScriptedServer,
    database: String,
    endpoint: String,
    bucket: String,
    /// Whoever landed first.
    person: OnceLock<String>,
}

impl Bench {
    pub(crate) async fn new(endpoint: &str) -> Result<Self> {
        let now = std::time::UNIX_EPOCH.elapsed()?.as_nanos();
        let bucket = format!("calls-{now}");
        let database = format!("calls_{now}");
        make_bucket(endpoint, &bucket)?;
        // As Terraform makes it.
        ask_glue(endpoint, "CreateDatabase", &serde_json::json!({ "DatabaseInput": { "Name": database } }))?;
        let broker = EmbeddedBroker::start()?;
        for stream in Stream::ALL {
            broker.create_topic(stream.topic(), 1)?;
            broker.create_topic(&dead_letters_of(stream.topic()), 1)?;
        }
        let address = format!("s3://{bucket}/{PREFIX}");
        let store = millrace_lake::open(&address).await?;
        let users = ScriptedServer::start([Scripted::ok(USERS)]).await;
        Ok(Self {
            broker,
            store,
            address,
            users,
            database,
            endpoint: endpoint.to_owned(),
            bucket,
            person: OnceLock::new(),
        })
    }

    fn environment(&self, more: &[(&str, &str)]) -> Environment {
        let brokers = self.broker.brokers();
        let given = [("MILLRACE_BROKERS", brokers.as_str())].into_iter().chain(more.iter().copied());
        Environment::of(given.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    fn topic_maker(&self, brokers: &EmbeddedBroker) -> create_topics::Function {
        let given = [("MILLRACE_BROKERS", brokers.brokers()), ("MILLRACE_RETENTION_HOURS", "168".to_owned())];
        let environment = Environment::of(given.map(|(name, value)| (name.to_owned(), value)));
        create_topics::Function::new(environment, no_secrets())
    }

    fn fetcher(&self) -> fetch_users::Function {
        let api = format!("{}/", self.users.url);
        let environment = self.environment(&[("MILLRACE_USERS", "2"), ("MILLRACE_API_URL", &api)]);
        fetch_users::Function::new(environment, no_secrets())
    }

    fn lander(&self) -> land_events::Function {
        let environment =
            self.environment(&[("MILLRACE_LAKE", &self.address), ("MILLRACE_GENERATION", "0001")]);
        land_events::Function::new(environment, no_secrets())
    }

    fn compactor(&self) -> compact_raw::Function {
        let given = [("MILLRACE_LAKE".to_owned(), self.address.clone())];
        compact_raw::Function::new(Environment::of(given))
    }

    fn replayer(&self) -> replay_dead_letters::Function {
        replay_dead_letters::Function::new(
            self.environment(&[("MILLRACE_LAKE", &self.address)]),
            no_secrets(),
        )
    }

    pub(crate) async fn probe(&self, program: &str) -> Result<()> {
        match program {
            "create-topics" => drop(self.topic_maker(&self.broker).probe().await?),
            "fetch-users" => drop(self.fetcher().probe().await?),
            "land-events" => drop(self.lander().probe().await?),
            "compact-raw" => drop(self.compactor().probe().await?),
            _ => drop(self.replayer().probe().await?),
        }
        Ok(())
    }

    /// Of a cluster that has all topics, and of one that has none.
    pub(crate) async fn create_topics(&self) -> Result<()> {
        self.topic_maker(&self.broker).invoke(create_topics::Request {}).await?;
        let empty = EmbeddedBroker::start()?;
        // The embedded broker makes none by request, and lets it be waited for: what it was asked for is what matters here.
        let maker = self.topic_maker(&empty);
        let asked =
            tokio::time::timeout(Duration::from_secs(3), maker.invoke(create_topics::Request {})).await;
        ensure!(!matches!(asked, Ok(Ok(_))), "the embedded broker makes topics by request now: {asked:?}");
        Ok(())
    }

    pub(crate) async fn fetch(&self) -> Result<()> {
        let counts = self.fetcher().invoke(Deadline::never(), || START).await?;
        ensure!(counts.produced == 1 && counts.rejected == 1, "{counts:?}");
        Ok(())
    }

    /// A batch of all topics, of another day each time; of each topic's records some cannot be read.
    pub(crate) async fn land(&self, day: i64) -> Result<()> {
        self.land_part(day, 0).await
    }

    /// The same, with other offsets: beside another part's it is an hour's second object of each topic.
    pub(crate) async fn land_part(&self, day: i64, part: i64) -> Result<()> {
        let start = Millis(START.get() + day * DAY_MILLIS);
        let mut behaviour = Behaviour::new(BehaviourSettings {
            first_users: 20,
            ..BehaviourSettings::new(7, start, Streams::ALL)
        })?;
        let mut batch = Batch::new();
        behaviour.fill(&mut batch, 600)?;
        let first = batch.iter().find(|record| record.stream == Stream::Users);
        // Of Protobuf, whose first field is the id.
        let id = first.and_then(|record| std::str::from_utf8(record.value.get(2..38)?).ok());
        self.person.get_or_init(|| id.unwrap_or_default().to_owned());
        let mut offsets = [day * 10_000 + part * 5_000; 4];
        let records: Vec<_> = batch
            .iter()
            .map(|record| {
                let offset = &mut offsets[record.stream as usize];
                *offset += 1;
                let value = if *offset % 5 == 0 { &b"\xff"[..] } else { record.value };
                OwnedRecord {
                    topic: record.stream.topic().to_owned(),
                    partition: 0,
                    offset: Offset(*offset),
                    timestamp: Some(record.timestamp),
                    key: record.key.map(<[u8]>::to_vec),
                    value: Some(value.to_vec()),
                    headers: vec![(
                        "content-type".to_owned(),
                        Some(record.content_type().as_bytes().to_vec()),
                    )],
                }
            })
            .collect();
        ensure!(offsets.iter().all(|offset| offset % 5_000 >= 5), "a topic has too few records: {offsets:?}");
        let event = serde_json::from_slice(&payload(&self.broker.brokers(), &records))?;
        let now = Micros(start.get() * 1_000);
        let answer = self.lander().invoke(&event, now, Deadline::never()).await?;
        ensure!(serde_json::to_string(&answer)? == r#"{"batchItemFailures":[]}"#, "{answer:?}");
        Ok(())
    }

    /// An erasure that has ended, and one that was begun.
    pub(crate) async fn list_erased(&self) -> Result<()> {
        let store = self.store.as_ref();
        let salt = Salt::made(store).await?;
        record(store, chrono::DateTime::UNIX_EPOCH, [salt.hash("nobody")]).await?;
        let marker = serde_json::json!({
            "begun_at": 0, "persons": 1, "salt": "0", "hashes": { "ids": [salt.hash("somebody")], "found": [] },
        });
        let key = Key::new(format!("{UNFINISHED_ERASURES}0123456789abcdef.json"))?;
        Ok(self.store.put(&key, marker.to_string().into()).await?)
    }

    /// As Terraform has the bucket; an earlier version and a removed object of everything that lies where persons do.
    pub(crate) async fn keep_versions(&self) -> Result<()> {
        keep_versions(&self.endpoint, &self.bucket)?;
        for object in self.store.list("").await? {
            let body = self.store.get(&object.key).await?;
            self.store.put(&object.key, body).await?;
        }
        Ok(())
    }

    /// A person who has a row in every table of persons, as `millrace erase` does it.
    pub(crate) async fn erase(&self) -> Result<()> {
        let store = millrace_lake::open(&self.address).await?;
        let subjects = Arc::new(Subjects::new([self.person.get().cloned().unwrap_or_default()])?);
        let scratch_dir = std::env::temp_dir().join("cloud-calls");
        let erasure =
            Erasure { subjects, now: Micros(START.get() * 1_000), scratch_dir, settle: Duration::ZERO };
        erasure::preview(&store, &erasure).await?;
        let report =
            erasure::erase(Arc::clone(&store), &erasure, &Jobs::over(Arc::clone(&store)), &|_| ()).await?;
        ensure!(report.persons.found == 1 && report.rebuilt.len() == 2, "{report:?}");
        store.settle().await;
        Ok(())
    }

    /// The hours of the days that landed, as the state machine asks for it.
    pub(crate) async fn compact(&self, has_small: bool) -> Result<()> {
        let asked = serde_json::json!({ "as_of": "2026-02-04", "started_at": "2026-02-05T00:30:00Z" });
        let now = "2026-02-05T00:31:00Z".parse()?;
        let report = self.compactor().invoke(serde_json::from_value(asked)?, now, Deadline::never()).await?;
        let removed: u64 = report.tables.iter().map(|table| table.removed).sum();
        ensure!(report.done && report.small_objects == 0 && (removed > 0) == has_small, "{report:?}");
        Ok(())
    }

    /// As `millrace run` keeps them, of each topic a letter about the person.
    pub(crate) async fn keep_dead_letters(&self) -> Result<()> {
        for stream in Stream::ALL {
            let letter = |offset, value: String| DeadLetter {
                partition: 0,
                offset: Offset(offset),
                timestamp_micros: None,
                key: None,
                value: Some(value.into_bytes()),
                headers: Vec::new(),
            };
            let person = self.person.get().cloned().unwrap_or_default();
            let mut lines = letter(0, serde_json::json!({ "user_id": person }).to_string()).to_line();
            // The others' files have nobody else's letter.
            if stream == Stream::Users {
                lines.push_str(&letter(1, "{}".to_owned()).to_line());
            }
            let key = Key::new(format!("{DEAD_LETTERS}/{}/0001.jsonl", stream.topic()))?;
            self.store.put(&key, lines.into()).await?;
        }
        Ok(())
    }

    /// Each topic's letters, from its queue and from the lake.
    pub(crate) async fn replay(&self) -> Result<()> {
        for stream in Stream::ALL {
            for from in ["queue", "lake"] {
                let asked = serde_json::json!({
                    "topic": stream.topic(), "from": from, "dry_run": false, "mended_only": false,
                });
                let report =
                    self.replayer().invoke(serde_json::from_value(asked)?, Deadline::never()).await?;
                ensure!(report.sent > 0, "{from}: {report:?}");
            }
        }
        Ok(())
    }

    fn of_job(&self) -> Environment {
        self.environment_of_job(&[])
    }

    fn environment_of_job(&self, more: &[(&str, String)]) -> Environment {
        let scratch = std::env::temp_dir().join("cloud-calls");
        let given = [
            ("MILLRACE_LAKE", self.address.clone()),
            ("MILLRACE_GLUE_DATABASE", self.database.clone()),
            ("MILLRACE_SCRATCH", scratch.display().to_string()),
        ];
        let given = given.iter().chain(more);
        Environment::of(given.map(|(name, value)| ((*name).to_owned(), value.clone())))
    }

    pub(crate) async fn probe_job(&self) -> Result<()> {
        millrace_cloud_jobs::probe(self.of_job(), "2026-02-05T00:00:00Z".parse()?).await?;
        Ok(())
    }

    pub(crate) async fn run(&self, job: Job, as_of: &str, started_at: &str) -> Result<()> {
        let asked = serde_json::json!({ "as_of": as_of, "started_at": started_at });
        let request = serde_json::from_value(asked)?;
        let now = started_at.parse()?;
        millrace_cloud_jobs::invoke(job, self.of_job(), request, now, &Meter::new()).await?;
        Ok(())
    }

    /// A job that keeps Iceberg tables in Glue makes a day twice; who can't ask Glue publishes nothing more.
    pub(crate) async fn keep_iceberg_tables(&self) -> Result<()> {
        let as_of = "2026-02-04";
        // Which Terraform makes.
        let made = serde_json::json!({ "DatabaseInput": { "Name": format!("{}_iceberg", self.database) } });
        ask_glue(&self.endpoint, "CreateDatabase", &made)?;
        let mut snapshots = std::collections::BTreeSet::new();
        for started_at in ["2026-02-05T03:30:00Z", "2026-02-05T04:30:00Z"] {
            let asked = serde_json::json!({ "as_of": as_of, "started_at": started_at });
            let database = format!("{}_iceberg", self.database);
            let environment = self.environment_of_job(&[("MILLRACE_ICEBERG_DATABASE", database)]);
            let request = serde_json::from_value(asked)?;
            let (job, now) = (Job::RawTransformation, started_at.parse()?);
            millrace_cloud_jobs::invoke(job, environment, request, now, &Meter::new()).await?;
            let record = published(self.store.as_ref(), name(job), as_of.parse()?).await?;
            for table in record.map(|record| record.tables).unwrap_or_default() {
                ensure!(table.iceberg_snapshot.is_some(), "{table:?}");
                snapshots.insert(table.iceberg_snapshot);
                let asked = serde_json::json!({
                    "DatabaseName": format!("{}_iceberg", self.database), "Name": table.name,
                });
                ask_glue(&self.endpoint, "GetTable", &asked)?;
            }
        }
        ensure!(snapshots.len() == 4, "{snapshots:?}");
        let refused = self.run(Job::RawTransformation, as_of, "2026-02-05T05:30:00Z").await;
        let said = format!("{:#}", refused.err().context("it published without Glue")?);
        ensure!(said.contains("Glue's database") && said.contains("users_transformed"), "{said}");
        let files = self.store.list("iceberg/users_transformed/data/").await?;
        ensure!(files.len() == 2, "{files:?}");
        Ok(())
    }

    /// As an older version left the catalogue: a table of each job's has other columns, and a day of it lies elsewhere.
    pub(crate) fn age_the_catalogue(&self, day: &str) -> Result<()> {
        for table in ["users_transformed", "user_analytics", "fact_registration_trends"] {
            let place = serde_json::json!({
                "Columns": [{ "Name": "old", "Type": "string" }], "Location": "s3://elsewhere/",
            });
            let input = serde_json::json!({ "Name": table, "StorageDescriptor": place });
            let asked = serde_json::json!({ "DatabaseName": self.database, "TableInput": input });
            ask_glue(&self.endpoint, "UpdateTable", &asked)?;
            let input = serde_json::json!({ "Values": [day], "StorageDescriptor": place });
            let entry = serde_json::json!({ "PartitionValueList": [day], "PartitionInput": input });
            let asked =
                serde_json::json!({ "DatabaseName": self.database, "TableName": table, "Entries": [entry] });
            ask_glue(&self.endpoint, "BatchUpdatePartition", &asked)?;
        }
        Ok(())
    }

    /// As lakes were before they said that they are one.
    pub(crate) async fn forget_the_lake(&self) -> Result<()> {
        Ok(self.store.delete(&Key::new(LAKE_FILE)?).await?)
    }
}

fn no_secrets() -> Arc<SecretsExtension> {
    Arc::new(SecretsExtension::new(1, None))
}
