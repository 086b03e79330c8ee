//! The platform on the emulators of this machine: applied, planned again, invoked, destroyed.
//!
//! What they lack is left out by infra/envs/local, and shown by mocks alone: MSK, the mappings of Kafka, interface endpoints. They
//! check no permissions either.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::copy::Copy;
use super::fake_api;
use super::terraform::{self, Terraform};
use crate::aws::Aws;
use crate::commands::quietly;
use crate::lambda_zip::{lambda_zip, lambda_zip_quickly, runs_here};
use crate::servers::Kind;
use crate::skips::SkipLog;
use crate::tally::Tally;
use crate::workspace;

const ROOT: &str = "envs/local";
const NAME: &str = "envs-local";

/// Where nobody listens.
const NOBODY: &str = "127.0.0.1:9";

/// The functions and jobs that the platform wants zips of.
const ZIPPED: [&str; 6] = [
    "fetch-users",
    "land-events",
    "replay-dead-letters",
    "raw-transformation",
    "analytics-aggregation",
    "time-series-analysis",
];

/// Those of them that are invoked.
const INVOKED: [&str; 2] = ["fetch-users", "land-events"];

#[derive(Default, clap::Args)]
pub(crate) struct LocalArguments {
    /// Zips of this machine's processor, FUNCTION/bootstrap.zip, as `cargo xtask package` writes them
    #[arg(long)]
    zips: Option<PathBuf>,
    /// Brokers that have the topics, for fetch-users; without them its own error is what is looked for
    #[arg(long)]
    brokers: Option<String>,
}

pub(crate) fn run(arguments: &LocalArguments, tally: &mut Tally, log: &SkipLog) -> anyhow::Result<()> {
    const CHECK: &str = "infra on emulators";
    let missing = [terraform::missing(), Kind::Ministack.missing(), Kind::Localstack.missing()];
    if let Some(why) = missing.into_iter().flatten().next() {
        return log.note(CHECK, &why);
    }
    let copy = Copy::of_infra("local")?;
    let started = |kind: Kind| {
        let folder = copy.beside(kind.name());
        kind.start(&folder).with_context(|| format!("could not start {}", kind.name()))
    };
    let servers = match started(Kind::Ministack).and_then(|it| Ok((it, started(Kind::Localstack)?))) {
        Ok(servers) => servers,
        Err(error) => return log.note(CHECK, &format!("{error:#}")),
    };
    let url = |ports: &[u16]| format!("http://127.0.0.1:{}", ports[0]);
    let (ministack, localstack) = (url(&servers.0.ports), url(&servers.1.ports));
    let zips = copy.beside("zips");
    let real = lay_out_zips(arguments.zips.as_deref(), &zips)?;
    let variables = [
        ("ministack", ministack.clone()),
        ("localstack", localstack),
        ("zip_folder", zips.display().to_string()),
        ("brokers", format!("[{:?}]", arguments.brokers.as_deref().unwrap_or(NOBODY))),
        ("api_url", fake_api::serve()?),
    ];
    let stack =
        Stack { terraform: Terraform::new(&copy.beside("data")), root: copy.root().join(ROOT), variables };

    let bootstrap = copy.root().join("bootstrap");
    let scratch = copy.beside("bootstrap");
    tally.take(
        "bootstrap on an emulator, twice",
        crate::bootstrap::check_on(&ministack, &bootstrap, &scratch),
    );
    println!(
        "left out, as no emulator has them: MSK, Kafka's event source mappings, interface endpoints; and no permission is checked"
    );
    if !tally.take("infra on emulators: apply", stack.apply()) {
        return Ok(());
    }
    tally.take("infra on emulators: the second plan is empty", stack.plans_nothing());
    match Aws::of_emulator(&ministack) {
        Ok(aws) => {
            for function in INVOKED {
                if real.contains(&function) {
                    tally.take(
                        &format!("infra on emulators: {function} is invoked"),
                        invoke(&aws, function, arguments.brokers.is_some()),
                    );
                } else {
                    log.note(
                        &format!("{function} on emulators"),
                        "there is no zip of it for this processor; run cargo xtask package",
                    )?;
                }
            }
            tally.take("infra on emulators: a release and a rollback", releases(&stack, &aws, &zips));
        }
        Err(error) => log.note("AWS's command line", &format!("{error:#}"))?,
    }
    tally.take("infra on emulators: destroy", stack.destroy());
    Ok(())
}

/// Terraform in the root, with its variables.
struct Stack {
    terraform: Terraform,
    root: PathBuf,
    variables: [(&'static str, String); 5],
}

impl Stack {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.terraform.command(&self.root, NAME, arguments);
        command.envs(self.variables.iter().map(|(name, value)| (format!("TF_VAR_{name}"), value)));
        command
    }

    fn apply(&self) -> anyhow::Result<()> {
        self.terraform.init(&self.root, NAME)?;
        quietly(&mut self.command(&["apply", "-auto-approve", "-no-color"]))
    }

    fn plans_nothing(&self) -> anyhow::Result<()> {
        let plan = self.command(&["plan", "-detailed-exitcode", "-no-color"]).output()?;
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

    fn output(&self) -> anyhow::Result<Value> {
        let told = crate::commands::output(&mut self.command(&["output", "-json", "platform"]))?;
        Ok(serde_json::from_str(&told)?)
    }

    fn destroy(&self) -> anyhow::Result<()> {
        quietly(&mut self.command(&["destroy", "-auto-approve", "-no-color"]))
    }
}

/// Puts a zip for each function into `folder`, and answers which of them are real.
fn lay_out_zips(given: Option<&Path>, folder: &Path) -> anyhow::Result<Vec<&'static str>> {
    let packaged = workspace::target_dir().join("lambda");
    let mut real = Vec::new();
    for function in ZIPPED {
        let zip = folder.join(function).join("bootstrap.zip");
        std::fs::create_dir_all(folder.join(function))?;
        let from = given.unwrap_or(&packaged).join(function).join("bootstrap.zip");
        let packaged = std::fs::read(&from).ok().filter(|packaged| runs_here(packaged));
        // Where nothing is packaged, what the tests built of the functions serves as well.
        let built = workspace::target_dir().join("debug").join(function);
        let is_wanted = packaged.is_none() && given.is_none() && INVOKED.contains(&function);
        let built = if is_wanted { std::fs::read(built).ok() } else { None };
        match packaged.map(Ok).or_else(|| built.map(|built| lambda_zip_quickly(&built))).transpose()? {
            Some(packaged) => {
                std::fs::write(&zip, packaged)?;
                real.push(function);
            }
            None => {
                std::fs::write(&zip, lambda_zip(b"#!/bin/sh\necho 'stands for a function' >&2; exit 1\n")?)?
            }
        }
    }
    Ok(real)
}

/// A changed zip is published as another version, the alias waits for its release, moves, and moves back; Terraform then finds
/// nothing to do.
fn releases(stack: &Stack, aws: &Aws, zips: &Path) -> anyhow::Result<()> {
    const CHANGED: &str = "replay-dead-letters";
    let name = format!("millrace-local-{CHANGED}");
    let live = || -> anyhow::Result<String> {
        let alias = aws.ask(&["lambda", "get-alias", "--function-name", &name, "--name", "live"])?;
        Ok(alias["FunctionVersion"].as_str().unwrap_or_default().to_owned())
    };
    let zip = lambda_zip(b"#!/bin/sh\necho 'another version' >&2; exit 1\n")?;
    std::fs::write(zips.join(CHANGED).join("bootstrap.zip"), zip)?;
    stack.apply()?;
    let before = live()?;
    ensure!(before == "1", "an apply moved the alias to {before}");
    let moved = crate::release::forward(aws, &stack.output()?, &stack.root.join("released.json"))?;
    ensure!(moved == ZIPPED.len(), "{moved} aliases are released, and there are {}", ZIPPED.len());
    let released = live()?;
    ensure!(released == "2", "the release left the alias at {released}");
    crate::release::back(aws, &name, None)?;
    let back = live()?;
    ensure!(back == "1", "the rollback left the alias at {back}");
    stack.plans_nothing().context("after a rollback")
}

/// What a function does for an event, seen from outside.
fn invoke(aws: &Aws, function: &str, produces: bool) -> anyhow::Result<()> {
    let name = format!("millrace-local-{function}:live");
    if function != "land-events" {
        let answer = aws.invoke(&name, "{}")?;
        println!("{function} answers {answer}");
        if produces {
            ensure!(answer["produced"] == 10 && answer["rejected"] == 0, "{answer}");
            return Ok(());
        }
        // It has fetched, and told in its own words that the brokers do not answer: the runtime's words are for a process that ended.
        let told = answer["errorMessage"].as_str().unwrap_or_default();
        ensure!(answer["errorType"] == "Retry" && told.contains("broker"), "{answer}");
        return Ok(());
    }
    let event = workspace::root().join("functions/land-events/events/kafka.json");
    let event =
        std::fs::read_to_string(&event).with_context(|| format!("could not read {}", event.display()))?;
    let answer = aws.invoke(&name, &event)?;
    ensure!(answer == serde_json::json!({ "batchItemFailures": [] }), "{answer}");
    let raw = ["s3api", "list-objects-v2", "--bucket", "millrace-local-lake", "--prefix", "lake/raw/"];
    let objects = aws.ask(&raw)?;
    let key = objects["Contents"][0]["Key"].as_str().context("it landed no object")?;
    println!("land-events landed {key}");
    Ok(())
}
