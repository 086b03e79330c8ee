//! README's block on real servers, run as it stands: what a newcomer pastes first.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use millrace_events::event_catalogue;
use millrace_skips::skipped;
use millrace_tests::program::{Ended, binary, millrace};

const SERVERS: [(&str, &str); 3] = [
    ("MILLRACE_TEST_KAFKA", "MILLRACE_BROKERS"),
    ("MILLRACE_TEST_S3_ENDPOINT", "AWS_ENDPOINT_URL"),
    ("MILLRACE_TEST_REGISTRY_URL", "MILLRACE_REGISTRY_URL"),
];

/// The lines of README that call the program, in the block that starts the servers; `cargo xtask` has started these already.
fn block() -> Result<String> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"))?;
    let blocks = readme.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    let block = blocks.into_iter().find(|block| block.contains("cargo xtask up kafka localstack registry"));
    let lines: Vec<_> =
        block.context("no such block")?.lines().filter(|line| line.starts_with("millrace ")).collect();
    ensure!(lines.iter().any(|line| line.starts_with("millrace land ")), "{lines:?}");
    Ok(lines.join("\n"))
}

/// What `target/xtask/up/env` exports, of the servers that tests have.
fn with_servers(mut command: Command) -> Option<Command> {
    for (of_tests, name) in SERVERS {
        command.env(name, std::env::var_os(of_tests)?);
    }
    command.env("AWS_REGION", "us-east-1").env("AWS_ACCESS_KEY_ID", "test");
    command.env("AWS_SECRET_ACCESS_KEY", "test");
    Some(command)
}

#[test]
fn the_block_as_it_stands_ends_with_every_record_in_a_table() -> Result<()> {
    let mut shell = Command::new("sh");
    let program = binary()?;
    let folder = program.parent().context("a folder")?;
    let path = std::env::var("PATH")?;
    shell.args(["-euc", &block()?]).env("PATH", format!("{}:{path}", folder.display()));
    let Some(shell) = with_servers(shell) else {
        skipped("README's block on real servers", "not all servers are here; `cargo xtask test` starts them");
        return Ok(());
    };
    let ended = Ended::of(shell)?;
    ensure!(ended.code == Some(0), "it ended with {:?}: {}{}", ended.code, ended.stdout, ended.stderr);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    for kind in ["unknown_schema", "unfit_schema", "undecodable: "] {
        ensure!(!told.contains(kind), "{kind} where every schema is in the registry: {told}");
    }
    let mut count = 0;
    for event in event_catalogue::events() {
        let sql = format!("SELECT COUNT(*) AS n FROM raw_{}", event.table());
        let query = millrace(&["query", &sql, "--format", "csv", "--lake", "s3://lake/dev"])?;
        let rows = Ended::of(with_servers(query).context("servers")?)?;
        count += rows.stdout.lines().nth(1).with_context(|| rows.stderr.clone())?.trim().parse::<u64>()?;
    }
    ensure!(count >= 100_000, "{count} rows of 100,000 records: {told}");
    Ok(())
}
