//! kill −9 at any moment of a run: nothing half is ever seen, and the run again makes everything exact.
//!
//! Where a run was is told by the log events that it had written when it died: each stands directly before the step
//! that it names, so the last ones are the truth however late the signal came.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_tests::program::{DAY, Ended, simulate};
use millrace_tests::whole_lake;

const LOG: &str = "off,millrace=trace,fetch_users=trace,land_events=trace";

/// Kills that have to hit each stage.
const HITS: usize = 10;
const ATTEMPTS: usize = 160;

/// Two pages, so that one is fetched while another is produced.
const USERS: u64 = 1_200;

/// Rounds after which a new lake is begun: the job of a run takes longer the more there is.
const ROUNDS_A_LAKE: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fetch,
    Produce,
    Land,
    Publish,
}

const STAGES: [Stage; 4] = [Stage::Fetch, Stage::Produce, Stage::Land, Stage::Publish];

impl Stage {
    /// Whether a log event tells of the beginning of this stage.
    fn begins_with(self, line: &str) -> bool {
        match self {
            Self::Fetch => line.contains("fetching a page"),
            Self::Produce => line.contains("producing a page"),
            Self::Land => line.contains("storing an object"),
            Self::Publish => all_transformed(line),
        }
    }

    fn ends_with(self, line: &str) -> bool {
        match self {
            Self::Fetch => line.contains("page fetched"),
            Self::Produce => line.contains("page produced"),
            Self::Land => line.contains("object landed"),
            // The record of the run tells that.
            Self::Publish => false,
        }
    }

    /// How often it begins in a run of [`USERS`].
    fn beginnings(self) -> u64 {
        match self {
            // The last one finds the end.
            Self::Fetch => 3,
            Self::Produce => 2,
            Self::Land => 6,
            Self::Publish => 1,
        }
    }

    /// About how long it takes, in µs, in a build without optimisation.
    fn length(self) -> u64 {
        match self {
            Self::Fetch => 20_000,
            Self::Produce => 30_000,
            Self::Land => 1_000,
            Self::Publish => 6_000,
        }
    }

    fn is_under_way(self, log: &[String]) -> bool {
        let begun = log.iter().filter(|line| self.begins_with(line)).count();
        begun > log.iter().filter(|line| self.ends_with(line)).count()
    }
}

/// `Transformed { rows: n, of: n }`: what follows is the publishing.
fn all_transformed(line: &str) -> bool {
    let Some((_, counts)) = line.split_once("Transformed { rows: ") else { return false };
    let counts = counts.trim_end().trim_end_matches(" }");
    counts.split_once(", of: ").is_some_and(|(rows, of)| rows == of && rows != "0")
}

/// The same kills in every test run, as far as the machine lets them be.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }
}

/// A run that ends when this is dropped.
struct Victim(Child);

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// When to kill.
enum Moment {
    /// So many µs behind the n-th beginning of the stage.
    In(Stage, u64, u64),
    /// So many µs behind the start.
    At(u64),
}

/// Runs and kills; answers the log up to the death. `None`: the run was over before.
fn kill(lake: &Path, seed: u64, moment: Moment) -> Result<Option<Vec<String>>> {
    let mut command = simulate(lake, USERS, seed, &["--broken", "2%", "--repeat", "5%"])?;
    let mut victim = Victim(command.env("MILLRACE_LOG", LOG).stdout(Stdio::null()).spawn()?);
    let mut lines = BufReader::new(victim.0.stderr.take().context("no standard error")?).lines();
    let mut log = Vec::new();
    let pause = match moment {
        Moment::At(pause) => pause,
        Moment::In(stage, mut beginnings, pause) => {
            for line in lines.by_ref() {
                let line = line?;
                beginnings -= u64::from(stage.begins_with(&line));
                log.push(line);
                if beginnings == 0 {
                    break;
                }
            }
            pause
        }
    };
    std::thread::sleep(Duration::from_micros(pause));
    victim.0.kill()?;
    for line in lines {
        log.push(line?);
    }
    // A kill that came late leaves the exit code of a run that ended by itself.
    let killed = victim.0.wait()?.code().is_none();
    Ok(killed.then_some(log))
}

fn published(lake: &Path) -> Option<(Vec<u8>, std::time::SystemTime)> {
    let path = lake.join(format!("_runs/raw-transformation/{DAY}.json"));
    Some((std::fs::read(&path).ok()?, path.metadata().ok()?.modified().ok()?))
}

#[test]
fn killed_at_any_moment_a_run_leaves_nothing_half_and_the_next_makes_it_exact() -> Result<()> {
    let mut dice = Dice(0x4d69_6c6c);
    let mut hits = [0; STAGES.len()];
    let (mut lake, mut kills) = (tempfile::tempdir()?, 0);
    for attempt in 0..ATTEMPTS {
        let Some(rarest) =
            (0..STAGES.len()).filter(|&stage| hits[stage] < HITS).min_by_key(|&stage| hits[stage])
        else {
            break;
        };
        let stage = STAGES[rarest];
        let moment = match attempt % 8 {
            7 => Moment::At(dice.below(1_000_000)),
            // The signal itself takes some time too.
            even if even % 2 == 0 => Moment::In(stage, 1 + dice.below(stage.beginnings()), 0),
            _ => Moment::In(stage, 1 + dice.below(stage.beginnings()), dice.below(stage.length())),
        };
        let before = published(lake.path());
        let Some(log) = kill(lake.path(), attempt as u64, moment)? else { continue };
        kills += 1;
        for (stage, hits) in STAGES.iter().zip(&mut hits) {
            let over = *stage == Stage::Publish && published(lake.path()) != before;
            *hits += usize::from(stage.is_under_way(&log) && !over);
        }
        whole_lake::check_whole(lake.path()).with_context(|| format!("after kill {kills}: {log:?}"))?;

        let again =
            Ended::of(simulate(lake.path(), USERS, attempt as u64, &["--broken", "2%", "--repeat", "5%"])?)?;
        let summary = again.summary(0)?;
        summary.check_hops()?;
        summary.check_tables()?;
        whole_lake::check(lake.path(), DAY)
            .with_context(|| format!("after the run behind kill {kills}: {log:?}"))?;
        whole_lake::check_positions(lake.path())
            .with_context(|| format!("after the run behind kill {kills}: {log:?}"))?;
        ensure!(whole_lake::generations(lake.path(), "users")?.len() == 1, "a kill began another generation");
        if kills % ROUNDS_A_LAKE == 0 {
            lake = tempfile::tempdir()?;
        }
    }
    println!("{kills} kills; hits of {STAGES:?}: {hits:?}");
    ensure!(hits.iter().all(|&hits| hits >= HITS), "{kills} kills hit {STAGES:?} only {hits:?} times");
    Ok(())
}
