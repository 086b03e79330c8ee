//! A person out of the lake that the day's programs made, under the eraser's role, and the bucket asked what it still has.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::aws::Aws;
use crate::commands::output;

const BUCKET: &str = "millrace-local-lake";
const LAKE: &str = "s3://millrace-local-lake/lake";
const ROLE: &str = "millrace-local-eraser";
/// Where rows about persons lie: crates/tables names their data subjects.
const OF_PERSONS: [&str; 5] = [
    "lake/raw/users/",
    "lake/curated/users_transformed/",
    "lake/analytics/dim_user_demographics/",
    "lake/_state/",
    "lake/_dead_letters/",
];

/// `program` is the command line as it was built.
pub(super) fn walked(aws: &Aws, endpoint: &str, program: &Path, scratch: &Path) -> Result<()> {
    let as_anybody = Millrace { program, endpoint, keys: ["test", "test", ""].map(str::to_owned) };
    let as_eraser = Millrace { program, endpoint, keys: assumed(aws)? };
    let sql = "SELECT user_id FROM raw_users WHERE user_id IS NOT NULL ORDER BY user_id LIMIT 1";
    let told = as_anybody.run(&["query", sql, "--format", "csv"])?;
    let person = told.lines().nth(1).context("the day has no user")?.to_owned();
    // A version that somebody else's write has covered.
    let listed = aws.ask(&["s3api", "list-objects-v2", "--bucket", BUCKET, "--prefix", OF_PERSONS[0]])?;
    let key = listed["Contents"][0]["Key"].as_str().context("no raw object was landed")?.to_owned();
    let (copy, address) = (scratch.join("raw-object").display().to_string(), format!("s3://{BUCKET}/{key}"));
    aws.copy(&address, &copy)?;
    aws.copy(&copy, &address)?;
    let before = kept(aws, OF_PERSONS[0])?;
    ensure!(before.earlier > 0, "{BUCKET} keeps no versions: {before:?}");

    let told = as_eraser.run(&["erase", &person, "--yes", "--json", "--wait-for-landings", "1"])?;
    let report: Value = serde_json::from_str(&told).context("the report is no JSON")?;
    ensure!(report["places"]["raw_users"]["rows"].as_u64() > Some(0), "{report}");
    ensure!(report["earlier_versions"]["raw_users"]["versions"].as_u64() > Some(0), "{report}");
    for place in OF_PERSONS {
        let left = kept(aws, place)?;
        ensure!(left.earlier == 0 && left.marks == 0, "of {place} the bucket has {left:?}");
    }
    for (table, id) in
        [("raw_users", "user_id"), ("users_transformed", "id"), ("dim_user_demographics", "user_id")]
    {
        let sql = format!("SELECT COUNT(*) AS rows FROM {table} WHERE {id} = '{person}'");
        let told = as_anybody.run(&["query", &sql, "--format", "csv"])?;
        ensure!(told.lines().nth(1) == Some("0"), "{table} has them still: {told}");
    }
    Ok(())
}

/// Keys of the eraser's role.
fn assumed(aws: &Aws) -> Result<[String; 3]> {
    let role = aws.ask(&["iam", "get-role", "--role-name", ROLE])?;
    let arn = role["Role"]["Arn"].as_str().context("there is no eraser's role")?;
    let told = aws.ask(&["sts", "assume-role", "--role-arn", arn, "--role-session-name", "erasure"])?;
    let part = |name: &str| {
        told["Credentials"][name].as_str().map(str::to_owned).with_context(|| format!("no {name} in {told}"))
    };
    Ok([part("AccessKeyId")?, part("SecretAccessKey")?, part("SessionToken")?])
}

struct Millrace<'a> {
    program: &'a Path,
    endpoint: &'a str,
    keys: [String; 3],
}

impl Millrace<'_> {
    fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(self.program);
        command.args(arguments).args(["--lake", LAKE]);
        command
            .env("AWS_ENDPOINT_URL", self.endpoint)
            .env("AWS_REGION", "us-east-1")
            .env_remove("AWS_PROFILE");
        let [id, secret, token] = &self.keys;
        command.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
        if !token.is_empty() {
            command.env("AWS_SESSION_TOKEN", token);
        }
        output(&mut command)
    }
}

/// What the bucket keeps below or instead of what is there.
#[derive(Debug)]
struct Kept {
    earlier: usize,
    marks: usize,
}

fn kept(aws: &Aws, prefix: &str) -> Result<Kept> {
    let told = aws.ask(&["s3api", "list-object-versions", "--bucket", BUCKET, "--prefix", prefix])?;
    let versions = told["Versions"].as_array().into_iter().flatten();
    let earlier = versions.filter(|version| version["IsLatest"] != true).count();
    Ok(Kept { earlier, marks: told["DeleteMarkers"].as_array().map_or(0, Vec::len) })
}
