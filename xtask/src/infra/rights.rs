//! Every rendered policy against AWS's Service Authorization Reference, without an account.
//!
//! Emulators check no permission. What they would let through is looked for here: actions that nobody knows, resources that an action
//! does not act on, conditions that never hold, rights that another one asks for; calls of the programs' that their roles do not
//! grant, and rights that no call needs.

mod arns;
mod calls;
mod check;
mod evaluate;
mod finding;
mod globs;
mod keys;
mod mutants;
mod policy;
pub(super) mod provider;
mod recorded;
mod reference;
mod render;
mod report;
mod roles;
mod settings;
mod tables;

use anyhow::{Context, ensure};

use super::copy::Copy;
use super::terraform;
use crate::skips::SkipLog;
use crate::tally::Tally;
pub(super) use provider::Phase;
use reference::Reference;
use report::{line, look};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask infra rights            # a line for each role, or what is wrong
  cargo xtask infra rights --json     # the same as one JSON object")]
pub(crate) struct RightsArguments {
    /// One JSON object on standard output: roles, resources with policies, findings
    #[arg(long)]
    json: bool,
    /// Make faults on a copy of infra/ instead, and see whether each is found
    #[arg(long, conflicts_with = "json")]
    mutants: bool,
}

/// Tells everything; `false`: something is wrong.
pub(super) fn run(arguments: &RightsArguments) -> anyhow::Result<bool> {
    if let Some(why) = terraform::missing() {
        anyhow::bail!("policies are rendered by Terraform: {why}");
    }
    if arguments.mutants {
        return mutants::run(&reference()?).map(|()| {
            println!("all of {} mutants are found", mutants::MUTATIONS.len());
            true
        });
    }
    let infra = Copy::of_infra("rights")?;
    let report = look(&reference()?, &infra, &settings::all())?.judged();
    if arguments.json {
        println!("{:#}", report.json());
    } else {
        report.tell();
    }
    Ok(report.findings.is_empty())
}

/// The same for `infra check`, and whether it would notice.
pub(super) fn check(tally: &mut Tally, log: &SkipLog) -> anyhow::Result<()> {
    let reference = match reference() {
        Ok(reference) => reference,
        Err(error) => return log.note("infra rights", &format!("{error:#}")),
    };
    // What is wrong by itself would hide behind a mutant's fault.
    if tally.take("infra: every right is one as AWS knows it", rights(&reference)) {
        let check = format!("infra: {} mutants of rights are noticed", mutants::MUTATIONS.len());
        tally.take(&check, mutants::run(&reference));
    }
    Ok(())
}

fn rights(reference: &Reference) -> anyhow::Result<()> {
    let report = look(reference, &Copy::of_infra("rights")?, &settings::all())?.judged();
    let told: Vec<_> = report.findings.iter().map(|(it, settings)| line(it, settings)).collect();
    ensure!(told.is_empty(), "{}\nsee cargo xtask infra rights", told.join("\n"));
    Ok(())
}

fn reference() -> anyhow::Result<Reference> {
    Reference::pinned().context("AWS's reference comes from PyPI, by python3 and its pip")
}
