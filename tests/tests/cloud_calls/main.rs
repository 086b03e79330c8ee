//! What the functions and jobs call of AWS and of Kafka, recorded while they work on MiniStack and on the embedded broker.
//!
//! infra/calls.json keeps it, and `cargo xtask infra rights` holds the roles to it. After a change:
//! `MILLRACE_UPDATE=1 cargo xtask test --test cloud_calls`.
//!
//! An emulator is not S3: it answers in the same ways, so that programs go on in the same ways, and asks for no right.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod bench;
mod recorder;

use std::process::Command;

use anyhow::{Result, ensure};
use millrace_skips::skipped;

use crate::bench::Bench;
use crate::recorder::{Recorder, as_file};

const MINISTACK: &str = "MILLRACE_TEST_MINISTACK";
/// Tells the child where MiniStack is.
const CHILD: &str = "CLOUD_CALLS_CHILD";
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/calls.json");

/// In a process of its own: the programs find AWS by its environment.
#[test]
fn the_file_of_calls_says_what_the_programs_call() -> Result<()> {
    let Ok(endpoint) = std::env::var(MINISTACK) else {
        skipped("calls of AWS", &format!("no MiniStack, {MINISTACK} is not set"));
        return Ok(());
    };
    let mut child = Command::new(std::env::current_exe()?);
    child.args(["--exact", "child", "--nocapture"]).env(CHILD, &endpoint);
    child
        .env("AWS_ENDPOINT_URL", &endpoint)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    child.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    ensure!(child.status()?.success(), "the programs' work failed, see above");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() -> Result<()> {
    let Ok(endpoint) = std::env::var(CHILD) else { return Ok(()) };
    let recorder = Recorder::start();
    let bench = Bench::new(&endpoint).await?;
    for program in ["create-topics", "fetch-users", "land-events", "replay-dead-letters", "compact-raw"] {
        recorder.of(program);
        bench.probe(program).await?;
    }
    recorder.of("create-topics");
    bench.create_topics().await?;
    recorder.of("fetch-users");
    bench.fetch().await?;

    // The first landing makes the lake, the second finds it, and somebody who was erased, and somebody who is about to be.
    recorder.of("land-events");
    bench.land(0).await?;
    recorder.nobody();
    bench.list_erased().await?;
    recorder.of("land-events");
    bench.land(1).await?;
    recorder.nobody();
    bench.land_part(0, 1).await?;
    bench.keep_dead_letters().await?;
    recorder.of("replay-dead-letters");
    bench.replay().await?;

    // A day, the same again, a start that comes too late to publish, and the day after more has landed.
    for (round, (as_of, started_at)) in [
        ("2026-02-03", "2026-02-04T00:30:00Z"),
        ("2026-02-03", "2026-02-04T01:30:00Z"),
        ("2026-02-03", "2026-02-04T00:45:00Z"),
        ("2026-02-04", "2026-02-05T00:30:00Z"),
    ]
    .into_iter()
    .enumerate()
    {
        recorder.nobody();
        match round {
            1 => bench.age_the_catalogue(as_of)?,
            3 => bench.land(2).await?,
            _ => {}
        }
        for job in bench::JOBS {
            recorder.of(bench::name(job));
            bench.probe_job().await?;
            bench.run(job, as_of, started_at).await?;
        }
        if round == 0 {
            // The day's last step: small objects become large ones; another time there is nothing to do.
            recorder.of("compact-raw");
            bench.compact(true).await?;
            bench.compact(false).await?;
        }
    }
    recorder.nobody();
    bench.forget_the_lake().await?;
    recorder.of("compact-raw");
    bench.compact(false).await?;
    // A lake that does not say yet that it is one.
    for job in bench::JOBS {
        recorder.nobody();
        bench.forget_the_lake().await?;
        recorder.of(bench::name(job));
        bench.run(job, "2026-02-04", "2026-02-05T02:30:00Z").await?;
    }
    recorder.nobody();
    bench.keep_versions().await?;
    recorder.of("eraser");
    bench.erase().await?;
    recorder.nobody();
    bench.keep_iceberg_tables().await?;

    let seen = as_file(&recorder.seen());
    if std::env::var_os("MILLRACE_UPDATE").is_some() {
        std::fs::write(FILE, &seen)?;
    }
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    ensure!(
        kept == seen,
        "infra/calls.json is not what the programs call, which is\n{seen}see the head of this test"
    );
    Ok(())
}
