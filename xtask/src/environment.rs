//! Terraform of one environment, as workflows and people call it: set up with its backend, planned or applied.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use anyhow::{Context, ensure};

use crate::commands::succeeds;
use crate::infra::terraform::Terraform;
use crate::workspace;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask terraform apply --env dev
  A plan that is looked at, and then that very plan; a stale one is refused:
  cargo xtask terraform plan --env prod --plan-file prod.tfplan
  cargo xtask terraform show --env prod --plan-file prod.tfplan
  cargo xtask terraform apply --env prod --plan-file prod.tfplan
  Fails where anything would change:
  cargo xtask terraform drift --env prod")]
pub(crate) struct TerraformArguments {
    action: Action,
    /// A folder of infra/envs
    #[arg(long)]
    env: String,
    /// What plan writes, show shows and apply applies
    #[arg(long, value_name = "FILE")]
    plan_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Shows what would change
    Plan,
    /// Shows a plan that was written to a file
    Show,
    /// Fails where anything would change: somebody has changed what was applied
    Drift,
    /// Changes it
    Apply,
    /// Destroys what was applied; a prod lake that holds objects refuses
    Destroy,
}

impl Action {
    fn arguments(self, plan_file: Option<&Path>) -> anyhow::Result<Vec<String>> {
        let fixed: &[&str] = match (self, plan_file) {
            // Whoever only looks holds nobody up, and may not lock.
            (Self::Plan, _) => &["plan", "-lock=false", "-no-color"],
            (Self::Drift, _) => &["plan", "-lock=false", "-no-color", "-detailed-exitcode"],
            (Self::Show, _) => &["show", "-no-color"],
            // A plan that was looked at is approved already.
            (Self::Apply, Some(_)) => &["apply", "-lock-timeout=5m", "-no-color"],
            (Self::Apply, None) => &["apply", "-auto-approve", "-lock-timeout=5m", "-no-color"],
            (Self::Destroy, _) => &["destroy", "-lock-timeout=5m"],
        };
        let mut arguments: Vec<_> = fixed.iter().map(|it| (*it).to_owned()).collect();
        match (self, plan_file) {
            (Self::Plan, Some(file)) => arguments.push(format!("-out={}", file.display())),
            (Self::Show | Self::Apply, Some(file)) => arguments.push(file.display().to_string()),
            (Self::Show, None) => anyhow::bail!("show shows a plan: name it by --plan-file FILE"),
            (Self::Drift | Self::Destroy, Some(_)) => {
                anyhow::bail!("--plan-file is for plan, show and apply")
            }
            (_, None) => {}
        }
        Ok(arguments)
    }
}

pub(crate) fn run(arguments: &TerraformArguments) -> anyhow::Result<bool> {
    let root = workspace::root().join("infra/envs").join(&arguments.env);
    ensure!(root.is_dir(), "there is no environment {} in infra/envs", arguments.env);
    // Terraform works in the environment's folder, and the caller in another.
    let plan_file = arguments.plan_file.as_deref().map(std::path::absolute).transpose()?;
    let asked = arguments.action.arguments(plan_file.as_deref())?;
    let asked: Vec<_> = asked.iter().map(String::as_str).collect();
    let terraform = Terraform::new(&root.join(".terraform"));
    let mut act = terraform.command(&root, "", &asked);
    act.env_remove("TF_DATA_DIR");
    if arguments.action == Action::Show {
        // Of what plan has set up here; and what init says is no part of a plan.
        return succeeds(&mut act);
    }
    let bucket = std::env::var("TF_STATE_BUCKET")
        .context("TF_STATE_BUCKET is not set: the state's bucket, which cargo xtask bootstrap made")?;
    let region = std::env::var("AWS_REGION").context("AWS_REGION is not set: the state bucket's region")?;
    let mut init = terraform.with_backend(&root, &bucket, &region);
    if !succeeds(&mut init)? {
        return Ok(false);
    }
    act.env("TF_VAR_region", &region);
    if arguments.action == Action::Destroy {
        act.env_remove("TF_INPUT");
    }
    succeeds(&mut act)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_written_shown_and_applied_by_its_file() {
        let of = |action: Action, file: Option<&str>| {
            action.arguments(file.map(Path::new)).map(|it| it.join(" ")).map_err(|error| error.to_string())
        };
        assert_eq!(of(Action::Plan, Some("/p")).unwrap(), "plan -lock=false -no-color -out=/p");
        assert_eq!(of(Action::Apply, Some("/p")).unwrap(), "apply -lock-timeout=5m -no-color /p");
        assert!(of(Action::Apply, None).unwrap().contains("-auto-approve"));
        assert!(of(Action::Drift, None).unwrap().contains("-detailed-exitcode"));
        assert!(of(Action::Show, None).unwrap_err().contains("--plan-file"));
        assert!(of(Action::Destroy, Some("/p")).is_err());
    }
}
