//! Whether the assertions of infra/platform/tests would notice: each is shown to fail on a mutant.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::alarm_mutations::ALARM_MUTATIONS;
use super::compaction_mutations::COMPACTION_MUTATIONS;
use super::copy::Copy;
use super::iceberg_mutations::ICEBERG_MUTATIONS;
use super::mutations::{MUTATIONS, Mutation, Round};
use super::release_mutations::RELEASE_MUTATIONS;
use super::terraform::Terraform;

/// The assertions that a run of the tests failed.
type Failed = BTreeSet<String>;

/// Runs the tests on a copy with all mutations of `round`; exactly the assertions that these name have to fail.
pub(crate) fn run(terraform: &Terraform, name: &str, lock: &Path, round: &Round) -> anyhow::Result<()> {
    let copy = Copy::of_infra(round.name)?;
    for mutation in mutations(round) {
        mutate(&copy.root(), mutation)?;
    }
    let root = copy.root().join("platform");
    // The same modules at the same places: the pristine root's init serves its mutants.
    std::fs::copy(lock, root.join(".terraform.lock.hcl"))?;
    let mut test = terraform.command(&root, name, &["test", "-json"]);
    test.args(round.files.iter().map(|file| format!("-filter=tests/{file}.tftest.hcl")));
    let told = test.output().context("could not start terraform test")?;
    let failed = failed(&String::from_utf8_lossy(&told.stdout))?;
    let expected: Failed =
        mutations(round).flat_map(|mutation| mutation.fails).map(|it| (*it).to_owned()).collect();
    let quiet: Vec<_> = expected.difference(&failed).collect();
    ensure!(quiet.is_empty(), "these assertions did not notice their mutants: {quiet:?}");
    let loud: Vec<_> = failed.difference(&expected).collect();
    ensure!(loud.is_empty(), "these assertions failed, and no mutation names them: {loud:?}");
    Ok(())
}

pub(crate) fn mutations(round: &Round) -> impl Iterator<Item = &'static Mutation> {
    let name = round.name;
    all().filter(move |mutation| mutation.round == name)
}

/// Every mutation there is.
fn all() -> impl Iterator<Item = &'static Mutation> {
    MUTATIONS
        .iter()
        .chain(&ALARM_MUTATIONS)
        .chain(&RELEASE_MUTATIONS)
        .chain(&COMPACTION_MUTATIONS)
        .chain(&ICEBERG_MUTATIONS)
}

pub(super) fn mutate(infra: &Path, mutation: &Mutation) -> anyhow::Result<()> {
    let path = infra.join(mutation.file);
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let mutant = mutant(&text, mutation)?;
    std::fs::write(&path, mutant).with_context(|| format!("could not write {}", path.display()))
}

fn mutant(text: &str, Mutation { file, from, to, .. }: &Mutation) -> anyhow::Result<String> {
    match text.matches(from).count() {
        1 => Ok(text.replace(from, to)),
        times => bail!("{from:?} stands {times} times in infra/{file}, and a mutation needs it once"),
    }
}

/// The assertions that failed, by Terraform's lines of JSON; another error is one of the mutations' own.
fn failed(told: &str) -> anyhow::Result<Failed> {
    let mut failed = Failed::new();
    for line in told.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        let diagnostic = &line["diagnostic"];
        if diagnostic["severity"] != "error" {
            continue;
        }
        let detail = diagnostic["detail"].as_str().unwrap_or_default();
        ensure!(
            diagnostic["summary"] == "Test assertion failed",
            "a mutant cannot be tested: {}: {detail} ({}: {})",
            diagnostic["summary"],
            diagnostic["range"]["filename"],
            diagnostic["snippet"]["code"]
        );
        failed.insert(detail.to_owned());
    }
    Ok(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infra::mutations::ROUNDS;
    use crate::workspace;

    /// Every assertion's message in infra/platform/tests.
    fn assertions() -> Failed {
        let tests = workspace::root().join("infra/platform/tests");
        let mut found = Failed::new();
        for entry in std::fs::read_dir(tests).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "hcl") {
                let text = std::fs::read_to_string(&path).unwrap();
                let messages = text.lines().filter_map(|line| line.trim().strip_prefix("error_message = \""));
                found.extend(messages.map(|message| message.trim_end_matches('"').to_owned()));
            }
        }
        found
    }

    #[test]
    fn each_assertion_has_a_mutant_and_each_mutant_an_assertion() {
        let named: Failed = all().flat_map(|mutation| mutation.fails).map(|it| (*it).to_owned()).collect();
        let assertions = assertions();
        assert!(assertions.len() > 50);
        assert_eq!(assertions.difference(&named).collect::<Vec<_>>(), Vec::<&String>::new());
        assert_eq!(named.difference(&assertions).collect::<Vec<_>>(), Vec::<&String>::new());
    }

    #[test]
    fn each_mutation_changes_one_place_of_its_file() {
        for round in &ROUNDS {
            let copy = Copy::of_infra(&format!("test-{}", round.name)).unwrap();
            assert!(mutations(round).count() > 0);
            for mutation in mutations(round) {
                mutate(&copy.root(), mutation).unwrap();
            }
        }
        assert!(all().all(|it| ROUNDS.iter().any(|round| round.name == it.round)));
    }

    #[test]
    fn only_assertions_may_fail() {
        let line = |summary: &str| {
            let diagnostic =
                serde_json::json!({"severity": "error", "summary": summary, "detail": "the alias is live"});
            serde_json::json!({"type": "diagnostic", "diagnostic": diagnostic}).to_string()
        };
        let told = format!("{{}}\nno json\n{}", line("Test assertion failed"));
        assert_eq!(failed(&told).unwrap().into_iter().collect::<Vec<_>>(), ["the alias is live"]);
        assert!(failed(&line("Invalid index")).unwrap_err().to_string().contains("Invalid index"));
    }
}
