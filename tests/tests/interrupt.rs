//! Ctrl-C ends a run in order: what was fetched lands, the tables are made, and the summary says that it was cut short.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};

use anyhow::{Context, Result, ensure};
use millrace_tests::program::{DAY, Ended, simulate};
use millrace_tests::whole_lake;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const USERS: u64 = 2_000_000;

#[test]
fn a_run_cut_short_lands_what_it_fetched_and_makes_the_tables() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let mut command = simulate(lake.path(), USERS, 3, &["--broken", "1%", "--repeat", "5%"])?;
    let mut run = command.env("MILLRACE_LOG", "off,fetch_users=trace").spawn()?;
    let mut stderr = BufReader::new(run.stderr.take().context("no standard error")?);
    let mut line = String::new();
    let mut produced = 0;
    while produced < 3 {
        line.clear();
        ensure!(stderr.read_line(&mut line)? > 0, "the run ended by itself");
        produced += usize::from(line.contains("page produced"));
    }
    kill(Pid::from_raw(run.id().try_into()?), Signal::SIGINT)?;
    let mut said = String::new();
    stderr.read_to_string(&mut said)?;
    let ended = Ended { stderr: said, ..Ended::from(run.wait_with_output()?) };

    let summary = ended.summary(130)?;
    ensure!(summary.0["interrupted"] == true, "{}", summary.0);
    ensure!(ended.stderr.contains("stopping"), "{}", ended.stderr);
    summary.check_hops()?;
    summary.check_tables()?;
    let fetched = summary.count("fetched")?;
    ensure!((3_000..USERS).contains(&fetched), "{fetched} users were fetched");
    let letters = millrace_tests::letters::of_generation(lake.path(), summary.generation()?)?;
    ensure!(letters.len() as u64 == summary.count("rejected")? + summary.count("dead_lettered")?);
    whole_lake::check(lake.path(), DAY)
}
