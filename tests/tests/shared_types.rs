//! Records of Confluent's own clients, whose schemas refer to other subjects of a real registry: told by `peek`, landed by `land`.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use millrace_skips::skipped;
use millrace_tests::program::{Ended, millrace};
use serde_json::Value;

#[test]
fn schemas_that_refer_to_others_are_read_as_their_clients_wrote_them() -> Result<()> {
    let check = "records of Confluent's clients, with references";
    let of = |name: &str| std::env::var(name).ok();
    let (Some(brokers), Some(registry), Some(python)) =
        (of("MILLRACE_TEST_KAFKA"), of("MILLRACE_TEST_REGISTRY_URL"), of("MILLRACE_PYTHON"))
    else {
        skipped(check, "no Kafka, no registry or no Python; `cargo xtask test` starts them");
        return Ok(());
    };
    let has = Command::new(&python).args(["-c", "import confluent_kafka"]).stderr(Stdio::null()).status()?;
    if !has.success() {
        skipped(check, "MILLRACE_PYTHON has no confluent_kafka");
        return Ok(());
    }
    let mark = format!("shared{}", std::process::id());
    let run_with = |registry: Option<&str>, arguments: &[&str]| -> Result<Ended> {
        let mut command = millrace(arguments)?;
        command.env("MILLRACE_BROKERS", &brokers);
        if let Some(registry) = registry {
            command.env("MILLRACE_REGISTRY_URL", registry);
        }
        let ended = Ended::of(command)?;
        ensure!(ended.code == Some(0), "{arguments:?} ended with {:?}: {}", ended.code, ended.stderr);
        Ok(ended)
    };
    let run = |arguments: &[&str]| run_with(Some(&registry), arguments);
    // The topic is made as the program makes it; without the registry, where other tests may hold ad_events-value in an encoding of theirs.
    run_with(None, &["simulate", "--streams", "ads", "--events", "1", "--format", "json"])?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/shared_types.py");
    let mut client = Command::new(&python);
    let produced = Ended::of({
        client.arg(script).args([&brokers, &registry, &mark]);
        client
    })?;
    ensure!(produced.stdout.trim() == "12", "the clients failed: {}", produced.stderr);

    let told = run(&["peek", "ad_events", "--decode"])?.stdout;
    let lines = told.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let ours: Vec<_> =
        lines.iter().filter(|line| line["key"].as_str().is_some_and(|key| key.starts_with(&mark))).collect();
    ensure!(ours.len() == 12, "{} of 12 records are there", ours.len());
    for line in &ours {
        let value = &line["value"];
        ensure!(value["user_id"] == line["key"] && value["cost_micros"] == 17, "{line}");
        ensure!(value["action"] == "CLICK", "{line}");
    }

    let lake = tempfile::tempdir()?;
    let folder = lake.path().join("lake").to_string_lossy().into_owned();
    let group = format!("group-{mark}");
    run(&[
        "land",
        "--generation",
        "g1",
        "--lake",
        &folder,
        "--topics",
        "ad_events",
        "--group",
        &group,
        "--until-idle",
        "8",
    ])?;
    let sql =
        format!("SELECT COUNT(*) AS n FROM raw_ad_events WHERE user_id LIKE '{mark}-%' AND action = 'CLICK'");
    let rows = run(&["query", &sql, "--format", "csv", "--lake", &folder])?;
    ensure!(rows.stdout.lines().nth(1).context("a row")?.trim() == "12", "{}", rows.stdout);
    Ok(())
}
