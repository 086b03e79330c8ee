//! Versions and the alias `live`: tried before it moves, moved, and moved back.
//!
//! Terraform publishes a version with each change and leaves the alias where it is. What invokes a function invokes the alias, so that
//! nobody meets a version before it has answered here. What was moved is written down in the state's bucket, which is there before the
//! first apply and stays after the last, and which a deploy may write to: of the lake's bucket it reads and writes no object.

mod aws_cloud;
mod back;
mod cloud;
#[cfg(test)]
mod fake;
mod forward;
mod lease;
mod manifest;
mod platform;
mod prune;
mod smoke;
#[cfg(test)]
mod tests;
mod topics;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::aws::Aws;
use crate::commands::output;
use crate::infra::terraform::Terraform;
use crate::workspace;
use aws_cloud::AwsCloud;
use back::Which;
use cloud::Cloud;
use forward::By;
use platform::Platform;
use smoke::Brokers;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  What is live, and what was applied last, before a release:
  cargo xtask smoke --env dev
  cargo xtask smoke --env dev --candidate")]
pub(crate) struct SmokeArguments {
    #[command(flatten)]
    applied: Applied,
    /// Try the versions that were applied last instead of what is live
    #[arg(long)]
    candidate: bool,
}

#[derive(clap::Args)]
#[command(after_help = "TF_STATE_BUCKET names the state's bucket, which keeps the manifests and the
lease: releases/<env>/.

Examples:
  cargo xtask release --env dev
  Without Terraform:
  cargo xtask release --env dev --platform platform.json")]
pub(crate) struct ReleaseArguments {
    #[command(flatten)]
    applied: Applied,
}

/// What was applied, and how it is probed.
#[derive(clap::Args)]
struct Applied {
    /// The folder of infra/envs that was applied
    #[arg(long)]
    env: String,
    /// What `terraform output -json platform` told; it is asked unless given
    #[arg(long, value_name = "FILE")]
    platform: Option<PathBuf>,
    /// Brokers need not answer, as where there are none yet
    #[arg(long)]
    without_brokers: bool,
}

#[derive(clap::Args)]
#[command(after_help = "A rollback breaks off a release that is going on. Twice in a row it goes back
twice; one that failed half way is finished by the same command.

Examples:
  To before the last release:
  cargo xtask rollback --env prod
  One function, and to a version:
  cargo xtask rollback --env prod --function land-events
  cargo xtask rollback --env prod --function land-events --to 12
  After a release that ended in the middle:
  cargo xtask rollback --env prod --unfinished")]
pub(crate) struct RollbackArguments {
    /// The folder of infra/envs
    #[arg(long)]
    env: String,
    /// Only where the last release never ended; otherwise nothing is done
    #[arg(long, conflicts_with = "function")]
    unfinished: bool,
    /// The function or job, such as land-events; all that the release moved unless named
    #[arg(long)]
    function: Option<String>,
    /// The version to go to; the one before the last release of the function unless named
    #[arg(long, requires = "function")]
    to: Option<String>,
}

pub(crate) fn smoke(arguments: &SmokeArguments) -> Result<bool> {
    // Nothing was tried without an account: that is a failure, since a workflow moves the aliases after a success.
    let aws = Aws::of_environment().context("nothing was tried")?;
    let cloud = AwsCloud { aws, bucket: String::new() };
    println!("as {}", cloud.caller().context("nothing was tried")?);
    let platform = arguments.applied.platform()?;
    let tried = if arguments.candidate { platform.candidates() } else { platform.live() };
    smoke::probe(&cloud, &tried, arguments.applied.brokers())?;
    Ok(true)
}

pub(crate) fn release(arguments: &ReleaseArguments) -> Result<bool> {
    let Applied { env, .. } = &arguments.applied;
    let (cloud, who) = cloud()?;
    let by = By { who, commit: commit() };
    forward::forward(&cloud, env, &arguments.applied.platform()?, &by, arguments.applied.brokers())?;
    println!("what was applied to {env} is live");
    Ok(true)
}

pub(crate) fn rollback(arguments: &RollbackArguments) -> Result<bool> {
    let which = match &arguments.function {
        Some(name) => Which::Function { name, to: arguments.to.as_deref() },
        None if arguments.unfinished => Which::Unfinished,
        None => Which::Release,
    };
    let (cloud, who) = cloud()?;
    back::back(&cloud, &arguments.env, which, &who)?;
    Ok(true)
}

/// AWS with the state's bucket, and who does it.
fn cloud() -> Result<(AwsCloud, String)> {
    let bucket = std::env::var("TF_STATE_BUCKET")
        .context("TF_STATE_BUCKET is not set: the state's bucket, which keeps what releases write down")?;
    let cloud = AwsCloud { aws: Aws::of_environment()?, bucket };
    let caller = cloud.caller()?;
    // A role of GitHub's is everybody who may merge: the person is GitHub's to tell.
    let who = match std::env::var("GITHUB_ACTOR") {
        Ok(actor) => format!("{caller} ({actor})"),
        Err(_) => caller,
    };
    Ok((cloud, who))
}

fn commit() -> String {
    let told = std::env::var("GITHUB_SHA").ok().or_else(|| {
        let mut asked = Command::new("git");
        output(asked.args(["rev-parse", "HEAD"]).current_dir(workspace::root())).ok()
    });
    told.map_or_else(|| "unknown".to_owned(), |commit| commit.trim().to_owned())
}

impl Applied {
    fn brokers(&self) -> Brokers {
        if self.without_brokers { Brokers::Spared } else { Brokers::Wanted }
    }

    fn platform(&self) -> Result<Platform> {
        let told = match &self.platform {
            Some(path) => read(path)?,
            None => ask_terraform(&self.env)?,
        };
        Platform::of(&told)
    }
}

fn read(path: &Path) -> Result<Value> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read {shown}"))?;
    serde_json::from_str(&text).with_context(|| {
        format!("{shown} is no JSON: write it by `terraform output -json platform > {shown}`")
    })
}

/// What Terraform tells of an environment that was set up and applied here.
pub(crate) fn ask_terraform(env: &str) -> Result<Value> {
    let root = workspace::root().join("infra/envs").join(env);
    ensure!(root.is_dir(), "there is no environment {env} in infra/envs");
    let terraform = Terraform::new(&root.join(".terraform"));
    let mut asked = terraform.command(&root, "", &["output", "-json", "platform"]);
    // A person's own init is Terraform's usual one.
    asked.env_remove("TF_DATA_DIR");
    let told = output(&mut asked).context("terraform init and apply come first")?;
    Ok(serde_json::from_str(&told)?)
}
