//! AWS's command line, for what Terraform is not asked to do: moving aliases, invoking.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::commands::output;
use crate::infra::tool;

/// Fetched once where the machine has none; pinned.
const PACKAGES: [&str; 1] = ["awscli==1.46.3"];

/// The command line, and the account or emulator that it talks to.
#[derive(Debug)]
pub(crate) struct Aws {
    program: PathBuf,
    endpoint: Option<String>,
}

impl Aws {
    /// With the environment's own credentials.
    pub(crate) fn of_environment() -> anyhow::Result<Self> {
        let endpoint = std::env::var("AWS_ENDPOINT_URL").ok();
        Ok(Self { program: program()?, endpoint })
    }

    pub(crate) fn of_emulator(endpoint: &str) -> anyhow::Result<Self> {
        Ok(Self { program: program()?, endpoint: Some(endpoint.to_owned()) })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--output", "json"]).args(arguments).env("AWS_PAGER", "");
        if let Some(endpoint) = self.endpoint.as_ref().filter(|it| it.starts_with("http://127.0.0.1:")) {
            command
                .args(["--endpoint-url", endpoint])
                .env("AWS_ACCESS_KEY_ID", "test")
                .env("AWS_SECRET_ACCESS_KEY", "test")
                .env("AWS_DEFAULT_REGION", "us-east-1")
                .env_remove("AWS_PROFILE");
        }
        command
    }

    /// What a command answers; `Null` for nothing.
    pub(crate) fn ask(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let told = output(&mut self.command(arguments))?;
        if told.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&told).with_context(|| format!("aws {} answered no JSON", arguments.join(" ")))
    }

    /// Copies between a file and an object.
    pub(crate) fn copy(&self, from: &str, to: &str) -> anyhow::Result<()> {
        output(&mut self.command(&["s3", "cp", "--only-show-errors", from, to])).map(drop)
    }

    /// Invokes a function, `name` or `name:alias`, and answers its payload.
    pub(crate) fn invoke(&self, function: &str, event: &str) -> anyhow::Result<Value> {
        let (name, qualifier) = function.split_once(':').unwrap_or((function, "$LATEST"));
        let folder = crate::workspace::scratch();
        std::fs::create_dir_all(&folder)?;
        let (asked, answered) = (
            folder.join(format!("event-{}.json", std::process::id())),
            folder.join(format!("answer-{}.json", std::process::id())),
        );
        std::fs::write(&asked, event)?;
        let payload = format!("fileb://{}", asked.display());
        let answer = answered.display().to_string();
        let mut invoke = self.command(&["lambda", "invoke", "--function-name", name]);
        invoke.args(["--qualifier", qualifier, "--payload", &payload, &answer]);
        // As long as a function may take, and once: another try would be another invocation.
        invoke.args(["--cli-read-timeout", "930"]).env("AWS_MAX_ATTEMPTS", "1");
        let told = output(&mut invoke).and_then(|told| Ok(serde_json::from_str::<Value>(&told)?));
        let body = std::fs::read_to_string(&answered);
        let _ = std::fs::remove_file(&asked);
        let _ = std::fs::remove_file(&answered);
        let told = told?;
        ensure!(told["StatusCode"] == 200, "{function} was not invoked: {told}");
        let body = body.with_context(|| format!("{function} answered nothing"))?;
        Ok(serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }
}

fn program() -> anyhow::Result<PathBuf> {
    let installed = Command::new("aws").arg("--version").output().is_ok_and(|output| output.status.success());
    if installed { Ok(PathBuf::from("aws")) } else { tool(&PACKAGES, "aws") }
}
