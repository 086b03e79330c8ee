//! [`Cloud`] by AWS's command line.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::cloud::{Alias, Cloud, Object, When};
use crate::aws::Aws;
use crate::workspace;

/// AWS or an emulator, and the bucket of Terraform's state.
#[derive(Debug)]
pub(crate) struct AwsCloud {
    pub(crate) aws: Aws,
    pub(crate) bucket: String,
}

const LIVE: &str = "live";

/// What S3 says where a condition did not hold: it was so before, it became so meanwhile, or the object went away.
const CONDITION: [&str; 3] = ["PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"];

impl Cloud for AwsCloud {
    fn caller(&self) -> Result<String> {
        self.aws.caller()
    }

    fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    fn alias(&self, function: &str) -> Result<Option<Alias>> {
        let asked = ["lambda", "get-alias", "--function-name", function, "--name", LIVE];
        let Some(alias) = self.aws.ask_unless(&asked, &["ResourceNotFoundException"])? else {
            return Ok(None);
        };
        let text = |name: &str| {
            let value = alias[name].as_str().map(str::to_owned);
            value.with_context(|| format!("the alias {LIVE} of {function} has no {name}: {alias}"))
        };
        Ok(Some(Alias { version: text("FunctionVersion")?, revision: text("RevisionId")? }))
    }

    fn point(&self, function: &str, version: &str, revision: &str) -> Result<()> {
        let name = ["lambda", "update-alias", "--function-name", function, "--name", LIVE];
        let to = ["--function-version", version, "--revision-id", revision];
        let moved = self.aws.ask_unless(&[&name[..], &to].concat(), &["PreconditionFailedException"])?;
        ensure!(moved.is_some(), "somebody else has moved the alias {LIVE} of {function} meanwhile");
        Ok(())
    }

    fn invoke(&self, function: &str, event: &str) -> Result<Value> {
        self.aws.invoke(function, event)
    }

    fn versions(&self, function: &str) -> Result<Vec<u64>> {
        let told = self.aws.ask(&["lambda", "list-versions-by-function", "--function-name", function])?;
        let versions = told["Versions"].as_array().with_context(|| format!("{function}: {told}"))?;
        // $LATEST is no number.
        Ok(versions.iter().filter_map(|version| version["Version"].as_str()?.parse().ok()).collect())
    }

    fn remove_version(&self, function: &str, version: u64) -> Result<()> {
        let version = version.to_string();
        let asked = ["lambda", "delete-function", "--function-name", function, "--qualifier", &version];
        self.aws.ask(&asked).map(drop)
    }

    fn get(&self, key: &str) -> Result<Option<Object>> {
        let file = Scratch::new("object");
        let path = file.0.display().to_string();
        let asked = ["s3api", "get-object", "--bucket", &self.bucket, "--key", key, &path];
        let Some(told) = self.aws.ask_unless(&asked, &["NoSuchKey"])? else { return Ok(None) };
        let body = std::fs::read_to_string(&file.0).with_context(|| format!("could not read {path}"))?;
        Ok(Some(Object { body, etag: told["ETag"].as_str().unwrap_or_default().to_owned() }))
    }

    fn put(&self, key: &str, body: &str, when: When<'_>) -> Result<Option<String>> {
        let file = Scratch::new("body");
        let path = file.0.display().to_string();
        std::fs::write(&file.0, body).with_context(|| format!("could not write {path}"))?;
        let mut asked = vec!["s3api", "put-object", "--bucket", &self.bucket, "--key", key, "--body", &path];
        match when {
            When::Always => {}
            When::New => asked.extend(["--if-none-match", "*"]),
            When::Still(etag) => asked.extend(["--if-match", etag]),
        }
        let refused: &[&str] = if when == When::Always { &[] } else { &CONDITION };
        let told = self.aws.ask_unless(&asked, refused)?;
        Ok(told.map(|told| told["ETag"].as_str().unwrap_or_default().to_owned()))
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let told =
            self.aws.ask(&["s3api", "list-objects-v2", "--bucket", &self.bucket, "--prefix", prefix])?;
        let objects = told["Contents"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut keys: Vec<_> =
            objects.iter().filter_map(|it| it["Key"].as_str()).map(str::to_owned).collect();
        keys.sort();
        Ok(keys)
    }

    fn set_mapping(&self, uuid: &str, enabled: bool) -> Result<bool> {
        let mapping = self.aws.ask(&["lambda", "get-event-source-mapping", "--uuid", uuid])?;
        let state = mapping["State"].as_str().unwrap_or_default();
        if enabled == matches!(state, "Enabled" | "Enabling") {
            return Ok(false);
        }
        let wanted = if enabled { "--enabled" } else { "--no-enabled" };
        self.aws.ask(&["lambda", "update-event-source-mapping", "--uuid", uuid, wanted])?;
        Ok(true)
    }

    fn enable_schedule(&self, name: &str) -> Result<bool> {
        let mut schedule = self.aws.ask(&["scheduler", "get-schedule", "--name", name])?;
        if schedule["State"] == "ENABLED" {
            return Ok(false);
        }
        // An update says all of a schedule: what it leaves out is gone.
        let told = schedule.as_object_mut().with_context(|| format!("the schedule {name} is no object"))?;
        for read_only in ["Arn", "CreationDate", "LastModificationDate"] {
            told.remove(read_only);
        }
        told.insert("State".to_owned(), "ENABLED".into());
        self.aws.ask(&["scheduler", "update-schedule", "--cli-input-json", &schedule.to_string()])?;
        Ok(true)
    }
}

/// A file that goes with its value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(purpose: &str) -> Self {
        let folder = workspace::scratch();
        // A folder that cannot be made is told by what is then written there.
        let _ = std::fs::create_dir_all(&folder);
        Self(folder.join(format!("release-{purpose}-{}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
