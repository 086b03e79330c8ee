//! AWS's command line, for what Terraform is not asked to do: moving aliases, invoking.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::commands::output;
use crate::python_env::tool;
use crate::python_set::Set;

/// Fetched once where the machine has none.
const AWS: Set = Set("aws");

/// The invocations of this process.
static CALLS: AtomicU64 = AtomicU64::new(0);

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
        // Told before the command line is fetched, which takes half a minute.
        if endpoint.is_none() && !may_have_credentials(|name| std::env::var_os(name)) {
            bail!("{NO_CREDENTIALS}");
        }
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

    /// Whom the credentials belong to, as an ARN: asked before anything is done, so that a missing login is told at once.
    pub(crate) fn caller(&self) -> anyhow::Result<String> {
        let mut asked = self.command(&["sts", "get-caller-identity"]);
        // A machine outside of EC2 has nobody at the address of its metadata.
        asked.env("AWS_METADATA_SERVICE_TIMEOUT", "1").env("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1");
        let told = output(&mut asked).context("AWS does not take these credentials")?;
        let caller: Value =
            serde_json::from_str(&told).context("aws sts get-caller-identity answered no JSON")?;
        caller["Arn"].as_str().map(str::to_owned).context("aws sts get-caller-identity named nobody")
    }

    /// What a command answers; `Null` for nothing.
    pub(crate) fn ask(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let told = output(&mut self.command(arguments))?;
        if told.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&told).with_context(|| format!("aws {} answered no JSON", arguments.join(" ")))
    }

    /// The same, and `None` where AWS refuses with one of these codes.
    pub(crate) fn ask_unless(&self, arguments: &[&str], codes: &[&str]) -> anyhow::Result<Option<Value>> {
        match self.ask(arguments) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if codes.iter().any(|code| is_of(&error, code)) => Ok(None),
            Err(error) => Err(error),
        }
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
        // Several may be asked at once.
        let call = format!("{}-{}", std::process::id(), CALLS.fetch_add(1, Ordering::Relaxed));
        let (asked, answered) =
            (folder.join(format!("event-{call}.json")), folder.join(format!("answer-{call}.json")));
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

/// Whether the command line tells this code: `An error occurred (CODE) when calling the … operation: …`.
fn is_of(error: &anyhow::Error, code: &str) -> bool {
    format!("{error:#}").contains(&format!("An error occurred ({code})"))
}

const NO_CREDENTIALS: &str = "AWS takes no credentials from here: log in (aws sso login, aws configure) and set AWS_PROFILE, \
     or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/// Whether there is any place that credentials may come from. What is there may still be refused: only AWS knows that.
fn may_have_credentials(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let named = [
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    let file = |name: &str, usual: &str| {
        set(name).map(PathBuf::from).or_else(|| Some(PathBuf::from(set("HOME")?).join(".aws").join(usual)))
    };
    let files = [file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
    // A machine of EC2 may have a role, which its metadata tell.
    let vendor = std::fs::read_to_string("/sys/class/dmi/id/sys_vendor").unwrap_or_default();
    named.into_iter().any(|name| set(name).is_some())
        || files.into_iter().flatten().any(|file| file.is_file())
        || (vendor.contains("Amazon EC2") && set("AWS_EC2_METADATA_DISABLED").is_none())
}

fn program() -> anyhow::Result<PathBuf> {
    let installed = Command::new("aws").arg("--version").output().is_ok_and(|output| output.status.success());
    if installed { Ok(PathBuf::from("aws")) } else { tool(AWS, "aws") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_may_come_from_variables_and_files_and_an_empty_one_is_none() {
        let home = tempfile::tempdir().unwrap();
        let with = |name: &str, value: &str| {
            may_have_credentials(|asked| match asked {
                _ if asked == name => Some(value.into()),
                "HOME" => Some(home.path().into()),
                "AWS_EC2_METADATA_DISABLED" => Some("true".into()),
                _ => None,
            })
        };
        assert!(with("AWS_ACCESS_KEY_ID", "AKIA") && with("AWS_PROFILE", "analyst"));
        assert!(!with("AWS_PROFILE", "") && !with("AWS_CONFIG_FILE", "/no/such/file"));
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(home.path().join(".aws/config"), "[default]\n").unwrap();
        assert!(with("AWS_REGION", "eu-west-1"));
    }
}
