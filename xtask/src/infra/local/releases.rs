//! Releases and rollbacks on the emulators, by the very lines that the workflows run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::queue::Queue;
use super::stack::Stack;
use super::stand_in::StandIn;
use crate::aws::Aws;
use crate::commands::output;
use crate::skips::SkipLog;
use crate::tally::Tally;
use crate::workflows::task_calls;
use crate::workspace;

/// Two that get other versions; the others stay.
const ONE: &str = "replay-dead-letters";
const TWO: &str = "time-series-analysis";

/// What starts by itself there.
const SCHEDULES: [&str; 2] = ["millrace-local-day", "millrace-local-fetch-users"];

const STATE_BUCKET: &str = "millrace-local-state";

pub(super) struct Releases<'a> {
    stack: &'a Stack,
    aws: &'a Aws,
    zips: &'a Path,
    endpoint: &'a str,
    /// Where the workflow's lines run.
    folder: PathBuf,
    has_brokers: bool,
    /// The mapping of a queue: no emulator has one of Kafka.
    mapping: String,
}

/// All of it; an answer of `Err` is a fault of the checks' own setting.
pub(super) fn check(
    stack: &Stack,
    aws: &Aws,
    zips: &Path,
    endpoint: &str,
    has_brokers: bool,
    tally: &mut Tally,
    log: &SkipLog,
) -> Result<()> {
    let mut take = |check: &str, result| tally.take(&format!("infra on emulators: {check}"), result);
    let releases = match Releases::new(stack, aws, zips, endpoint, has_brokers) {
        Ok(releases) => releases,
        Err(error) => {
            take("a release can be tried", Err(error));
            return Ok(());
        }
    };
    log.note(
        "mappings of Kafka",
        "no account for AWS: MiniStack makes none; that a release enables a mapping is shown on one of SQS, that they are made disabled by mocks",
    )?;
    // Each builds on the one before.
    let _ = take("nothing runs before a release", releases.nothing_runs())
        && take("each candidate answers its probe, by the workflow's line", releases.smoke().map(drop))
        && take("the first release has everything run, and an apply leaves it so", releases.first())
        && take("two releases, by a plan that was shown", releases.two_more())
        && take("a plan that is stale is refused", releases.stale_plan())
        && take("a version that does not answer moves nothing", releases.broken_candidate())
        && take("a release that fails once it is live goes back by itself", releases.broken_live())
        && take("two rollbacks in a row, by the workflow's line", releases.two_rollbacks())
        && take("old versions are removed", releases.old_versions());
    let ended = releases.end();
    take("what was made by hand is removed", ended);
    Ok(())
}

impl<'a> Releases<'a> {
    fn new(
        stack: &'a Stack,
        aws: &'a Aws,
        zips: &'a Path,
        endpoint: &'a str,
        has_brokers: bool,
    ) -> Result<Self> {
        let folder = zips.with_file_name("releases");
        std::fs::create_dir_all(folder.join("bin"))?;
        // As the artifact of a workflow: another build may take the place of this one meanwhile.
        std::fs::copy(std::env::current_exe()?, folder.join("bin/xtask"))?;
        aws.ask(&["s3api", "create-bucket", "--bucket", STATE_BUCKET])?;
        let queue = Queue::make(aws, "millrace-local-by-hand")?;
        let function = format!("millrace-local-{ONE}:live");
        let made = aws.ask(&[
            "lambda",
            "create-event-source-mapping",
            "--function-name",
            &function,
            "--event-source-arn",
            &queue.arn,
            "--no-enabled",
        ])?;
        let mapping = made["UUID"].as_str().context("the mapping has no UUID")?.to_owned();
        Ok(Self { stack, aws, zips, endpoint, folder, has_brokers, mapping })
    }

    fn end(&self) -> Result<()> {
        self.aws.ask(&["lambda", "delete-event-source-mapping", "--uuid", &self.mapping]).map(drop)
    }

    fn nothing_runs(&self) -> Result<()> {
        ensure!(self.states()? == ["DISABLED", "DISABLED"], "the clocks are {:?}", self.states()?);
        Ok(())
    }

    fn first(&self) -> Result<()> {
        let told = self.release()?;
        ensure!(told.contains("nothing moves"), "{told}");
        ensure!(self.states()? == ["ENABLED", "ENABLED"], "the clocks are {:?}", self.states()?);
        let mapping = self.aws.ask(&["lambda", "get-event-source-mapping", "--uuid", &self.mapping])?;
        let runs = matches!(mapping["State"].as_str(), Some("Enabled" | "Enabling"));
        ensure!(runs, "the mapping does not run: {mapping}");
        self.stack.plans_nothing()?;
        self.apply()?;
        ensure!(
            self.states()? == ["ENABLED", "ENABLED"],
            "an apply stopped the clocks: {:?}",
            self.states()?
        );
        Ok(())
    }

    fn two_more(&self) -> Result<()> {
        self.publish(ONE, 2, &StandIn::Good)?;
        self.apply()?;
        self.at(["1", "1"]).context("after an apply")?;
        self.release()?;
        self.at(["2", "1"])?;
        self.publish(ONE, 3, &StandIn::Good)?;
        self.publish(TWO, 2, &StandIn::Good)?;
        self.apply()?;
        self.release()?;
        self.at(["3", "2"])?;
        let manifest = self.manifest(2)?;
        let moved = &manifest["aliases"][ONE];
        ensure!(moved["before"] == "2" && moved["after"] == "3", "{manifest}");
        ensure!(manifest["outcome"] == "live" && manifest["commit"] != "", "{manifest}");
        Ok(())
    }

    fn broken_candidate(&self) -> Result<()> {
        self.publish(ONE, 5, &StandIn::Broken)?;
        self.apply()?;
        let told = refused(self.smoke())?;
        ensure!(told.contains("stands for a function, and fails"), "{told}");
        let told = refused(self.release())?;
        ensure!(told.contains("nothing was moved"), "{told}");
        self.at(["3", "2"])
    }

    fn broken_live(&self) -> Result<()> {
        self.publish(ONE, 6, &StandIn::Good)?;
        // The smoke test finds nothing, the release's own first look neither.
        self.publish(TWO, 3, &StandIn::Once(self.folder.join("mark")))?;
        self.apply()?;
        let told = refused(self.release())?;
        ensure!(told.contains("went back"), "{told}");
        self.at(["3", "2"])?;
        let manifest = self.manifest(3)?;
        ensure!(manifest["outcome"] == "back", "{manifest}");
        // What the workflow then runs finds nothing to do.
        let told = self.run(&self.line("deploy.yml", "rollback")?)?;
        ensure!(told.contains("nothing to do"), "{told}");
        self.at(["3", "2"])
    }

    fn two_rollbacks(&self) -> Result<()> {
        let rollback = format!("arguments=(); {}", self.line("rollback.yml", "rollback")?);
        let told = self.run(&rollback)?;
        ensure!(told.contains("land-events: stays at version 1"), "{told}");
        self.at(["2", "1"])?;
        self.run(&rollback)?;
        self.at(["1", "1"])?;
        let told = refused(self.run(&rollback))?;
        ensure!(told.contains("no release of local is left"), "{told}");
        self.at(["1", "1"])?;
        ensure!(self.states()? == ["ENABLED", "ENABLED"], "a rollback stopped the clocks");
        self.stack.plans_nothing().context("after rollbacks")
    }

    fn old_versions(&self) -> Result<()> {
        self.publish(TWO, 4, &StandIn::Good)?;
        for version in 7..=9 {
            self.publish(ONE, version, &StandIn::Good)?;
            self.apply()?;
            self.release()?;
        }
        let asked = ["lambda", "list-versions-by-function", "--function-name", &name(ONE)];
        let told = self.aws.ask(&asked)?;
        let versions: Vec<_> = told["Versions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| it["Version"].as_str())
            .collect();
        // Those of three releases, the first of which began at 1; the one that was broken and those that went back are gone.
        let live = self.live(ONE)?.parse::<u32>()?;
        let expected: Vec<_> = ["$LATEST", "1"]
            .map(str::to_owned)
            .into_iter()
            .chain((live - 2..=live).map(|it| it.to_string()))
            .collect();
        ensure!(versions == expected, "{versions:?} are left, and {expected:?} are wanted");
        self.stack.plans_nothing().context("after old versions went")
    }

    /// A plan to a file and that file applied, as the workflow does it.
    fn apply(&self) -> Result<()> {
        let plan = self.folder.join("local.tfplan");
        self.stack.plan_to(&plan)?;
        self.stack.apply_file(&plan)?;
        self.tell_platform()
    }

    fn stale_plan(&self) -> Result<()> {
        let stale = self.folder.join("stale.tfplan");
        self.publish(ONE, 4, &StandIn::Good)?;
        self.stack.plan_to(&stale)?;
        self.apply()?;
        let told = refused(self.stack.apply_file(&stale).map(|()| String::new()))?;
        ensure!(told.contains("Saved plan is stale"), "{told}");
        Ok(())
    }

    /// What Terraform tells, with the mapping that it does not know.
    fn tell_platform(&self) -> Result<()> {
        let mut platform = self.stack.output()?;
        platform["starts"]["mappings"] = json!({ "by-hand": { "uuid": self.mapping, "enabled": true } });
        std::fs::write(self.folder.join("platform.json"), platform.to_string())?;
        Ok(())
    }

    fn publish(&self, function: &str, version: u32, program: &StandIn) -> Result<()> {
        let zip = self.zips.join(function).join("bootstrap.zip");
        std::fs::write(&zip, program.zip(version)?)
            .with_context(|| format!("could not write {}", zip.display()))
    }

    fn smoke(&self) -> Result<String> {
        self.tell_platform()?;
        self.run(&self.probing("smoke")?)
    }

    fn release(&self) -> Result<String> {
        self.run(&self.probing("release")?)
    }

    fn probing(&self, task: &str) -> Result<String> {
        let line = self.line("deploy.yml", task)?;
        Ok(if self.has_brokers { line } else { format!("{line} --without-brokers") })
    }

    /// The one line of a workflow that calls this task.
    fn line(&self, workflow: &str, task: &str) -> Result<String> {
        let path = workspace::root().join(".github/workflows").join(workflow);
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        let calls = text.lines().flat_map(task_calls).map(|(_, call)| call);
        let ours: Vec<_> = calls.filter(|call| call.split_whitespace().next() == Some(task)).collect();
        let [line] = ours[..] else {
            bail!("{workflow} calls {task} {} times, and one is looked for", ours.len())
        };
        Ok(format!("xtask {line}"))
    }

    fn run(&self, line: &str) -> Result<String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let bin = self.folder.join("bin");
        let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)))?;
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", line]).current_dir(&self.folder).env("PATH", path);
        shell.env("ENVIRONMENT", "local").env("TF_STATE_BUCKET", STATE_BUCKET);
        shell.env("AWS_ENDPOINT_URL", self.endpoint);
        output(&mut shell)
    }

    fn at(&self, wanted: [&str; 2]) -> Result<()> {
        let live = [self.live(ONE)?, self.live(TWO)?];
        ensure!(live == wanted, "{ONE} and {TWO} are live at {live:?}, and {wanted:?} are wanted");
        Ok(())
    }

    fn live(&self, function: &str) -> Result<String> {
        let alias =
            self.aws.ask(&["lambda", "get-alias", "--function-name", &name(function), "--name", "live"])?;
        Ok(alias["FunctionVersion"].as_str().unwrap_or_default().to_owned())
    }

    fn states(&self) -> Result<[String; 2]> {
        let state = |name| -> Result<String> {
            let schedule = self.aws.ask(&["scheduler", "get-schedule", "--name", name])?;
            Ok(schedule["State"].as_str().unwrap_or_default().to_owned())
        };
        Ok([state(SCHEDULES[0])?, state(SCHEDULES[1])?])
    }

    fn manifest(&self, number: u32) -> Result<Value> {
        let file = self.folder.join("manifest.json");
        let url = format!("s3://{STATE_BUCKET}/releases/local/manifests/{number:08}.json");
        self.aws.copy(&url, &file.display().to_string())?;
        Ok(serde_json::from_str(&std::fs::read_to_string(file)?)?)
    }
}

fn name(function: &str) -> String {
    format!("millrace-local-{function}")
}

/// What a command that has to fail said.
fn refused(outcome: Result<String>) -> Result<String> {
    match outcome {
        Ok(told) => bail!("it went well, and should have failed: {told}"),
        Err(error) => Ok(format!("{error:#}")),
    }
}
