//! What is deployed, checked as far as this machine goes: format, validity, tests against mocks, mutants of them, a scan for what is
//! careless, and an apply to the emulators.

mod alarm_mutations;
mod boundary;
mod compaction_mutations;
mod copy;
mod docs;
mod fake_api;
mod fargate;
mod iceberg_mutations;
mod local;
mod lock;
mod mutants;
mod mutations;
mod release_mutations;
mod rights;
mod runbooks;
pub(crate) mod terraform;

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::commands::succeeds;
use crate::python_env::tool;
use crate::python_set::Set;
use crate::skips::SkipLog;
use crate::tally::Tally;
use crate::workspace;
use copy::Copy;
use terraform::Terraform;

/// The roots that Terraform is called in; the first one has the tests.
const ROOTS: [&str; 5] = ["platform", "envs/dev", "envs/prod", "envs/local", "bootstrap"];

/// Looks for what is careless; each exception stands beside its resource, with its reason.
const CHECKOV: Set = Set("checkov");

#[derive(clap::Subcommand)]
pub(crate) enum InfraTask {
    /// Format, validity, tests, mutants, rights, checkov, and whether infra/README.md and docs/runbooks.md are current
    Check,
    /// Adds a platform's checksums of the provider to the lock files
    Lock(lock::LockArguments),
    /// Writes the modules' variables and outputs into infra/README.md
    Docs,
    /// Every role's rendered policies against AWS's list of actions, resources and condition keys
    Rights(rights::RightsArguments),
    /// Applies the platform to MiniStack and LocalStack, plans again (nothing to do), invokes functions, destroys it
    ApplyLocally(local::LocalArguments),
}

pub(crate) fn run(task: &InfraTask) -> anyhow::Result<bool> {
    let mut tally = Tally::default();
    let begin = || SkipLog::begin(&workspace::scratch());
    let log = match task {
        InfraTask::Docs => return docs::write().map(|()| true),
        InfraTask::Lock(arguments) => return lock::write(arguments).map(|()| true),
        InfraTask::Rights(arguments) => return rights::run(arguments),
        InfraTask::Check => {
            let log = begin()?;
            check(&mut tally, &log)?;
            log
        }
        InfraTask::ApplyLocally(arguments) => {
            let log = begin()?;
            local::run(arguments, &mut tally, &log)?;
            fargate::run(&mut tally, &log)?;
            log
        }
    };
    Ok(tally.end(log.end()?.len()))
}

/// All of it, for `cargo xtask test`.
pub(crate) fn all(tally: &mut Tally, log: &SkipLog) -> anyhow::Result<()> {
    check(tally, log)?;
    local::run(&local::LocalArguments::default(), tally, log)?;
    fargate::run(tally, log)
}

fn check(tally: &mut Tally, log: &SkipLog) -> anyhow::Result<()> {
    tally.take("infra: README.md is current", docs::check());
    tally.take("infra: providers are locked", lock::check(&workspace::root().join("infra")));
    tally.take("infra: every role is bounded", boundary::check(&workspace::root().join("infra")));
    tally.take("infra: every alarm has its runbook", runbooks::check());
    match terraform::missing() {
        Some(why) => log.note("infra by terraform", &why)?,
        None => {
            by_terraform(tally)?;
            rights::check(tally, log)?;
        }
    }
    match tool(CHECKOV, "checkov") {
        Ok(checkov) => drop(tally.take("infra: checkov", scan(&checkov))),
        Err(error) => log.note("checkov", &format!("{error:#}"))?,
    }
    Ok(())
}

fn by_terraform(tally: &mut Tally) -> anyhow::Result<()> {
    let pristine = Copy::of_infra("check")?;
    let terraform = Terraform::new(&pristine.beside("data"));
    let infra = pristine.root();
    let format = terraform.command(&infra, "format", &["fmt", "-check", "-diff", "-recursive", "-no-color"]);
    tally.take("infra: terraform fmt", unless_told(format));
    for root in ROOTS {
        let name = root.replace('/', "-");
        let folder = infra.join(root);
        let valid = terraform.init(&folder, &name).and_then(|()| terraform.validate(&folder, &name));
        if !tally.take(&format!("infra: {root} is valid"), valid) {
            return Ok(());
        }
    }
    let platform = infra.join(ROOTS[0]);
    let mut tests = terraform.command(&platform, ROOTS[0], &["test", "-no-color"]);
    let passed = if succeeds(&mut tests)? { Ok(()) } else { Err(anyhow::anyhow!("see above")) };
    // Mutants of what fails by itself would show nothing.
    if !tally.take("infra: terraform test", passed) {
        return Ok(());
    }
    for round in &mutations::ROUNDS {
        let lock = platform.join(".terraform.lock.hcl");
        let count = mutants::mutations(round).count();
        let check = format!("infra: {count} mutants are noticed (round {})", round.name);
        tally.take(&check, mutants::run(&terraform, ROOTS[0], &lock, round));
    }
    Ok(())
}

/// A program whose findings are its standard output.
fn unless_told(mut command: Command) -> anyhow::Result<()> {
    let output = command.output().context("could not start it")?;
    let told = [output.stdout, output.stderr].concat();
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&told).trim());
    Ok(())
}

fn scan(checkov: &Path) -> anyhow::Result<()> {
    let infra = workspace::root().join("infra");
    let mut scan = Command::new(checkov);
    scan.args(["--framework", "terraform", "--compact", "--quiet", "--skip-download"])
        .args(["-d", "modules", "-d", "bootstrap"])
        .current_dir(infra);
    unless_told(scan)
}
