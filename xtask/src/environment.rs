//! Terraform of one environment, as workflows and people call it: set up with its backend, planned or applied.

use clap::ValueEnum;

use anyhow::{Context, ensure};

use crate::commands::succeeds;
use crate::infra::terraform::Terraform;
use crate::workspace;

#[derive(clap::Args)]
pub(crate) struct TerraformArguments {
    action: Action,
    /// A folder of infra/envs
    #[arg(long)]
    env: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Shows what would change
    Plan,
    /// Changes it
    Apply,
    /// Destroys what was applied; a prod lake that holds objects refuses
    Destroy,
}

impl Action {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            // Whoever only looks holds nobody up, and may not lock.
            Self::Plan => &["plan", "-lock=false", "-no-color"],
            Self::Apply => &["apply", "-auto-approve", "-lock-timeout=5m", "-no-color"],
            Self::Destroy => &["destroy", "-lock-timeout=5m"],
        }
    }
}

pub(crate) fn run(arguments: &TerraformArguments) -> anyhow::Result<bool> {
    let root = workspace::root().join("infra/envs").join(&arguments.env);
    ensure!(root.is_dir(), "there is no environment {} in infra/envs", arguments.env);
    let bucket = std::env::var("TF_STATE_BUCKET")
        .context("TF_STATE_BUCKET is not set: the state's bucket, which cargo xtask bootstrap made")?;
    let region = std::env::var("AWS_REGION").context("AWS_REGION is not set: the state bucket's region")?;
    let terraform = Terraform::new(&root.join(".terraform"));
    let mut init = terraform.with_backend(&root, &bucket, &region);
    if !succeeds(&mut init)? {
        return Ok(false);
    }
    let mut act = terraform.command(&root, "", arguments.action.arguments());
    act.env_remove("TF_DATA_DIR").env("TF_VAR_region", &region);
    if arguments.action == Action::Destroy {
        act.env_remove("TF_INPUT");
    }
    succeeds(&mut act)
}
