//! Ctrl-C: where there is work to end in order a command says at once what it waits for, ends with it, says so in its JSON, and
//! leaves with the next Ctrl-C; where there is none it leaves with the first.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::topics::dead_letters_of;
use millrace_tests::program::{DAY, Ended, millrace, query_count, simulate};
use millrace_tests::running::{Running, SOON};
use millrace_tests::whole_lake;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

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

#[test]
fn a_run_that_is_making_its_tables_says_so_and_ends_with_them() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let mut command = simulate(lake.path(), 5_000, 3, &["--tidy"])?;
    command.env("MILLRACE_LOG", "off,millrace=trace");
    let mut run = Running::start(command)?;
    run.says("raw-transformation")?;
    run.signal(Signal::SIGINT)?;
    run.says("stopping: the tables are made (Ctrl-C again leaves at once)")?;
    ensure!(run.ends_within(SOON * 3)? == Some(130), "{}", run.stderr);
    let summary: Value = serde_json::from_str(&run.stdout)?;
    ensure!(summary["interrupted"] == true && summary["tables"]["users_transformed"] == 5_000, "{summary}");
    Ok(())
}

#[test]
fn a_job_says_that_it_published_nothing() -> Result<()> {
    let lake = tempfile::tempdir()?;
    Ended::of(simulate(lake.path(), 5_000, 3, &[])?)?.summary(0)?;
    let job = ["job", "raw-transformation", "--as-of", "2026-02-01", "--json", "--lake"];
    let mut command = millrace(&job)?;
    command.arg(lake.path()).env("MILLRACE_LOG", "off,millrace=trace");
    let mut job = Running::start(command)?;
    job.says("raw-transformation")?;
    job.signal(Signal::SIGINT)?;
    job.says("stopping: what is being made is dropped, and not published")?;
    ensure!(job.ends_within(SOON)? == Some(130), "{}", job.stderr);
    let told: Value = serde_json::from_str(&job.stdout)?;
    ensure!(told["interrupted"] == true && told["published"] == false, "{told}");
    let days = "SELECT COUNT(DISTINCT processing_date) AS n FROM users_transformed";
    ensure!(query_count(lake.path(), days)? == 1, "a day was published");
    Ok(())
}

/// A place where somebody listens and never says a word; tells of whoever comes.
fn silence() -> Result<(String, std::sync::mpsc::Receiver<TcpStream>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let (sender, came) = std::sync::mpsc::channel();
    std::thread::spawn(move || listener.incoming().flatten().try_for_each(|stream| sender.send(stream)));
    Ok((address, came))
}

/// Ends with the first Ctrl-C, before there is anything to wait for.
#[test]
fn whoever_waits_for_a_server_that_is_silent_leaves_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake").to_string_lossy().into_owned();
    let (address, came) = silence()?;
    let url = format!("http://{address}");
    let all: [&[&str]; 10] = [
        &["topics", "--brokers", &address],
        &["peek", "ad_events", "--brokers", &address],
        &["peek", "ad_events", "--brokers", &address, "--follow"],
        &["simulate", "--brokers", &address],
        &["simulate", "--brokers", &address, "--registry", &url],
        &["land", "--brokers", &address, "--generation", "g1", "--lake", &lake],
        &["dev", "--brokers", &address],
        &["run", "--source", "simulator", "--brokers", &address, "--generation", "g1", "--lake", &lake],
        &["schema", "check", "--registry", &url],
        &["schema", "register", "--registry", &url],
    ];
    for arguments in all {
        let mut running = Running::start(millrace(arguments)?)?;
        let _held = came.recv_timeout(SOON).with_context(|| format!("{arguments:?} asks nobody"))?;
        running.signal(Signal::SIGINT)?;
        let code = running.ends_within(Duration::from_secs(3)).with_context(|| format!("{arguments:?}"))?;
        ensure!(code == Some(130), "{arguments:?} ended with {code:?}: {}", running.stderr);
        ensure!(running.stderr.is_empty(), "{arguments:?}: {}", running.stderr);
        while came.try_recv().is_ok() {}
    }
    Ok(())
}

#[test]
fn what_only_reads_leaves_at_once_and_leaves_no_half_a_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    Ended::of(simulate(folder.path(), 3_000, 3, &[])?)?.summary(0)?;
    let lake = folder.path().to_string_lossy().into_owned();
    let output = folder.path().join("pairs.csv");
    let (partial, output) = (folder.path().join("pairs.csv.partial"), output.to_string_lossy().into_owned());
    let endless =
        "SELECT a.id FROM users_transformed a CROSS JOIN users_transformed b CROSS JOIN users_transformed c";
    let mut query = Running::start(millrace(&["query", endless, "--lake", &lake, "--output", &output])?)?;
    for _ in 0..1_000 {
        if partial.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    ensure!(partial.exists(), "it does not begin: {}", query.stderr);
    query.signal(Signal::SIGINT)?;
    ensure!(query.ends_within(Duration::from_secs(3))? == Some(130), "{}", query.stderr);
    ensure!(!partial.exists() && !folder.path().join("pairs.csv").exists(), "half a file stayed");
    Ok(())
}

#[test]
fn a_simulation_tells_what_it_sent() -> Result<()> {
    let mut simulation = Running::start(millrace(&["simulate", "--rate", "100/s", "--json"])?)?;
    simulation.says("content_type")?;
    simulation.signal(Signal::SIGINT)?;
    simulation.says("stopping: the records that were made are written")?;
    ensure!(simulation.ends_within(SOON)? == Some(130), "{}", simulation.stderr);
    let told = simulation.stderr.lines().find(|line| line.starts_with('{')).context("no JSON")?;
    ensure!(serde_json::from_str::<Value>(told)?["interrupted"] == true, "{told}");
    let whole = simulation.stdout.lines().all(|line| serde_json::from_str::<Value>(line).is_ok());
    ensure!(whole && simulation.stdout.ends_with('\n'), "half a line was written");
    Ok(())
}

#[test]
fn a_backfill_says_which_days_are_undone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    Ended::of(simulate(folder.path(), 300, 3, &[])?)?.summary(0)?;
    let lake = folder.path().to_string_lossy().into_owned();
    let backfill = ["backfill", "--from", "2026-02-01", "--to", "2028-12-31", "--json", "--lake", &lake];
    let mut backfill = Running::start(millrace(&backfill)?)?;
    backfill.says("2026-02-02")?;
    backfill.signal(Signal::SIGTERM)?;
    backfill.says("stopping: what is being made is dropped, and not published")?;
    ensure!(backfill.ends_within(SOON)? == Some(130), "{}", backfill.stderr);
    let last: Value = serde_json::from_str(backfill.stdout.lines().last().context("no line")?)?;
    ensure!(last["interrupted"] == true && last["undone"]["to"] == "2028-12-31", "{last}");
    let from = last["undone"]["from"].as_str().context("no day")?;
    ensure!(
        backfill.stderr.contains(&format!("undone: --from {from} --to 2028-12-31")),
        "{}",
        backfill.stderr
    );
    // A day whose jobs were told of is done, unless it is the one at which it was interrupted.
    let told = backfill.stdout.lines().filter(|line| line.contains("time-series-analysis")).count();
    let days: Vec<_> = (0..)
        .map_while(|n| chrono::NaiveDate::from_ymd_opt(2026, 2, 1)?.checked_add_days(chrono::Days::new(n)))
        .take(told + 1)
        .collect();
    ensure!(days[told].to_string() == from, "{told} days are told as done, and {from} is the first undone");
    Ok(())
}

/// Records of one topic, and of its dead letters none.
fn broker_with_records() -> Result<EmbeddedBroker> {
    let broker = EmbeddedBroker::start()?;
    broker.create_topic("user_interactions", 2)?;
    broker.create_topic(&dead_letters_of("user_interactions"), 1)?;
    let brokers = broker.brokers();
    let simulate = ["simulate", "--streams", "interactions", "--events", "300", "--brokers", &brokers];
    ensure!(Ended::of(millrace(&simulate)?)?.code == Some(0));
    Ok(broker)
}

#[test]
fn a_landing_lands_what_it_took() -> Result<()> {
    let (broker, lake) = (broker_with_records()?, tempfile::tempdir()?);
    let mut command = millrace(&["land", "--brokers", &broker.brokers(), "--generation", "g1", "--json"])?;
    command.args(["--topics", "user_interactions", "--age", "1", "--lake"]).arg(lake.path());
    command.env("MILLRACE_LOG", "off,land_events=debug");
    let mut land = Running::start(command)?;
    land.says("object landed")?;
    land.signal(Signal::SIGINT)?;
    land.says("stopping: what was taken lands and is committed (Ctrl-C again leaves at once)")?;
    ensure!(land.ends_within(SOON)? == Some(130), "{}", land.stderr);
    let told: Value = serde_json::from_str(&land.stdout)?;
    ensure!(told["interrupted"] == true && told["rows"] == 300 && told["dead_letters"] == 0, "{told}");
    Ok(())
}

#[test]
fn a_mapping_does_not_wait_for_a_function_that_is_not_there() -> Result<()> {
    let broker = broker_with_records()?;
    // Bound and left: nobody listens.
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let endpoint = format!("http://{nobody}");
    let dev = [
        "dev",
        "--brokers",
        &broker.brokers(),
        "--topics",
        "user_interactions",
        "--endpoint",
        &endpoint,
        "--json",
    ];
    let mut dev = Running::start(millrace(&dev)?)?;
    dev.says("function_not_invoked")?;
    // Some attempts and longer pauses on.
    std::thread::sleep(Duration::from_secs(3));
    dev.signal(Signal::SIGINT)?;
    dev.says("stopping: ")?;
    ensure!(dev.ends_within(Duration::from_secs(5))? == Some(130), "{}", dev.stderr);
    let told: Value = serde_json::from_str(&dev.stdout)?;
    ensure!(told["interrupted"] == true && told["done"] == 0 && told["left"] == told["read"], "{told}");
    ensure!(dev.stderr.matches("function_not_invoked").count() == 1, "{}", dev.stderr);
    Ok(())
}

#[test]
fn a_mapping_says_that_it_waits_for_an_answer_and_leaves_with_the_next() -> Result<()> {
    let broker = broker_with_records()?;
    let (address, came) = silence()?;
    let endpoint = format!("http://{address}");
    let dev =
        ["dev", "--brokers", &broker.brokers(), "--topics", "user_interactions", "--endpoint", &endpoint];
    let mut dev = Running::start(millrace(&dev)?)?;
    let _held = came.recv_timeout(SOON).context("the function is not invoked")?;
    dev.signal(Signal::SIGINT)?;
    dev.says("stopping: land-events answers what it was given (Ctrl-C again leaves at once)")?;
    std::thread::sleep(Duration::from_secs(2));
    dev.signal(Signal::SIGINT)?;
    ensure!(dev.ends_within(Duration::from_secs(3))? == Some(130), "{}", dev.stderr);
    Ok(())
}
