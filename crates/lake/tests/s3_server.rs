//! The store on S3 against a server of S3's protocol, which MILLRACE_TEST_S3_ENDPOINT names (`http://127.0.0.1:<port>`).
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use bytes::Bytes;
use millrace_events::failure::{Class, Classified};
use millrace_lake::lake_file::{self, Entered, LakeError};
use millrace_lake::s3::{S3Address, S3Credentials, S3Settings, S3Store};
use millrace_lake::store::{EarlierVersions, Versions};
use millrace_lake::{Copied, Key, PutNew, Store, conformance};
use millrace_skips::skipped;

const ENDPOINT: &str = "MILLRACE_TEST_S3_ENDPOINT";
const KEY: &str = "millrace-test";
const MIB: usize = 1 << 20;
const ABANDONED: Duration = Duration::from_secs(8);

/// Names the lake of the child that is killed.
const VICTIM: &str = "LAKE_S3_VICTIM";

/// Names the lake of the child that has nothing but its environment.
const BY_ENVIRONMENT: &str = "LAKE_S3_BY_ENVIRONMENT";

/// The server's endpoint; without one the check is told as skipped.
fn endpoint(check: &str) -> Option<String> {
    let endpoint = std::env::var(ENDPOINT).ok();
    if endpoint.is_none() {
        skipped(check, &format!("no server of S3's protocol, {ENDPOINT} is not set"));
    }
    endpoint
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn settings(endpoint: &str, address: S3Address) -> S3Settings {
    S3Settings {
        region: Some("us-east-1".into()),
        endpoint: Some(endpoint.into()),
        credentials: Some(S3Credentials {
            access_key_id: KEY.into(),
            secret_access_key: KEY.into(),
            session_token: None,
        }),
        part_bytes: 5 * MIB,
        copy_bytes: 5 * MIB as u64,
        lease: Duration::from_secs(3),
        abandoned_after: ABANDONED,
        ..S3Settings::new(address)
    }
}

/// The server as others see it.
struct Server {
    endpoint: String,
    client: Client,
    bucket: String,
}

impl Server {
    /// With an empty bucket of the test's own, or `None` where there is no server.
    async fn with_bucket(check: &str) -> Option<Self> {
        let endpoint = endpoint(check)?;
        let client = client(&endpoint);
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let bucket = format!("{}-{now}", check.replace(' ', "-"));
        client.create_bucket().bucket(&bucket).send().await.unwrap();
        Some(Self { endpoint, client, bucket })
    }

    fn settings(&self) -> S3Settings {
        settings(&self.endpoint, format!("s3://{}/dev/lake", self.bucket).parse().unwrap())
    }

    async fn store(&self) -> S3Store {
        S3Store::connect(self.settings()).await.unwrap()
    }

    /// Every name in the bucket but those of locks: on servers without conditional removals these stay, as free ones.
    async fn names(&self) -> Vec<String> {
        let listed = self.client.list_objects_v2().bucket(&self.bucket).send().await.unwrap();
        listed
            .contents
            .unwrap_or_default()
            .into_iter()
            .filter_map(|object| object.key)
            .filter(|name| !name.contains("/.locks/"))
            .collect()
    }

    async fn uploads(&self) -> usize {
        let listed = self.client.list_multipart_uploads().bucket(&self.bucket).send().await.unwrap();
        listed.uploads.unwrap_or_default().len()
    }
}

fn client(endpoint: &str) -> Client {
    // No TLS: the tests' servers are on loopback.
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(Credentials::new(KEY, KEY, None, None, "test"))
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .http_client(http);
    Client::from_conf(config.build())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let Some(server) = Server::with_bucket("s3 conformance").await else { return };
    let store = server.store().await;
    conformance::suite(&store).await;
    store.settle().await;
    assert!(server.names().await.is_empty());
    assert_eq!(server.uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_at_the_root_of_a_bucket() {
    let Some(server) = Server::with_bucket("s3 root").await else { return };
    let address = format!("s3://{}", server.bucket).parse().unwrap();
    let store = S3Store::connect(S3Settings { address, ..server.settings() }).await.unwrap();
    conformance::suite(&store).await;
}

#[tokio::test]
async fn large_objects_go_in_parts_and_come_whole() {
    let Some(server) = Server::with_bucket("s3 parts").await else { return };
    let store = server.store().await;
    let body = Bytes::from((0..11 * MIB + 7).map(|at| (at % 251) as u8).collect::<Vec<_>>());
    store.put(&key("raw/put"), body.clone()).await.unwrap();
    assert_eq!(store.put_new(&key("raw/put"), body.slice(..6 * MIB)).await.unwrap(), PutNew::AlreadyThere);
    assert_eq!(store.put_new(&key("raw/new"), body.clone()).await.unwrap(), PutNew::Created);
    let mut writer = store.writer(&key("raw/pieces")).await.unwrap();
    for piece in body.chunks(MIB / 3) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    assert_eq!(server.uploads().await, 1);
    assert!(store.get(&key("raw/pieces")).await.unwrap_err().is_not_found());
    assert_eq!(writer.finish().await.unwrap(), body.len() as u64);
    for name in ["raw/put", "raw/new", "raw/pieces"] {
        assert!(store.get(&key(name)).await.unwrap() == body, "{name}");
    }
    let mut given_up = store.writer(&key("raw/pieces")).await.unwrap();
    given_up.write(body.slice(..6 * MIB)).await.unwrap();
    drop(given_up);
    store.settle().await;
    assert_eq!(server.uploads().await, 0, "a dropped writer aborts its upload");
    assert!(store.get(&key("raw/pieces")).await.unwrap() == body);
}

#[tokio::test]
async fn large_objects_are_copied_in_parts_by_the_server() {
    let Some(server) = Server::with_bucket("s3 copies").await else { return };
    let store = server.store().await;
    let body = Bytes::from((0..11 * MIB + 7).map(|at| (at % 251) as u8).collect::<Vec<_>>());
    // In one part each, and then in three of the copy's own size.
    let whole = S3Settings { part_bytes: 64 * MIB, ..server.settings() };
    S3Store::connect(whole).await.unwrap().put(&key("t/day=1"), body.clone()).await.unwrap();
    assert_eq!(store.copy_new(&key("t/day=1"), &key("t/copy")).await.unwrap(), Copied::Created);
    assert!(store.get(&key("t/copy")).await.unwrap() == body);
    let head =
        server.client.head_object().bucket(&server.bucket).key("dev/lake/t/copy").send().await.unwrap();
    assert!(head.e_tag().unwrap().ends_with("-3\""), "{head:?}");
    // The ETag is another than the source's, and still tells it.
    assert_eq!(store.copy_new(&key("t/day=1"), &key("t/copy")).await.unwrap(), Copied::AlreadyThere);
    store.settle().await;
    assert_eq!(server.uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listings_have_more_than_a_page() {
    let Some(server) = Server::with_bucket("s3 pages").await else { return };
    let store = server.store().await;
    let mut puts = tokio::task::JoinSet::new();
    for worker in 0..8 {
        let store = store.clone();
        puts.spawn(async move {
            for at in (worker..1_204).step_by(8) {
                store.put(&key(&format!("raw/users/{at:04}")), Bytes::from_static(b"x")).await.unwrap();
            }
        });
    }
    puts.join_all().await;
    // What consoles and others leave is no object of the lake.
    for name in ["dev/lake/raw/users/", "dev/lake/raw/.hidden", "dev/lakeside", "other"] {
        server.client.put_object().bucket(&server.bucket).key(name).send().await.unwrap();
    }
    let listed = store.list("raw/").await.unwrap();
    assert_eq!(listed.len(), 1_204);
    assert!(listed.is_sorted_by(|left, right| left.key < right.key));
    assert_eq!(store.list("").await.unwrap().len(), 1_204);
    assert_eq!(store.list("raw/users/000").await.unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_excludes_other_stores_longer_than_its_lease() {
    static INSIDE: AtomicBool = AtomicBool::new(false);

    let Some(server) = Server::with_bucket("s3 locks").await else { return };
    let mut stores = tokio::task::JoinSet::new();
    for turn in 0..4 {
        let store = server.store().await;
        stores.spawn(async move {
            for round in 0..3 {
                let held = store.lock(&key("jobs/a")).await.unwrap();
                assert!(!INSIDE.swap(true, Ordering::SeqCst), "two hold the lock at once");
                // One of them holds it for far longer than a lease, which is renewed meanwhile.
                let span = if (turn, round) == (0, 0) { 9_000 } else { 50 };
                tokio::time::sleep(Duration::from_millis(span)).await;
                store.put(&key("state"), Bytes::new()).await.unwrap();
                INSIDE.store(false, Ordering::SeqCst);
                drop(held);
            }
            store.settle().await;
        });
    }
    stores.join_all().await;
    assert_eq!(server.names().await, ["dev/lake/state"]);
}

#[tokio::test]
async fn a_waiter_that_gives_up_holds_nothing() {
    let Some(server) = Server::with_bucket("s3 waiter").await else { return };
    let store = server.store().await;
    let held = store.lock(&key("jobs/a")).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(500), store.lock(&key("jobs/a"))).await;
    assert!(waited.is_err());
    drop(held);
    store.settle().await;
    let other = server.store().await;
    let given_back = Instant::now();
    other.lock(&key("jobs/a")).await.unwrap();
    assert!(given_back.elapsed() < Duration::from_secs(2), "a lock that was given back is free at once");
}

/// Not a test of its own: what the child process does, until it is killed.
#[tokio::test]
async fn victim() {
    let (Ok(address), Ok(endpoint)) = (std::env::var(VICTIM), std::env::var(ENDPOINT)) else { return };
    let store = S3Store::connect(settings(&endpoint, address.parse().unwrap())).await.unwrap();
    let _lock = store.lock(&key("jobs/a")).await.unwrap();
    let mut writer = store.writer(&key("raw/object")).await.unwrap();
    writer.write(Bytes::from(vec![1; 6 * MIB])).await.unwrap();
    eprintln!("half");
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_writer_leaves_is_swept_and_what_a_living_one_has_stays() {
    let Some(server) = Server::with_bucket("s3 kill").await else { return };
    let store = server.store().await;
    let address = server.settings().address.to_string();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture"])
        .env(VICTIM, address)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    assert_eq!(said, "half");
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = Instant::now();

    let mut living = store.writer(&key("raw/living")).await.unwrap();
    living.write(Bytes::from(vec![2; 6 * MIB])).await.unwrap();
    assert_eq!(server.uploads().await, 2);
    let swept = store.sweep().await.unwrap();
    // On a busy machine the dead may be silent for long enough by now.
    assert!(swept == 0 || killed.elapsed() > ABANDONED, "nobody is dead for sure yet");
    assert!(store.list("").await.unwrap().is_empty(), "half an object is none");

    let held = store.lock(&key("jobs/a")).await.unwrap();
    let waited = killed.elapsed();
    assert!(waited < Duration::from_secs(12), "the lock of the dead was taken after {waited:?}");
    drop(held);

    // The living one is idle for longer than the dead one may be silent.
    tokio::time::sleep((ABANDONED + Duration::from_secs(5)).saturating_sub(killed.elapsed())).await;
    assert_eq!(swept + store.sweep().await.unwrap(), 1);
    assert_eq!(server.uploads().await, 1);
    assert_eq!(living.finish().await.unwrap(), 6 * MIB as u64);
    assert_eq!(
        store.get(&key("raw/living")).await.unwrap().len(),
        6 * MIB,
        "a sign of life is no part of an object"
    );
    assert!(store.get(&key("raw/object")).await.unwrap_err().is_not_found());
}

/// Not a test of its own: what the child process does.
#[tokio::test]
async fn child_by_environment() {
    let Ok(address) = std::env::var(BY_ENVIRONMENT) else { return };
    let store = millrace_lake::open(&address).await.unwrap();
    store.put(&key("raw/a"), Bytes::from_static(b"body")).await.unwrap();
    assert_eq!(store.list("").await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_environment_is_enough() {
    let Some(server) = Server::with_bucket("s3 environment").await else { return };
    let run = |secrets: &[(&str, &str)]| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_by_environment", "--nocapture"])
            .env_clear()
            .env(BY_ENVIRONMENT, format!("s3://{}", server.bucket))
            .env("AWS_ENDPOINT_URL", &server.endpoint)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(secrets.iter().copied())
            .output()
            .unwrap()
    };
    let output = run(&[("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", KEY)]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(server.names().await, ["raw/a"]);
    let output = run(&[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("no credentials were found"), "{said}");
}

#[tokio::test]
async fn an_upload_that_was_aborted_by_others_is_worth_another_try() {
    let Some(server) = Server::with_bucket("s3 aborted").await else { return };
    let store = server.store().await;
    let mut writer = store.writer(&key("raw/a")).await.unwrap();
    writer.write(Bytes::from(vec![2; 6 * MIB])).await.unwrap();
    let uploads = server.client.list_multipart_uploads().bucket(&server.bucket).send().await.unwrap();
    let id = uploads.uploads()[0].upload_id().unwrap();
    let abort = server.client.abort_multipart_upload().bucket(&server.bucket);
    abort.key("dev/lake/raw/a").upload_id(id).send().await.unwrap();
    assert_eq!(writer.finish().await.unwrap_err().class(), Class::Retry);
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_told() {
    let Some(endpoint) = endpoint("s3 missing bucket") else { return };
    let store =
        S3Store::connect(settings(&endpoint, "s3://nobody-made-this-one".parse().unwrap())).await.unwrap();
    for error in [
        store.put(&key("a"), Bytes::new()).await.unwrap_err(),
        store.get(&key("a")).await.unwrap_err(),
        store.list("").await.unwrap_err(),
        store.sweep().await.unwrap_err(),
        store.lock(&key("a")).await.unwrap_err(),
        store.writer(&key("a")).await.unwrap().finish().await.unwrap_err(),
    ] {
        assert_eq!(error.class(), Class::Stop);
        assert!(error.to_string().contains("there is no such bucket"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lake_is_made_once_by_many_and_says_what_its_server_can() {
    let Some(server) = Server::with_bucket("s3 lake file").await else { return };
    let makers: Vec<_> = (0..4)
        .map(|_| {
            let settings = server.settings();
            tokio::spawn(async move {
                let store = S3Store::connect(settings).await.unwrap();
                lake_file::enter_or_create(&store).await.unwrap()
            })
        })
        .collect();
    let mut created = 0;
    for maker in makers {
        created += usize::from(maker.await.unwrap() == Entered::Created);
    }
    let store = server.store().await;
    let file = lake_file::read(&store).await.unwrap().unwrap();
    assert!(created == 1 && file.store.conditional_put && file.store.read_after_write, "{created} {file:?}");
    assert_eq!(server.names().await, ["dev/lake/_lake.json"]);
}

/// What other programs leave in buckets, and consoles.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_left_in_the_bucket_makes_no_lake() {
    let Some(server) = Server::with_bucket("s3 foreign").await else { return };
    for name in [
        "raw/",
        "raw/users_$folder$",
        "raw/notes (old).txt",
        "raw/users/_SUCCESS",
        "raw/users/date=2026-01-02/",
    ] {
        let request = server.client.put_object().bucket(&server.bucket).key(format!("dev/lake/{name}"));
        request.body(Vec::new().into()).send().await.unwrap();
    }
    let store = server.store().await;
    assert!(matches!(lake_file::look(&store).await.unwrap_err(), LakeError::NoLake { .. }));
    assert_eq!(lake_file::enter_or_create(&store).await.unwrap(), Entered::Created);
}

/// What a versioned bucket keeps below the objects goes for good, whoever covered it, and what is there stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn earlier_versions_are_counted_and_removed() {
    let Some(server) = Server::with_bucket("s3 versions").await else { return };
    let store = server.store().await;
    let versions = |prefix, task| store.earlier_versions(prefix, task);
    store.put(&key("raw/users/plain"), "x".into()).await.unwrap();
    assert_eq!(versions("raw/", Versions::Count).await.unwrap(), EarlierVersions::default());
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    server
        .client
        .put_bucket_versioning()
        .bucket(&server.bucket)
        .versioning_configuration(on)
        .send()
        .await
        .unwrap();
    for body in ["one", "two", "three"] {
        store.put(&key("raw/users/rewritten"), body.into()).await.unwrap();
        store.put(&key("raw/users/removed"), body.into()).await.unwrap();
        store.put(&key("raw/other/rewritten"), body.into()).await.unwrap();
    }
    for round in 0..2 {
        store.delete(&key("raw/users/removed")).await.unwrap();
        if round == 0 {
            store.put(&key("raw/users/removed"), "again".into()).await.unwrap();
        }
    }
    let found = EarlierVersions { versions: 2 + 4, bytes: 6 + 11 + 5, marks: 2 };
    assert_eq!(versions("raw/users/", Versions::Count).await.unwrap(), found);
    assert_eq!(versions("raw/users/", Versions::Remove).await.unwrap(), found);
    assert_eq!(versions("raw/users/", Versions::Count).await.unwrap(), EarlierVersions::default());
    assert_eq!(store.get(&key("raw/users/rewritten")).await.unwrap(), "three");
    assert!(store.get(&key("raw/users/removed")).await.unwrap_err().is_not_found());
    assert_eq!(store.get(&key("raw/users/plain")).await.unwrap(), "x");
    assert_eq!(versions("raw/other/", Versions::Count).await.unwrap().versions, 2, "others stay");
    // By the server's own account.
    let listed = server.client.list_object_versions().bucket(&server.bucket).prefix("dev/lake/raw/users/");
    let listed = listed.send().await.unwrap();
    let names: Vec<_> = listed.versions().iter().filter_map(|it| it.key()).collect();
    assert_eq!(names, ["dev/lake/raw/users/plain", "dev/lake/raw/users/rewritten"]);
    assert!(listed.delete_markers().is_empty());
}
