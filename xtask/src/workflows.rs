//! .github/workflows and scripts: syntax (actionlint, shellcheck), what lets others in (zizmor), and our own rules.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::python_env::tool;
use crate::python_set::Set;
use crate::skips::SkipLog;
use crate::tally::Tally;
use crate::workspace;

const ACTIONLINT: Set = Set("actionlint");
const ZIZMOR: Set = Set("zizmor");

#[derive(clap::Subcommand)]
pub(crate) enum WorkflowsTask {
    /// actionlint, zizmor and shellcheck, that every command they call is one of ours, and what is fetched: hashes, Dependabot, the Dockerfile
    Check,
}

/// `tasks` are the names of all tasks of `cargo xtask`.
pub(crate) fn run(task: &WorkflowsTask, tasks: &[String]) -> anyhow::Result<bool> {
    let WorkflowsTask::Check = task;
    let log = SkipLog::begin(&workspace::scratch())?;
    let mut tally = Tally::default();
    check(&mut tally, &log, tasks)?;
    Ok(tally.end(log.end()?.len()))
}

pub(crate) fn check(tally: &mut Tally, log: &SkipLog, tasks: &[String]) -> anyhow::Result<()> {
    let files = files()?;
    tally.take("workflows: pinned, bounded, our own commands", rules(&files, tasks));
    match tool(ACTIONLINT, "actionlint") {
        Ok(actionlint) => {
            let mut lint = Command::new(&actionlint);
            lint.arg("-shellcheck").arg(actionlint.with_file_name("shellcheck")).args(&files);
            tally.take("workflows: actionlint with shellcheck", silent(&mut lint));
            let shellcheck_here = actionlint.with_file_name("shellcheck");
            let mut lint = Command::new(&actionlint);
            lint.arg("-shellcheck").arg(shellcheck_here);
            tally.take("workflows: actionlint notices", notices(lint, &["SC2086", "runs-on"]));
            shellcheck(&actionlint.with_file_name("shellcheck"), tally, log)?;
        }
        Err(error) => log.note("actionlint", &format!("{error:#}"))?,
    }
    match tool(ZIZMOR, "zizmor") {
        Ok(zizmor) => {
            let audit = || {
                let mut audit = Command::new(&zizmor);
                audit.args(["--offline", "--no-progress", "--quiet", "--persona=pedantic"]);
                audit
            };
            tally.take("workflows: zizmor", silent(audit().args(&files)));
            let careless = ["template-injection", "unpinned-uses", "excessive-permissions", "artipacked"];
            tally.take("workflows: zizmor notices", notices(audit(), &careless));
        }
        Err(error) => log.note("zizmor", &format!("{error:#}"))?,
    }
    crate::supply::check(tally, log)
}

fn files() -> anyhow::Result<Vec<PathBuf>> {
    let folder = workspace::root().join(".github/workflows");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("could not read {}", folder.display()))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    ensure!(!files.is_empty(), "there are no workflows in {}", folder.display());
    Ok(files)
}

fn silent(command: &mut Command) -> anyhow::Result<()> {
    let output = command.current_dir(workspace::root()).output().context("could not start it")?;
    let told = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&told).trim());
    Ok(())
}

/// A workflow that is wrong in what the checkers are for.
const CARELESS: &str = "name: careless\non: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-nought\n    steps:\n      \
                        - uses: actions/checkout@v4\n      - run: echo $HOME ${{ github.event.pull_request.title }}\n";

/// That a checker tells each of `findings` of [`CARELESS`]: one that is silent for want of looking would pass everything.
fn notices(mut checker: Command, findings: &[&str]) -> anyhow::Result<()> {
    let folder = workspace::scratch().join(format!("careless-{}", std::process::id()));
    let path = folder.join(".github/workflows/careless.yml");
    std::fs::create_dir_all(folder.join(".github/workflows"))?;
    std::fs::write(&path, CARELESS)?;
    let output = checker.arg(&path).current_dir(&folder).output().context("could not start it");
    let _ = std::fs::remove_dir_all(&folder);
    let output = output?;
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(!output.status.success(), "it lets a careless workflow through");
    let missed: Vec<_> = findings.iter().filter(|finding| !told.contains(**finding)).collect();
    ensure!(missed.is_empty(), "it does not notice {missed:?}: {told}");
    Ok(())
}

/// The shell scripts that the repository has.
fn shellcheck(shellcheck: &Path, tally: &mut Tally, log: &SkipLog) -> anyhow::Result<()> {
    let mut list = Command::new("git");
    list.args(["ls-files", "*.sh"]).current_dir(workspace::root());
    match crate::commands::output(&mut list) {
        Ok(scripts) if !scripts.trim().is_empty() => {
            tally.take("scripts: shellcheck", silent(Command::new(shellcheck).args(scripts.lines())));
            Ok(())
        }
        // Workflows' own lines are looked at by actionlint; other scripts there are none.
        Ok(_) => Ok(()),
        Err(error) => log.note("scripts", &format!("{error:#}")),
    }
}

fn rules(files: &[PathBuf], tasks: &[String]) -> anyhow::Result<()> {
    for path in files {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        follow_rules(&text, tasks).with_context(|| format!("{name}"))?;
    }
    Ok(())
}

/// What no other checker knows: actions are pinned with their version beside, jobs end, and whatever cargo runs is a task of ours.
fn follow_rules(text: &str, tasks: &[String]) -> anyhow::Result<()> {
    let mut jobs = 0;
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        let trimmed = line.trim_start().trim_start_matches("- ");
        // A workflow of this repository is of the same commit.
        let action = trimmed.strip_prefix("uses:").filter(|action| !action.trim().starts_with("$/"));
        if let Some(action) = action {
            let (pin, version) = action
                .split_once('#')
                .with_context(|| format!("line {number}: say the version behind the commit: # v1.2.3"))?;
            let commit = pin.trim().rsplit_once('@').map_or("", |(_, commit)| commit);
            let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            ensure!(is_commit, "line {number}: pin the action to a full commit");
            ensure!(
                version.trim().starts_with('v'),
                "line {number}: say the version behind the commit: # v1.2.3"
            );
        }
        jobs += usize::from(trimmed.starts_with("runs-on:"));
        for (_, task) in task_calls(line) {
            let task = task.split_whitespace().next().unwrap_or_default();
            let is_there = tasks.iter().any(|name| name == task);
            ensure!(is_there, "line {number}: cargo xtask has no {task}");
        }
    }
    let bounded = text.matches("timeout-minutes:").count();
    if jobs > bounded {
        bail!("{jobs} jobs and {bounded} timeout-minutes: a job that hangs is paid for six hours");
    }
    ensure!(text.contains("\nconcurrency:"), "it has no concurrency: two at once would meet");
    ensure!(text.contains("\npermissions:"), "it has no permissions of its own");
    Ok(())
}

/// What stands before and behind each call of a task of ours in a line: `cargo xtask TASK …`, or the packaged program, `xtask TASK …`.
pub(crate) fn task_calls(line: &str) -> Vec<(&str, &str)> {
    if line.trim_start().starts_with('#') {
        return Vec::new();
    }
    let is_call = |before: &str| {
        let before = before.strip_suffix("cargo ").unwrap_or(before).trim_end();
        before.is_empty() || before.ends_with("run:") || before.ends_with("&&") || before.ends_with('(')
    };
    let places = line.match_indices("xtask ").map(|(at, word)| (&line[..at], &line[at + word.len()..]));
    places.filter(|(before, _)| is_call(before)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_called_through_cargo_or_as_a_program() {
        let tasks = |line| task_calls(line).into_iter().map(|(_, task)| task).collect::<Vec<_>>();
        assert_eq!(tasks("      - run: cargo xtask lint"), ["lint"]);
        assert_eq!(tasks("        run: xtask smoke --env x"), ["smoke --env x"]);
        assert_eq!(tasks("          xtask rollback"), ["rollback"]);
        assert!(tasks("        # the xtask binary").is_empty());
        assert!(tasks("      - run: cargo build --package xtask && install a").is_empty());
    }

    const GOOD: &str = "on: push\npermissions: {}\nconcurrency:\n  group: a\njobs:\n  a:\n    runs-on: x\n    timeout-minutes: 5\n    steps:\n      \
                        - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2\n      - run: cargo xtask lint\n";

    #[test]
    fn what_is_careless_is_told_by_its_line() {
        let tasks = ["lint".to_owned()];
        follow_rules(GOOD, &tasks).unwrap();
        for (from, to, told) in [
            ("@11bd71901bbe5b1630ceea73d27597364c9af683 #", "@v4 #", "full commit"),
            (" # v4.2.2", "", "say the version"),
            ("    timeout-minutes: 5\n", "", "timeout-minutes"),
            ("concurrency:", "x:", "concurrency"),
            ("permissions:", "x:", "permissions"),
            ("xtask lint", "xtask lnt", "has no lnt"),
            ("cargo xtask lint", "xtask lnt", "has no lnt"),
        ] {
            let error = follow_rules(&GOOD.replace(from, to), &tasks).unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
    }
}
