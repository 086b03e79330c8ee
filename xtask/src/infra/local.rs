//! The platform on the emulators of this machine: applied, planned again, invoked, released, rolled back, destroyed.
//!
//! What they lack is left out by infra/envs/local, and shown by mocks alone: MSK, the mappings of Kafka, interface endpoints. They
//! check no permissions either.

mod day;
mod erasure;
mod queue;
mod releases;
mod stack;
mod stand_in;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use queue::Queue;
use stack::Stack;
use stand_in::StandIn;

use super::copy::Copy;
use super::fake_api;
use super::rights::{Phase, provider};
use super::terraform::{self, Terraform};
use crate::aws::Aws;
use crate::commands::quietly;
use crate::lambda_zip::{lambda_zip_quickly, runs_here};
use crate::servers::{Kind, ministack_with};
use crate::skips::SkipLog;
use crate::tally::Tally;
use crate::workspace;

const ROOT: &str = "envs/local";

/// Where nobody listens.
const NOBODY: &str = "127.0.0.1:9";

/// The functions and jobs that the platform wants zips of.
const ZIPPED: [&str; 8] = [
    "compact-raw",
    "create-topics",
    "fetch-users",
    "land-events",
    "replay-dead-letters",
    "raw-transformation",
    "analytics-aggregation",
    "time-series-analysis",
];

/// Those of them that are invoked with work.
const INVOKED: [&str; 3] = ["create-topics", "fetch-users", "land-events"];

/// What the state machine starts, and what lands for it.
const OF_THE_DAY: [&str; 5] =
    ["land-events", "raw-transformation", "analytics-aggregation", "time-series-analysis", "compact-raw"];

/// The jobs, whose builds by the tests are too large for a zip.
const JOBS: [&str; 3] = ["raw-transformation", "analytics-aggregation", "time-series-analysis"];

#[derive(Default, clap::Args)]
pub(crate) struct LocalArguments {
    /// Zips of this machine's processor, FUNCTION/bootstrap.zip, as `cargo xtask package` writes them
    #[arg(long)]
    zips: Option<PathBuf>,
    /// Write down what the provider calls, infra/provider_calls.json, instead of holding it to that
    #[arg(long)]
    update_calls: bool,
    /// Brokers of this machine, where create-topics makes the topics that fetch-users produces to; without them their own errors are looked for
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
        let begun = match kind {
            // The state machine's waits between tries are minutes.
            Kind::Ministack => ministack_with(&folder, &[("SFN_WAIT_SCALE", "0".to_owned())]),
            _ => kind.start(&folder),
        };
        begun.with_context(|| format!("could not start {}", kind.name()))
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
        ("localstack", localstack.clone()),
        ("zip_folder", zips.display().to_string()),
        ("brokers", format!("[{:?}]", arguments.brokers.as_deref().unwrap_or(NOBODY))),
        ("api_url", fake_api::serve()?),
    ];
    let stack = Stack {
        terraform: Terraform::new(&copy.beside("data")),
        root: copy.root().join(ROOT),
        variables,
        logs: copy.beside("logs"),
    };

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
            println!(
                "real are {}; a stand-in that answers the probe is there for each of the others",
                real.join(", ")
            );
            if OF_THE_DAY.iter().all(|program| real.contains(program)) {
                let check = |of: &str| format!("infra on emulators: {of}");
                tally.take(&check("the state machine makes a day"), day::made(&aws));
                tally.take(
                    &check("a job that fails is tried again, or not, and told"),
                    day::failing(&aws, &zips),
                );
                let millrace = workspace::target_dir().join("debug/millrace");
                if millrace.is_file() {
                    tally.take(
                        &check("a person is erased under the eraser's role, all versions included"),
                        erasure::walked(&aws, &ministack, &millrace, &zips),
                    );
                } else {
                    log.note("the erasure on emulators", "millrace is not built; run cargo build")?;
                }
            } else {
                log.note(
                    "the state machine on emulators",
                    "there is no build of the jobs, land-events or compact-raw for this processor; run cargo xtask package --jobs",
                )?;
            }
            releases::check(&stack, &aws, &zips, &ministack, arguments.brokers.is_some(), tally, log)?;
            tally.take("infra on emulators: a test alarm", test_alarm(&stack, &localstack, &aws));
        }
        Err(error) => log.note("AWS's command line", &format!("{error:#}"))?,
    }
    if tally.take("infra on emulators: destroy", stack.destroy()) {
        let logs = Phase::ALL.map(|phase| (phase, stack.log(phase)));
        let check = "infra on emulators: infra/provider_calls.json says what the provider calls";
        if arguments.zips.is_some() {
            log.note(
                check,
                "the provider's log lacks the calls that send a whole zip; run it without --zips",
            )?;
        } else {
            tally.take(check, provider::hold(&logs, arguments.update_calls));
        }
    }
    Ok(())
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
        let is_wanted = packaged.is_none() && given.is_none();
        if is_wanted
            && JOBS.contains(&function)
            && let Some(starts) = day::starting(&built)
        {
            std::fs::write(&zip, starts)?;
            real.push(function);
            continue;
        }
        let built = if is_wanted { stripped(&built, folder) } else { None };
        match packaged.map(Ok).or_else(|| built.map(|built| lambda_zip_quickly(&built))).transpose()? {
            Some(packaged) => {
                std::fs::write(&zip, packaged)?;
                real.push(function);
            }
            None => std::fs::write(&zip, StandIn::Good.zip(1)?)?,
        }
    }
    Ok(real)
}

/// A program without what only a debugger reads, which is half of it, where that can be taken away.
fn stripped(program: &Path, scratch: &Path) -> Option<Vec<u8>> {
    let to = scratch.join("stripped");
    let stripped =
        quietly(Command::new("strip").arg("-o").arg(&to).arg(program)).and_then(|()| Ok(std::fs::read(&to)?));
    let _ = std::fs::remove_file(&to);
    stripped.or_else(|_| std::fs::read(program)).ok()
}

/// An alarm rings, and whoever listens to its topic hears it. LocalStack's alarms tell LocalStack's topics, and the platform's is
/// MiniStack's: its like is made beside the alarms, with a queue in place of a person. A mail is AWS's part, and no emulator's.
fn test_alarm(stack: &Stack, localstack: &str, sns: &Aws) -> anyhow::Result<()> {
    let aws = Aws::of_emulator(localstack)?;
    let platform = stack.output()?;
    let topic = platform["alarms_topic_arn"].as_str().context("terraform tells of no topic")?;
    let name = topic.rsplit(':').next().unwrap_or_default();
    let made = aws.ask(&["sns", "create-topic", "--name", name])?;
    ensure!(made["TopicArn"] == topic, "the emulators' accounts differ: {made}, and {topic}");
    let queue = Queue::make(&aws, "alarm-test")?;
    queue.listen(&aws, topic)?;
    let confirmed = crate::alarm_test::ring(&aws, sns, &platform, None)?;
    println!("{confirmed} subscribers of MiniStack's topic have confirmed");
    let heard = queue.next(&aws)?["Body"].as_str().unwrap_or_default().to_owned();
    ensure!(
        heard.contains("millrace-local-land-events-errors") && heard.contains("ALARM"),
        "the alarm rang, and the queue heard {heard:?}"
    );
    Ok(())
}

/// What a function does for an event, seen from outside.
fn invoke(aws: &Aws, function: &str, produces: bool) -> anyhow::Result<()> {
    let name = format!("millrace-local-{function}:live");
    if function != "land-events" {
        let answer = aws.invoke(&name, "{}")?;
        println!("{function} answers {answer}");
        if produces && function == "create-topics" {
            let again = aws.invoke(&name, "{}")?;
            for topic in again["topics"].as_array().context("create-topics tells of no topics")? {
                ensure!(
                    topic["outcome"] != "created" && topic["partitions"].is_u64(),
                    "a second time: {again}"
                );
            }
            return Ok(());
        }
        if produces {
            ensure!(answer["produced"] == 10 && answer["rejected"] == 0, "{answer}");
            return Ok(());
        }
        // It told in its own words that the brokers do not answer: the runtime's words are for a process that ended.
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
