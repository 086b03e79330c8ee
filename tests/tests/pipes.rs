//! Whoever reads a command's output may leave, as `| head` does: what only writes ends quietly, and work is done to its end.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use millrace_events::event_catalogue;
use millrace_stream::embedded::EmbeddedBroker;
use millrace_stream::topics::dead_letters_of;
use millrace_tests::commands::commands;
use millrace_tests::program::{DAY, Ended, millrace, query_count, simulate};

/// A lake with tables, and a broker with records.
struct World {
    folder: tempfile::TempDir,
    broker: EmbeddedBroker,
}

impl World {
    fn make() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let broker = EmbeddedBroker::start()?;
        for event in event_catalogue::events() {
            broker.create_topic(event.topic(), 2)?;
            broker.create_topic(&dead_letters_of(event.topic()), 1)?;
        }
        let world = Self { folder, broker };
        Ended::of(simulate(Path::new(&world.lake()), 300, 5, &[])?)?.summary(0)?;
        world.ends_well(&[
            "simulate",
            "--streams",
            "interactions",
            "--events",
            "500",
            "--brokers",
            "BROKERS",
        ])?;
        Ok(world)
    }

    fn lake(&self) -> String {
        self.folder.path().join("lake").to_string_lossy().into_owned()
    }

    /// `LAKE`, `BROKERS` and `OTHER`, a lake of its own, are put in.
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let other = self.folder.path().join("other").to_string_lossy().into_owned();
        let put_in = |argument: &&str| match *argument {
            "LAKE" => self.lake(),
            "OTHER" => other.clone(),
            "BROKERS" => self.broker.brokers(),
            argument => argument.to_owned(),
        };
        let arguments: Vec<_> = arguments.iter().map(put_in).collect();
        millrace(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn ends_well(&self, arguments: &[&str]) -> Result<Ended> {
        let ended = Ended::of(self.command(arguments)?)?;
        ensure!(ended.code == Some(0), "{arguments:?}: {}", ended.stderr);
        Ok(ended)
    }
}

/// A pipe that nobody reads.
fn unread() -> Result<Stdio> {
    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    Ok(writer.into())
}

/// What each command is called with here, and whether it does nothing but write.
fn arguments(command: &[String]) -> Result<(Vec<&'static str>, bool)> {
    let words: Vec<_> = command.iter().map(String::as_str).collect();
    Ok(match words.as_slice() {
        ["run"] => (vec!["run", "--users", "200", "--source", "simulator", "--lake", "OTHER"], false),
        ["query"] => (vec!["query", "SELECT * FROM raw_users", "--format", "csv", "--lake", "LAKE"], true),
        // Nobody would end it: it is refused, as everybody could read the lake.
        ["serve"] => (vec!["serve", "--sql", "0.0.0.0:0", "--lake", "LAKE"], false),
        ["tables"] => (vec!["tables", "--schema", "--lake", "LAKE"], true),
        ["simulate"] => (vec!["simulate", "--events", "5000"], true),
        ["land"] => (
            vec![
                "land",
                "--brokers",
                "BROKERS",
                "--generation",
                "g1",
                "--lake",
                "OTHER",
                "--until-idle",
                "1",
            ],
            false,
        ),
        // An empty topic: there is no function here.
        ["dev"] => (vec!["dev", "--brokers", "BROKERS", "--topics", "ad_events", "--until-idle", "1"], false),
        ["topics"] => (vec!["topics", "--brokers", "BROKERS", "--partitions"], true),
        ["peek"] => (vec!["peek", "user_interactions", "--brokers", "BROKERS", "--decode"], true),
        ["schema", "list"] => (vec!["schema", "list", "--json"], false),
        // No registry is named: their errors are what is written.
        ["schema", "check"] => (vec!["schema", "check"], false),
        ["schema", "register"] => (vec!["schema", "register"], false),
        ["compact"] => (vec!["compact", "--lake", "LAKE"], false),
        ["adopt"] => (vec!["adopt", "--lake", "LAKE"], false),
        ["vacuum"] => (vec!["vacuum", "--lake", "LAKE"], false),
        // No table has such a snapshot: its error is what is written.
        ["rollback"] => (vec!["rollback", "users_transformed", "1", "--lake", "LAKE"], false),
        ["erase"] => (vec!["erase", "nobody", "--lake", "LAKE"], false),
        ["job"] => (vec!["job", "time-series-analysis", "--as-of", DAY, "--lake", "LAKE"], false),
        ["backfill"] => (vec!["backfill", "--from", DAY, "--to", DAY, "--lake", "LAKE"], false),
        ["export"] => (vec!["export", "users_transformed", "--lake", "LAKE"], true),
        ["snowflake", "plan"] => (vec!["snowflake", "plan", "--offline", "--sql", "../sql"], false),
        ["snowflake", "deploy"] => (vec!["snowflake", "deploy", "--sql", "../sql"], false),
        ["snowflake", "query"] => (vec!["snowflake", "query", "SELECT 1 AS n", "--sql", "../sql"], false),
        ["snowflake", "check"] => (vec!["snowflake", "check", "--offline", "--sql", "../sql"], false),
        ["validate"] => (vec!["validate", "--offline", "--root", ".."], false),
        ["settings"] => (vec!["settings"], true),
        ["completions"] => (vec!["completions", "zsh"], true),
        ["man"] => (vec!["man"], true),
        _ => bail!("{command:?} is new: say here how it is called, and whether it only writes"),
    })
}

#[test]
fn every_command_ends_quietly_without_a_reader() -> Result<()> {
    let world = World::make()?;
    let commands = commands()?;
    for command in commands {
        let (arguments, only_writes) = arguments(&command)?;
        let read = Ended::of(world.command(&arguments)?)?;
        ensure!(
            matches!(read.code, Some(0 | 1)),
            "{arguments:?} ended with {:?}: {}",
            read.code,
            read.stderr
        );
        ensure!(only_writes <= (read.code == Some(0)), "{arguments:?}: {}", read.stderr);

        let mut without_stdout = world.command(&arguments)?;
        without_stdout.stdout(unread()?);
        let ended = Ended::of(without_stdout)?;
        ensure!(ended.code == read.code, "{arguments:?} into nothing: {:?} {}", ended.code, ended.stderr);
        for word in ["panicked", "roken pipe", "standard output"] {
            ensure!(!ended.stderr.contains(word), "{arguments:?} is not quiet: {}", ended.stderr);
        }

        let mut without_stderr = world.command(&[&["-vvv"], arguments.as_slice()].concat())?;
        without_stderr.stderr(unread()?);
        let ended = Ended::of(without_stderr)?;
        ensure!(ended.code == read.code, "{arguments:?} without standard error: {:?}", ended.code);
        ensure!(read.stdout.is_empty() == ended.stdout.is_empty(), "{arguments:?} said {:?}", ended.stdout);

        let mut without_both = world.command(&arguments)?;
        without_both.stdout(unread()?).stderr(unread()?);
        let ended = Ended::of(without_both)?;
        ensure!(ended.code == read.code, "{arguments:?} without any reader: {:?}", ended.code);
    }
    Ok(())
}

/// Starts the command, reads a line of what it writes and leaves.
fn head(mut command: Command) -> Result<(String, Child)> {
    let mut child = command.spawn()?;
    let mut out = BufReader::new(child.stdout.take().context("no standard output")?);
    let mut line = String::new();
    out.read_line(&mut line)?;
    Ok((line, child))
}

fn ends_within(mut child: Child, patience: Duration) -> Result<Ended> {
    let begin = Instant::now();
    while child.try_wait()?.is_none() {
        if begin.elapsed() > patience {
            child.kill()?;
            bail!("it did not end within {patience:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(child.wait_with_output()?.into())
}

#[test]
fn what_only_writes_ends_with_its_reader() -> Result<()> {
    let world = World::make()?;
    let follow = ["peek", "user_interactions", "--brokers", "BROKERS", "--from", "beginning", "--follow"];
    let all = [
        // Without an end.
        &["simulate"][..],
        &["simulate", "--rate", "2000/s"],
        // Nothing more comes that it could notice by.
        &follow,
        &[
            "query",
            "SELECT a.id FROM users_transformed a CROSS JOIN users_transformed b",
            "--format",
            "csv",
            "--lake",
            "LAKE",
        ],
        &[
            "query",
            "SELECT a.id FROM users_transformed a CROSS JOIN users_transformed b",
            "--format",
            "json",
            "--lake",
            "LAKE",
        ],
        &["tables", "--json", "--lake", "LAKE"],
    ];
    for arguments in all {
        let (line, child) = head(world.command(arguments)?)?;
        ensure!(!line.is_empty(), "{arguments:?} wrote nothing");
        let ended = ends_within(child, Duration::from_secs(20)).with_context(|| format!("{arguments:?}"))?;
        ensure!(ended.code == Some(0), "{arguments:?}: {:?} {}", ended.code, ended.stderr);
        ensure!(!ended.stderr.contains("error"), "{arguments:?}: {}", ended.stderr);
    }
    Ok(())
}

#[test]
fn a_backfill_whose_reader_left_finishes_its_days() -> Result<()> {
    let world = World::make()?;
    let backfill = ["backfill", "--from", "2026-02-01", "--to", "2026-02-04", "--json", "--lake", "LAKE"];
    let (line, child) = head(world.command(&backfill)?)?;
    ensure!(line.contains("2026-02-01"), "{line}");
    let ended = ends_within(child, Duration::from_secs(120))?;
    ensure!(ended.code == Some(0), "{:?} {}", ended.code, ended.stderr);
    let days = "SELECT COUNT(DISTINCT processing_date) AS n FROM fact_registration_trends";
    // Those, and the day of the lake's run.
    ensure!(query_count(Path::new(&world.lake()), days)? == 5, "days are missing");
    Ok(())
}

#[test]
fn a_full_disk_is_no_reader_that_left() -> Result<()> {
    let world = World::make()?;
    for arguments in [
        &["tables", "--lake", "LAKE"][..],
        &["job", "time-series-analysis", "--as-of", DAY, "--lake", "LAKE"],
    ] {
        let mut command = world.command(arguments)?;
        command.stdout(std::fs::File::options().write(true).open("/dev/full")?);
        Ended::of(command)?.refusal(1, &["standard output could not be written"])?;
    }
    Ok(())
}

/// At a terminal, its answers read by somebody who leaves after the first line.
#[test]
fn the_prompt_ends_with_its_reader() -> Result<()> {
    let world = World::make()?;
    let terminal = nix::pty::openpty(None, None)?;
    let mut command = world.command(&["query", "--lake", "LAKE"])?;
    command.stdin(Stdio::from(terminal.slave.try_clone()?));
    command.env("XDG_STATE_HOME", world.folder.path());
    let (line, child) = head(command)?;
    ensure!(line.contains(".help"), "{line}");
    let mut typed = std::fs::File::from(terminal.master);
    // Read, so that its echo does not fill the terminal.
    let mut shown = typed.try_clone()?;
    std::thread::spawn(move || {
        let mut bytes = [0; 1_024];
        while shown.read(&mut bytes).is_ok_and(|read| read > 0) {}
    });
    typed.write_all(b".tables\nSELECT COUNT(*) AS n FROM raw_users;\n")?;
    let ended = ends_within(child, Duration::from_secs(20))?;
    ensure!(ended.code == Some(0), "{:?} {}", ended.code, ended.stderr);
    ensure!(!ended.stderr.contains("error"), "{}", ended.stderr);
    Ok(())
}
