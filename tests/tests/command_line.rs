//! What holds in every command: JSON and nothing else where it is asked for, no remarks where none are wanted, and what
//! completions and manual pages tell.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use millrace_stream::embedded::EmbeddedBroker;
use millrace_tests::commands::commands;
use millrace_tests::program::{DAY, Ended, millrace, simulate};
use serde_json::Value;

fn ends_well(arguments: &[&str]) -> Result<Ended> {
    let ended = Ended::of(millrace(arguments)?)?;
    ensure!(ended.code == Some(0), "{arguments:?} ended with {:?}: {}", ended.code, ended.stderr);
    Ok(ended)
}

/// All JSON values of a text; whatever else stands in it is an error.
fn values(text: &str) -> Result<Vec<Value>> {
    let values = serde_json::Deserializer::from_str(text).into_iter().collect::<Result<Vec<_>, _>>();
    values.with_context(|| format!("not JSON alone: {text}"))
}

/// What the platform tells otherwise.
const SET: [&str; 8] = [
    "--set",
    "lake_url=s3://lake/dev",
    "--set",
    "storage_role_arn=ARN",
    "--set",
    "alarms_topic_arn=ARN",
    "--set",
    "alarms_role_arn=ARN",
];

/// Commands that ask servers which are not here, go on until they are ended (tests/serve.rs), name a snapshot (tests/iceberg.rs), or
/// answer no JSON.
const OF_ELSEWHERE: [&[&str]; 8] = [
    &["serve"],
    &["rollback"],
    &["schema", "check"],
    &["schema", "register"],
    &["snowflake", "deploy"],
    &["snowflake", "query"],
    &["completions"],
    &["man"],
];

#[test]
fn json_stands_alone_on_standard_output() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (lake, other, file) = (path("lake"), path("other"), path("users.csv"));
    let broker = EmbeddedBroker::start()?;
    for topic in ["ad_events", "ad_events.dlq"] {
        broker.create_topic(topic, 1)?;
    }
    let brokers = broker.brokers();
    Ended::of(simulate(Path::new(&lake), 100, 5, &[])?)?.summary(0)?;
    let land = ["land", "--topics", "ad_events", "--generation", "g1", "--until-idle", "1"];
    let ads = ["simulate", "--streams", "ads", "--events", "20"];
    let mut called = BTreeSet::new();
    for (arguments, place) in [
        (&["run", "--users", "50", "--source", "simulator"][..], &["--lake", &other][..]),
        (&["query", "SELECT COUNT(*) AS n FROM raw_users"], &["--lake", &lake]),
        (&["tables"], &["--lake", &lake]),
        (&ads, &["--brokers", &brokers]),
        (&ads, &[]),
        (&["topics"], &["--brokers", &brokers]),
        (&["peek", "ad_events"], &["--brokers", &brokers]),
        (&land, &["--brokers", &brokers, "--lake", &other]),
        // All is committed: no function is needed.
        (
            &["dev", "--topics", "ad_events", "--group", "millrace-land", "--until-idle", "1"],
            &["--brokers", &brokers],
        ),
        (&["schema", "list"], &[]),
        (&["compact"], &["--lake", &lake]),
        (&["adopt"], &["--lake", &lake]),
        (&["tables", "--history"], &["--lake", &lake]),
        (&["vacuum"], &["--lake", &lake]),
        (&["erase", "nobody", "--allow-missing"], &["--lake", &lake]),
        (&["job", "time-series-analysis", "--as-of", DAY], &["--lake", &lake]),
        (&["backfill", "--from", DAY, "--to", DAY], &["--lake", &lake]),
        (&["export", "raw_users"], &["--lake", &lake]),
        (&["export", "raw_users", "--output", &file], &["--lake", &lake]),
        (&["snowflake", "plan", "--offline", "--sql", "../sql"], &SET),
        (&["snowflake", "check", "--offline", "--sql", "../sql"], &SET),
        (&["validate", "--offline", "--root", ".."], &[]),
        (&["settings"], &[]),
    ] {
        let all = [arguments, place, &["--json"]].concat();
        let ended = Ended::of(millrace(&all)?)?;
        // On this machine something is missing for a deployment, or nothing is.
        let is_fine = ended.code == Some(0) || arguments[0] == "validate" && ended.code == Some(1);
        ensure!(is_fine, "{all:?} ended with {:?}: {}", ended.code, ended.stderr);
        called.extend(arguments.iter().take(2).map(ToString::to_string));
        let told = values(&ended.stdout)?;
        ensure!(!told.is_empty(), "{all:?} said nothing");
        ensure!(told.iter().all(|value| value.is_object() || value.is_array()), "{all:?}: {told:?}");
    }
    for command in commands()? {
        let of_elsewhere = OF_ELSEWHERE.iter().any(|words| command == *words);
        let is_called = command.iter().all(|word| called.contains(word));
        ensure!(is_called || of_elsewhere, "{command:?} is new: say here how it is called with --json");
    }
    let report = ends_well(&["export", "raw_users", "--output", &file, "--json", "--lake", &lake])?;
    let report: Value = serde_json::from_str(&report.stdout)?;
    let written = std::fs::read_to_string(&file)?;
    ensure!(report["rows"].as_u64() == Some(written.lines().count() as u64 - 1), "{report}");
    ensure!(report["bytes"].as_u64() == Some(written.len() as u64) && report["format"] == "csv", "{report}");
    for two in [&["query", "SELECT 1 AS n"][..], &["export", "raw_users"]] {
        let two = [two, &["--json", "--format", "csv", "--lake", &lake]].concat();
        Ended::of(millrace(&two)?)?.refusal(2, &["--json", "--format"])?;
    }
    Ok(())
}

#[test]
fn quiet_leaves_warnings_and_results() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let lake = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let arguments = ["run", "--users", "50", "--as-of", DAY, "--seed", "3", "--lake"];
    let (loud, quiet) = (lake("loud"), lake("quiet"));
    let loud_run = ends_well(&[&arguments[..], &[&loud]].concat())?;
    ensure!(loud_run.stderr.contains("source: the simulator"), "{}", loud_run.stderr);
    let quiet_run = ends_well(&[&["-q"], &arguments[..], &[&quiet]].concat())?;
    ensure!(quiet_run.stderr.is_empty(), "{}", quiet_run.stderr);
    ensure!(quiet_run.stdout.contains("users_transformed"), "{}", quiet_run.stdout);
    let tables = ["query", "SELECT COUNT(*) AS n FROM raw_users", "--format", "csv", "--lake"];
    let answer =
        |more: &[&str]| Ok::<_, anyhow::Error>(ends_well(&[&tables[..], &[&loud], more].concat())?.stdout);
    ensure!(answer(&["--quiet"])? == answer(&[])?);

    let missing = ["erase", "nobody", "--quiet", "--lake", &loud];
    Ended::of(millrace(&missing)?)?.refusal(1, &["nowhere in the lake"])?;
    Ended::of(millrace(&["tables", "-q", "--lake", &lake("none")])?)?.refusal(1, &["error: "])?;
    for both in [&["-q", "-v", "settings"][..], &["settings", "-q", "-v"], &["-q", "settings", "-v"]] {
        Ended::of(millrace(both)?)?.refusal(2, &["--quiet", "--verbose"])?;
    }
    Ok(())
}

#[test]
fn completions_and_pages_know_every_command() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let pages = folder.path().join("man/man1");
    ends_well(&["man", "--out", &pages.to_string_lossy()])?;
    let scripts =
        ["bash", "zsh", "fish", "powershell", "elvish"].map(|shell| ends_well(&["completions", shell]));
    let scripts: Vec<_> = scripts.into_iter().collect::<Result<_>>()?;
    for command in commands()? {
        let page = pages.join(format!("millrace-{}.1", command.join("-")));
        let page = std::fs::read_to_string(&page).with_context(|| format!("{}", page.display()))?;
        ensure!(page.contains(".SH EXAMPLES") || command.len() > 1, "{command:?} has no examples");
        for script in &scripts {
            for word in &command {
                ensure!(script.stdout.contains(word.as_str()), "{command:?} is not completed");
            }
        }
    }
    // It says what is so on every machine, whatever is set on this one.
    let mut set = millrace(&["man"])?;
    set.env("MILLRACE_LAKE", "hunter2");
    ensure!(!Ended::of(set)?.stdout.contains("hunter2"));
    Ok(())
}
