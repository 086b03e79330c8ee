//! `millrace serve`: who may connect, what is told, how it ends. What it answers is tested in crates/sql.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use millrace_tests::program::{Ended, TIDY, millrace, simulate};
use millrace_tests::running::{Running, SOON};
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

const USERS: &str = "[analyst]\npassword = \"sesame\"\nreads = \"without-persons\"\n\n[Owner]\npassword = \"öppna\"\nreads = \"all\"\n";

fn lake() -> Result<tempfile::TempDir> {
    let lake = tempfile::tempdir()?;
    Ended::of(simulate(lake.path(), 1_000, 7, &[TIDY])?)?.summary(0)?;
    Ok(lake)
}

fn users(folder: &Path, mode: u32) -> Result<String> {
    let path = folder.join("users.toml");
    std::fs::write(&path, USERS)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
    Ok(path.to_str().context("a path of text")?.to_owned())
}

/// The server, and its port.
fn serve(lake: &Path, more: &[&str]) -> Result<(Running, u16)> {
    let mut command = millrace(&["serve", "--sql", "127.0.0.1:0", "--json", "--lake"])?;
    command.arg(lake).args(more);
    let mut serving = Running::start(command)?;
    serving.says("\"sql\"")?;
    let told: Value = serde_json::from_str(&serving.stdout)?;
    let port = told["sql"].as_str().and_then(|address| address.rsplit_once(':')).context("an address")?.1;
    Ok((serving, port.parse()?))
}

async fn connect(port: u16, user: &str, password: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user(user).password(password).dbname("lake");
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn asked(client: &Client, sql: &str) -> Result<String, tokio_postgres::Error> {
    let rows = client.simple_query(sql).await?.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    Ok(rows.collect::<Vec<_>>().join("\n"))
}

#[tokio::test]
async fn users_read_what_their_file_says_and_the_log_has_no_literals() -> Result<()> {
    let lake = lake()?;
    let folder = tempfile::tempdir()?;
    let (mut serving, port) = serve(lake.path(), &["--sql-users", &users(folder.path(), 0o600)?])?;
    ensure!(connect(port, "analyst", "guess").await.is_err());
    let owner = connect(port, "Owner", "öppna").await?;
    ensure!(
        asked(&owner, "select count(*) from users_transformed_latest where city <> 'Atlantis'").await?
            == "1000"
    );
    let analyst = connect(port, "analyst", "sesame").await?;
    let error = asked(&analyst, "select * from users_transformed").await.unwrap_err();
    ensure!(error.code().is_some_and(|code| code.code() == "42501"), "{error:?}");
    ensure!(
        !asked(&analyst, "select sum(user_count) from fact_geographic_analysis_latest").await?.is_empty()
    );
    serving.signal(Signal::SIGINT)?;
    ensure!(serving.ends_within(SOON)? == Some(130), "{}", serving.stderr);
    let log = &serving.stderr;
    ensure!(log.contains("user=\"Owner\"") && log.contains("city <> ?") && log.contains("42501"), "{log}");
    for secret in ["Atlantis", "sesame", "öppna", "guess"] {
        ensure!(!log.contains(secret), "{secret} is in the log: {log}");
    }
    Ok(())
}

#[tokio::test]
async fn each_statement_sees_the_lake_as_it_is_then() -> Result<()> {
    let lake = lake()?;
    let (mut serving, port) = serve(lake.path(), &[])?;
    let client = connect(port, "me", "").await?;
    let days = "select count(distinct processing_date) from users_transformed";
    ensure!(asked(&client, days).await? == "1");
    let job = ["job", "raw-transformation", "--as-of", "2026-02-01", "--json", "--lake"];
    let mut command = millrace(&job)?;
    command.arg(lake.path());
    let ended = Ended::of(command)?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    ensure!(asked(&client, days).await? == "2");
    // A statement's work ends with the server.
    let heavy = "select count(*) from generate_series(1, 3000000) a, generate_series(1, 3000000) b where a.value * b.value % 7 = 3";
    let running = tokio::spawn(async move { asked(&client, heavy).await });
    let other = connect(port, "me", "").await?;
    ensure!(asked(&other, "select 1").await? == "1");
    serving.signal(Signal::SIGTERM)?;
    ensure!(serving.ends_within(SOON)? == Some(130), "{}", serving.stderr);
    ensure!(running.await?.is_err());
    Ok(())
}

/// The page's statements, each as a person would paste it into psql.
#[tokio::test]
async fn the_recipes_of_the_docs_are_answered() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let streams = ["--streams", "all", "--events", "3000"];
    Ended::of(simulate(lake.path(), 300, 7, &streams)?)?.summary(0)?;
    let (_serving, port) = serve(lake.path(), &[])?;
    let client = connect(port, "me", "").await?;
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sql.md");
    let page = std::fs::read_to_string(page)?;
    let recipes =
        page.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).context("no recipes")?;
    let mut answered = 0;
    for recipe in recipes.split("-- ").filter(|recipe| !recipe.trim().is_empty()) {
        let (what, sql) = recipe.split_once('\n').context("a statement below its line")?;
        let rows = client.simple_query(sql).await.with_context(|| what.to_owned())?;
        let rows = rows.iter().filter(|message| matches!(message, SimpleQueryMessage::Row(_))).count();
        ensure!(rows > 0, "{what}: no row");
        answered += 1;
    }
    ensure!(answered == 10, "{answered} recipes");
    Ok(())
}

#[test]
fn what_would_leave_the_lake_open_is_refused() -> Result<()> {
    let lake = lake()?;
    let folder = tempfile::tempdir()?;
    let open = users(folder.path(), 0o644)?;
    let lake = lake.path().to_str().context("a path of text")?;
    for (arguments, said) in [
        (&["--sql", "0.0.0.0:0"][..], "no users are set"),
        (&["--sql", "127.0.0.1:0", "--sql-users", &open], "chmod 600"),
        (&["--sql", "127.0.0.1:0", "--sql-tls-cert", &open], "--sql-tls-key"),
        (
            &["--sql", "127.0.0.1:0", "--sql-tls-cert", &open, "--sql-tls-key", &open],
            "there is no CERTIFICATE",
        ),
        (&["--sql", "127.0.0.1:0", "--sql-connections", "0"], "0 is not in 1.."),
        (&["--sql", "here"], "--sql"),
        (&[], "--sql"),
    ] {
        let ended = Ended::of(millrace(&[&["serve", "--lake", lake], arguments].concat())?)?;
        ensure!(ended.code != Some(0) && ended.stderr.contains(said), "{arguments:?}: {}", ended.stderr);
        ensure!(!ended.stderr.contains("sesame"), "{}", ended.stderr);
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let ended = Ended::of(millrace(&["serve", "--lake", lake, "--sql", &address])?)?;
    ensure!(ended.code == Some(1) && ended.stderr.contains("give another address"), "{}", ended.stderr);
    Ok(())
}
