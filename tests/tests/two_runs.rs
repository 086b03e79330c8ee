//! Two runs at once into one lake: both add up, and the tables are whole those of the one whose job started later.

use std::path::Path;
use std::process::Child;

use anyhow::{Context, Result, ensure};
use millrace_lake::{FolderStore, Key, Store};
use millrace_tests::program::{DAY, Ended, simulate};
use millrace_tests::{letters, whole_lake};

const USERS: u64 = 1_500;
const ROUNDS: u64 = 3;

fn start(lake: &Path, seed: u64) -> Result<Child> {
    let mut command = simulate(lake, USERS, seed, &["--broken", "1%", "--repeat", "5%"])?;
    Ok(command.env("MILLRACE_LOG", "off,millrace=debug").spawn()?)
}

/// The start of the run's job, in µs, as its log event tells it.
fn job_started_at(ended: &Ended) -> Result<i64> {
    let line = ended.stderr.lines().find(|line| line.contains("raw-transformation starts"));
    let (_, rest) = line.and_then(|line| line.split_once("started_at=")).context("no job started")?;
    Ok(rest.split_whitespace().next().unwrap_or_default().parse()?)
}

/// Waits until both jobs write their tables: neither can publish them, for the lock that they need is held by us.
fn wait_for_both_jobs(lake: &Path, runs: &mut [Child]) -> Result<()> {
    let temporary = || -> Result<usize> {
        let files = whole_lake::files(&lake.join("curated/users_transformed"))?;
        Ok(files.iter().filter(|path| path.to_string_lossy().contains(".millrace-tmp-")).count())
    };
    while temporary()? < runs.len() {
        for run in &mut *runs {
            ensure!(run.try_wait()?.is_none(), "a run ended before it could publish");
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ok(())
}

#[tokio::test]
async fn of_two_runs_at_once_the_later_started_job_wins_whole() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let store = FolderStore::new(lake.path());
    let (mut rejected, mut landed) = (0, 0);
    for round in 0..ROUNDS {
        // Both wait for it, so who publishes first is left to chance.
        let lock = store.lock(&Key::new(format!("_locks/raw-transformation/{DAY}"))?).await?;
        let mut runs = [start(lake.path(), 2 * round)?, start(lake.path(), 2 * round + 1)?];
        wait_for_both_jobs(lake.path(), &mut runs)?;
        drop(lock);
        let mut started = Vec::new();
        for run in runs {
            let ended = Ended::from(run.wait_with_output()?);
            let summary = ended.summary(0)?;
            summary.check_hops()?;
            summary.check_tables()?;
            started.push((job_started_at(&ended)?, summary.0["published"] == true));
            rejected += summary.count("rejected")?;
            landed += summary.count("landed")?;
        }
        started.sort_unstable();
        let record = whole_lake::run_record(lake.path(), DAY)?;
        let (latest, published) = started[1];
        ensure!(published, "the run whose job started later did not publish");
        ensure!(
            record["started_at"].as_i64() == Some(latest),
            "the tables are of the earlier job: {started:?}"
        );
        whole_lake::check_whole(lake.path())?;
        whole_lake::check_swept(lake.path())?;
        whole_lake::check_tables(lake.path(), DAY, whole_lake::inputs(lake.path(), &record)?)?;
    }
    let last = Ended::of(simulate(lake.path(), USERS, 2 * ROUNDS, &[])?)?.summary(0)?;
    last.check_tables()?;
    ensure!(last.count("raw_rows")? == landed + USERS, "{} raw rows", last.count("raw_rows")?);
    ensure!(letters::all(lake.path())?.len() as u64 == rejected, "dead letters were lost or doubled");
    ensure!(whole_lake::generations(lake.path(), "users")?.len() == 1, "two runs at once are one generation");
    whole_lake::check_positions(lake.path())?;
    whole_lake::check(lake.path(), DAY)
}
