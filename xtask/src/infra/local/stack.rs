//! Terraform of envs/local, with the emulators' addresses.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;
use serde_json::Value;

use crate::commands::quietly;
use crate::infra::rights::Phase;
use crate::infra::terraform::Terraform;

const NAME: &str = "envs-local";

/// Terraform in the root, with its variables.
pub(super) struct Stack {
    pub(super) terraform: Terraform,
    pub(super) root: PathBuf,
    pub(super) variables: [(&'static str, String); 5],
    /// A folder for what the provider tells.
    pub(super) logs: PathBuf,
}

impl Stack {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.terraform.command(&self.root, NAME, arguments);
        command.envs(self.variables.iter().map(|(name, value)| (format!("TF_VAR_{name}"), value)));
        command
    }

    /// The same, with what the provider sends to AWS written down.
    fn logged(&self, phase: Phase, arguments: &[&str]) -> anyhow::Result<Command> {
        std::fs::create_dir_all(&self.logs)?;
        let mut command = self.command(arguments);
        command.env("TF_LOG_PROVIDER", "DEBUG").env("TF_LOG_PATH", self.log(phase));
        Ok(command)
    }

    /// Where the provider's log of a phase is.
    pub(super) fn log(&self, phase: Phase) -> PathBuf {
        self.logs.join(phase.name()).with_extension("log")
    }

    pub(super) fn apply(&self) -> anyhow::Result<()> {
        self.terraform.init(&self.root, NAME)?;
        quietly(&mut self.logged(Phase::Apply, &["apply", "-auto-approve", "-no-color"])?)
    }

    /// As the workflow plans, for others to look at; but what was applied a moment ago is not looked at again.
    pub(super) fn plan_to(&self, file: &Path) -> anyhow::Result<()> {
        let out = format!("-out={}", file.display());
        quietly(&mut self.command(&["plan", "-refresh=false", "-no-color", &out]))
    }

    /// That very plan.
    pub(super) fn apply_file(&self, file: &Path) -> anyhow::Result<()> {
        quietly(&mut self.logged(Phase::Apply, &["apply", "-no-color", &file.display().to_string()])?)
    }

    pub(super) fn plans_nothing(&self) -> anyhow::Result<()> {
        let plan = self.logged(Phase::Plan, &["plan", "-detailed-exitcode", "-no-color"])?.output()?;
        let told = String::from_utf8_lossy(&plan.stdout).into_owned();
        match plan.status.code() {
            Some(0) => Ok(()),
            Some(2) => {
                let changes: Vec<_> = told.lines().filter(|line| line.starts_with("  # ")).collect();
                bail!("it would change{}", changes.join(","))
            }
            _ => bail!("{}", String::from_utf8_lossy(&plan.stderr).trim()),
        }
    }

    pub(super) fn output(&self) -> anyhow::Result<Value> {
        let told = crate::commands::output(&mut self.command(&["output", "-json", "platform"]))?;
        Ok(serde_json::from_str(&told)?)
    }

    pub(super) fn destroy(&self) -> anyhow::Result<()> {
        quietly(&mut self.logged(Phase::Destroy, &["destroy", "-auto-approve", "-no-color"])?)
    }
}
