//! `millrace erase` in a bucket that keeps versions: everything that the bucket holds is read, and nothing tells of who was erased.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use bytes::Bytes;
use millrace_lake::dead_letter_line::DeadLetter;
use millrace_skips::skipped;
use millrace_tests::emulator::{keep_versions, make_bucket};
use millrace_tests::program::{DAY, Ended, millrace};
use millrace_tests::tables;
use serde_json::Value;

const S3: &str = "MILLRACE_TEST_S3_ENDPOINT";

struct Server {
    endpoint: String,
    bucket: String,
    client: Client,
}

/// A version of an object, its bytes.
struct Version {
    name: String,
    is_latest: bool,
    body: Bytes,
}

impl Server {
    fn new(endpoint: String) -> Result<Self> {
        let bucket = format!("erased-{}", std::process::id());
        make_bucket(&endpoint, &bucket)?;
        keep_versions(&endpoint, &bucket)?;
        // No TLS: the tests' servers are on loopback.
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .region(Region::new("us-east-1"))
            .endpoint_url(&endpoint)
            .force_path_style(true);
        Ok(Self { endpoint, bucket, client: Client::from_conf(config.build()) })
    }

    fn millrace(&self, arguments: &[&str]) -> Result<Ended> {
        let mut command = millrace(arguments)?;
        command.args(["--lake", &format!("s3://{}/lake", self.bucket)]);
        command.env("AWS_ENDPOINT_URL", &self.endpoint).env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        let ended = Ended::of(command)?;
        ensure!(ended.code == Some(0), "{arguments:?} ended with {:?}: {}", ended.code, ended.stderr);
        Ok(ended)
    }

    /// Users and their streams, the same ones for the same seed.
    fn run(&self, seed: &str) -> Result<Value> {
        let run = [
            "run",
            "--json",
            "--source",
            "simulator",
            "--users",
            "300",
            "--streams",
            "all",
            "--seed",
            seed,
            "--as-of",
            DAY,
        ];
        Ok(self.millrace(&[&run[..], &["--broken", "3%", "--repeat", "5%"]].concat())?.summary(0)?.0)
    }

    async fn versions(&self) -> Result<Vec<Version>> {
        let mut versions = Vec::new();
        let (mut key, mut id) = (None, None);
        loop {
            let page = self.client.list_object_versions().bucket(&self.bucket);
            let page = page.set_key_marker(key).set_version_id_marker(id).send().await?;
            for version in page.versions() {
                let (name, of) = (version.key().context("a key")?, version.version_id().context("an id")?);
                let got =
                    self.client.get_object().bucket(&self.bucket).key(name).version_id(of).send().await?;
                versions.push(Version {
                    name: name.to_owned(),
                    is_latest: version.is_latest() == Some(true),
                    body: got.body.collect().await?.into_bytes(),
                });
            }
            if page.is_truncated() != Some(true) {
                return Ok(versions);
            }
            (key, id) = (page.next_key_marker, page.next_version_id_marker);
        }
    }

    /// The versions that say one of `words`, as `<name>` or `<name> (earlier)`: Parquet decoded, letters too, all else as bytes.
    async fn telling(&self, words: &[String]) -> Result<Vec<String>> {
        let folder = tempfile::tempdir()?;
        let mut telling = Vec::new();
        for Version { name, is_latest, body } in self.versions().await? {
            let mut said = body.to_vec();
            if name.ends_with(".parquet") {
                let path = folder.path().join("object.parquet");
                std::fs::write(&path, &body)?;
                for batch in tables::read(&path)? {
                    for field in batch.schema().fields() {
                        let texts = tables::texts(&batch, field.name()).unwrap_or_default();
                        said.extend(texts.into_iter().flatten().flat_map(String::into_bytes));
                    }
                }
            } else if name.starts_with("lake/_dead_letters/") && name.ends_with(".jsonl") {
                for line in std::str::from_utf8(&body)?.lines() {
                    let letter = DeadLetter::from_line(line)?;
                    let headers = letter.headers.into_iter().filter_map(|(_, value)| value);
                    said.extend(letter.key.into_iter().chain(letter.value).chain(headers).flatten());
                }
            }
            if words.iter().any(|word| said.windows(word.len()).any(|bytes| bytes == word.as_bytes())) {
                telling.push(if is_latest { name } else { format!("{name} (earlier)") });
            }
        }
        Ok(telling)
    }

    async fn marks(&self) -> Result<Vec<String>> {
        let listed = self.client.list_object_versions().bucket(&self.bucket).send().await?;
        Ok(listed.delete_markers().iter().filter_map(|it| it.key().map(str::to_owned)).collect())
    }
}

/// Where a version lies, in words that are alike for all of a kind.
fn places(telling: &[String]) -> BTreeMap<(String, bool), usize> {
    let mut places = BTreeMap::new();
    for name in telling {
        let folder = name.split('/').skip(1).take(2).collect::<Vec<_>>().join("/");
        *places.entry((folder, name.ends_with("(earlier)"))).or_default() += 1;
    }
    places
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_in_a_versioned_bucket_tells_of_who_was_erased() -> Result<()> {
    let Ok(endpoint) = std::env::var(S3) else {
        skipped("erasure of all versions", &format!("no server of S3's protocol, {S3} is not set"));
        return Ok(());
    };
    let server = Server::new(endpoint)?;
    server.run("1")?;
    server.run("2")?;
    server.millrace(&["compact"])?;
    server.millrace(&["backfill", "--from", DAY, "--to", DAY])?;
    let sql =
        "SELECT id, email FROM users_transformed_latest WHERE email LIKE '%_@_%.com' ORDER BY id LIMIT 2";
    let told = server.millrace(&["query", sql, "--format", "csv"])?;
    let words: Vec<String> =
        told.stdout.lines().skip(1).flat_map(|line| line.split(',')).map(str::to_owned).collect();
    ensure!(words.len() == 4, "{words:?}");
    let before = places(&server.telling(&words).await?);
    for place in [
        "raw/users",
        "curated/users_transformed",
        "analytics/dim_user_demographics",
        "_state/raw-transformation",
    ] {
        ensure!(before.keys().any(|(found, _)| found.starts_with(place)), "{place}: {before:?}");
    }
    ensure!(before.keys().filter(|(_, is_earlier)| *is_earlier).count() >= 2, "{before:?}");

    let (first, second) = (words[0].as_str(), words[2].as_str());
    let plan = server.millrace(&["erase", first, second, "--json"])?.summary(0)?.0;
    ensure!(plan["earlier_versions"]["raw_users"]["versions"].as_u64() > Some(0), "{plan}");
    let erase = ["erase", first, second, "--yes", "--json", "--wait-for-landings", "2"];
    let report = server.millrace(&erase)?.summary(0)?.0;
    ensure!(
        report["earlier_versions"]["raw_users"]["versions"]
            == plan["earlier_versions"]["raw_users"]["versions"]
            || report["earlier_versions"]["raw_users"]["versions"].as_u64() > Some(0),
        "{report}"
    );
    ensure!(report["elsewhere"].as_array().is_some_and(|places| places.len() >= 5), "{report}");
    let left = server.telling(&words).await?;
    ensure!(left.is_empty(), "{left:?}");
    let marks = server.marks().await?;
    let of_persons = |name: &&String| {
        ["lake/raw/users/", "lake/_state/", "lake/_dead_letters/"].iter().any(|it| name.starts_with(it))
    };
    ensure!(marks.iter().find(of_persons).is_none(), "{marks:?}");

    // The same persons come again, as records and as what is made of them.
    let again = server.run("1")?;
    let other = server.run("2")?;
    let erased = |run: &Value| run["erased"].as_u64().unwrap_or(0);
    ensure!(erased(&again) + erased(&other) >= 2, "{again} {other}");
    server.millrace(&["backfill", "--from", DAY, "--to", DAY])?;
    let left = server.telling(&words).await?;
    ensure!(left.is_empty(), "they came back: {left:?}");
    Ok(())
}
