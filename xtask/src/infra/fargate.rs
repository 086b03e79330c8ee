//! The day's state machine with jobs on Fargate, executed by MiniStack. No task is run: what Fargate would tell of one is told instead,
//! in the form of AWS's own messages, and which states it leads to is looked at.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::copy::Copy;
use super::terraform::{self, Terraform};
use crate::aws::Aws;
use crate::commands::quietly;
use crate::lambda_zip::lambda_zip;
use crate::servers::{Kind, ministack_with};
use crate::skips::SkipLog;
use crate::tally::Tally;

const NAME: &str = "millrace-fargate";
const FIRST: &str = "raw-transformation";
const JOBS: [&str; 3] = [FIRST, "analytics-aggregation", "time-series-analysis"];

/// What comes after them, a function here too.
const COMPACTION: &str = "compact-raw";

/// The jobs alone, with a network and an image that nobody asks for.
const ROOT: &str = r#"
variable "ministack" { type = string }
variable "localstack" { type = string }

module "jobs" {
  source               = "../../modules/jobs"
  name                 = "millrace-fargate"
  runs_on              = "fargate"
  lake                 = { url = "s3://lake/lake", bucket_arn = "arn:aws:s3:::lake", prefix_arn = "arn:aws:s3:::lake/lake" }
  tables               = []
  glue_database        = "millrace_fargate"
  notify_topic_arn     = "arn:aws:sns:us-east-1:000000000000:alarms"
  image                = "000000000000.dkr.ecr.us-east-1.amazonaws.com/jobs@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  image_repository_arn = "arn:aws:ecr:us-east-1:000000000000:repository/jobs"
  network              = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  compaction_zip_path  = "compact-raw.zip"
}

output "state_machine_arn" { value = module.jobs.state_machine_arn }
"#;

/// What the first job's tasks end with, one after the other, and how often it is entered for that; then the compaction's invocations.
struct Case {
    name: &'static str,
    ends: &'static [End],
    compaction: &'static [Compaction],
    status: &'static str,
    entered: usize,
    /// The state that tells somebody, if one does.
    told: Option<&'static str>,
}

enum Compaction {
    Done,
    /// There was no time for all.
    GoesOn,
    Stop,
}

enum End {
    Code(u8),
    /// It never ran, as where there is no capacity.
    NotStarted,
}

/// Goes on without an end; there are more of them than rounds.
const ENDLESS: [Compaction; 20] = [const { Compaction::GoesOn }; 20];

/// As many invocations as follow one another at most: infra/modules/jobs/variables.tf.
const ROUNDS: usize = 16;

/// 64 and 75 are `STOP` and `RETRY` of jobs/cloud/src/exit_code.rs, 134 is a panic, 137 a task that took too much memory.
const CASES: [Case; 8] = [
    Case {
        name: "goes-well",
        ends: &[End::Code(0)],
        compaction: &[Compaction::Done],
        status: "SUCCEEDED",
        entered: 1,
        told: None,
    },
    Case {
        name: "stop",
        ends: &[End::Code(64)],
        compaction: &[],
        status: "FAILED",
        entered: 1,
        told: Some("Notify"),
    },
    Case {
        name: "retry-then-well",
        ends: &[End::Code(75), End::NotStarted, End::Code(0)],
        compaction: &[Compaction::Done],
        status: "SUCCEEDED",
        entered: 3,
        told: None,
    },
    Case {
        name: "retry-then-stop",
        ends: &[End::Code(75), End::Code(64)],
        compaction: &[],
        status: "FAILED",
        entered: 2,
        told: Some("Notify"),
    },
    Case {
        name: "never-well",
        ends: &[End::Code(137), End::Code(134), End::Code(1), End::Code(75), End::Code(75)],
        compaction: &[],
        status: "FAILED",
        entered: 4,
        told: Some("Notify"),
    },
    Case {
        name: "compacted-in-three",
        ends: &[End::Code(0)],
        compaction: &[Compaction::GoesOn, Compaction::GoesOn, Compaction::Done],
        status: "SUCCEEDED",
        entered: 1,
        told: None,
    },
    Case {
        name: "never-compacted",
        ends: &[End::Code(0)],
        compaction: &ENDLESS,
        status: "SUCCEEDED",
        entered: 1,
        told: Some("NotCompacted"),
    },
    Case {
        name: "compaction-fails",
        ends: &[End::Code(0)],
        compaction: &[Compaction::GoesOn, Compaction::Stop],
        status: "SUCCEEDED",
        entered: 1,
        told: Some("NotCompacted"),
    },
];

pub(crate) fn run(tally: &mut Tally, log: &SkipLog) -> anyhow::Result<()> {
    const CHECK: &str = "the state machine with jobs on Fargate";
    if let Some(why) = terraform::missing().or_else(|| Kind::Ministack.missing()) {
        return log.note(CHECK, &why);
    }
    tally.take(&format!("infra on emulators: {CHECK}"), on_ministack());
    Ok(())
}

fn on_ministack() -> anyhow::Result<()> {
    let copy = Copy::of_infra("fargate")?;
    let folder = copy.beside("ministack");
    std::fs::create_dir_all(&folder)?;
    let answers = folder.join("answers.json");
    std::fs::write(&answers, answers_of_tasks().to_string())?;
    let variables = [("SFN_MOCK_CONFIG", answers.display().to_string()), ("SFN_WAIT_SCALE", "0".to_owned())];
    let server = ministack_with(&folder, &variables)?;
    let endpoint = format!("http://127.0.0.1:{}", server.ports[0]);
    let state_machine = apply(&copy, &endpoint)?;
    let aws = Aws::of_emulator(&endpoint)?;
    for case in &CASES {
        executed(&aws, &state_machine, case).with_context(|| format!("the case {}", case.name))?;
    }
    Ok(())
}

/// Answers the state machine's ARN.
fn apply(copy: &Copy, endpoint: &str) -> anyhow::Result<String> {
    let root = copy.root().join("envs/fargate");
    std::fs::create_dir_all(&root)?;
    std::fs::write(root.join("main.tf"), ROOT)?;
    // Never run: what it would answer is told instead.
    std::fs::write(root.join("compact-raw.zip"), lambda_zip(b"#!/bin/sh\n")?)?;
    std::fs::copy(copy.root().join("envs/local/versions.tf"), root.join("versions.tf"))?;
    let terraform = Terraform::new(&copy.beside("data"));
    terraform.init(&root, NAME)?;
    let command = |action: &[&str]| {
        let mut command = terraform.command(&root, NAME, action);
        command.env("TF_VAR_ministack", endpoint).env("TF_VAR_localstack", endpoint);
        command
    };
    quietly(&mut command(&["apply", "-auto-approve", "-no-color"]))?;
    let told = crate::commands::output(&mut command(&["output", "-raw", "state_machine_arn"]))?;
    Ok(told.trim().to_owned())
}

/// What tasks answer, in the form that AWS's local state machines read.
fn answers_of_tasks() -> Value {
    let mut cases = serde_json::Map::new();
    let mut responses = serde_json::Map::new();
    responses.insert("well".to_owned(), json!({ "0-9": { "Return": {} } }));
    for case in &CASES {
        let attempts = case.ends.iter().enumerate().map(|(attempt, end)| (attempt.to_string(), answer(end)));
        responses.insert(case.name.to_owned(), attempts.collect());
        let invocations = case.compaction.iter().enumerate();
        let invocations = invocations.map(|(number, ends)| (number.to_string(), answer_of_compaction(ends)));
        let compaction = format!("{}-compaction", case.name);
        responses.insert(compaction.clone(), invocations.collect());
        let [first, second, third] = JOBS;
        cases.insert(
            case.name.to_owned(),
            json!({
                first: case.name, second: "well", third: "well", COMPACTION: compaction,
                "Notify": "well", "NotCompacted": "well",
            }),
        );
    }
    json!({ "StateMachines": { format!("{NAME}-day"): { "TestCases": cases } }, "MockedResponses": responses })
}

fn answer(end: &End) -> Value {
    match end {
        End::Code(0) => json!({ "Return": {} }),
        End::Code(code) => {
            // The description of the task, as text, is the cause that .sync tells.
            let cause = json!({
                "Containers": [{ "ExitCode": code, "LastStatus": "STOPPED", "Name": "job" }],
                "StopCode": "EssentialContainerExited",
            });
            json!({ "Throw": { "Error": "States.TaskFailed", "Cause": cause.to_string() } })
        }
        End::NotStarted => {
            json!({ "Throw": { "Error": "ECS.AmazonECSException", "Cause": "Capacity is unavailable at this time" } })
        }
    }
}

fn answer_of_compaction(ends: &Compaction) -> Value {
    let answers = |done: bool| json!({ "Return": { "StatusCode": 200, "Payload": { "done": done, "small_objects": 7, "tables": [] } } });
    match ends {
        Compaction::Done => answers(true),
        Compaction::GoesOn => answers(false),
        Compaction::Stop => {
            json!({ "Throw": { "Error": "Stop", "Cause": "no right to remove raw objects" } })
        }
    }
}

fn executed(aws: &Aws, state_machine: &str, case: &Case) -> anyhow::Result<()> {
    let of_case = format!("{state_machine}#{}", case.name);
    let started = aws.ask(&[
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        &of_case,
        "--name",
        case.name,
        "--input",
        "{}",
    ])?;
    let execution = started["executionArn"].as_str().context("no execution was started")?;
    let begin = Instant::now();
    let status = loop {
        let told = aws.ask(&["stepfunctions", "describe-execution", "--execution-arn", execution])?;
        match told["status"].as_str() {
            Some("RUNNING") if begin.elapsed() > Duration::from_secs(60) => {
                bail!("it did not end within a minute")
            }
            Some("RUNNING") => std::thread::sleep(Duration::from_millis(200)),
            other => break other.unwrap_or_default().to_owned(),
        }
    };
    let history = aws.ask(&["stepfunctions", "get-execution-history", "--execution-arn", execution])?;
    let events = history["events"].as_array().context("it has no history")?;
    let entered = |state: &str| {
        events.iter().filter(|event| event["stateEnteredEventDetails"]["name"] == state).count()
    };
    ensure!(status == case.status, "it ended {status}: {history}");
    let first = entered(FIRST);
    ensure!(first == case.entered, "{FIRST} was entered {first} times and not {}", case.entered);
    for state in ["Notify", "NotCompacted"] {
        let (told, wanted) = (entered(state), usize::from(case.told == Some(state)));
        ensure!(told == wanted, "it was told {told} times by {state}");
    }
    let (compacted, wanted) = (entered(COMPACTION), case.compaction.len().min(ROUNDS));
    ensure!(compacted == wanted, "{COMPACTION} was entered {compacted} times and not {wanted}: {history}");
    let last = entered(JOBS[2]);
    ensure!((last == 1) == (case.status == "SUCCEEDED"), "{} was entered {last} times", JOBS[2]);
    Ok(())
}
