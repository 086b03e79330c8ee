//! Snowflake's protocol over a lake in a folder: localstack/snowflake, around fakesnow.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;

use super::process::{Server, answers_http, free_port};
use super::python;
use super::started::Started;
use crate::commands::quietly;
use crate::python_set::Set;
use crate::workspace;

/// Its address, to tests.
pub(super) const URL: &str = "MILLRACE_TEST_SNOWFLAKE";
/// The deployer's private key; an encrypted copy of it and a stranger's lie beside it.
const KEY: &str = "MILLRACE_TEST_SNOWFLAKE_KEY";
/// The lake that its external tables read.
const LAKE: &str = "MILLRACE_TEST_SNOWFLAKE_LAKE";
/// A Python with DuckDB, to ask that lake past the server.
const PYTHON_OF_TESTS: &str = "MILLRACE_TEST_SNOWFLAKE_PYTHON";

/// Names a folder with a lake to read instead of the small one that is made.
const GIVEN_LAKE: &str = "MILLRACE_TEST_LAKE";

/// Who may log in.
pub(crate) const ACCOUNT: &str = "millrace-local";
pub(crate) const USER: &str = "deployer";

pub(super) const PYTHON: python::Wanted = python::Wanted { major: 3, minor: 11, or_later: true };

const PACKAGES: Set = Set("snowflake");

/// It takes 3 s alone.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn start(folder: &Path) -> anyhow::Result<Started> {
    let python = python::installed(PACKAGES, PYTHON)?;
    std::fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    let scripts = workspace::root().join("localstack/snowflake");
    let lake = match std::env::var_os(GIVEN_LAKE) {
        Some(given) => PathBuf::from(given),
        None => small_lake(&python, &scripts, folder)?,
    };
    let (port, keys) = (free_port()?, folder.join("keys"));
    let mut command = Command::new(&python);
    command.arg(scripts.join("server.py")).args(["--port", &port.to_string()]);
    command.arg("--lake").arg(&lake).arg("--keys").arg(&keys);
    command.args(["--account", ACCOUNT, "--user", USER]);
    let server = Server::start("snowflake", without_traces(&mut command), folder)?;
    server.wait(PATIENCE, || answers_http(port, "/health"))?;
    let variables = vec![
        (URL, format!("http://127.0.0.1:{port}")),
        (KEY, keys.join("deployer.p8").display().to_string()),
        (LAKE, lake.display().to_string()),
        (PYTHON_OF_TESTS, python.display().to_string()),
    ];
    Ok(Started { server, ports: vec![port], variables })
}

fn small_lake(python: &Path, scripts: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let lake = folder.join("lake");
    let mut make = Command::new(python);
    make.arg(scripts.join("small_lake.py")).arg(workspace::root().join("infra/tables.json")).arg(&lake);
    quietly(without_traces(&mut make))?;
    Ok(lake)
}

/// Python would write compiled files into the repository.
fn without_traces(command: &mut Command) -> &mut Command {
    command.env("PYTHONDONTWRITEBYTECODE", "1")
}
