//! MiniStack: the parts of AWS that LocalStack's free edition leaves out, Lambda and Glue among them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;

use super::process::{Server, answers_http, free_port};
use super::python;
use super::started::Started;
use crate::python_set::Set;

/// Its endpoint, to tests.
pub(super) const URL: &str = "MILLRACE_TEST_MINISTACK";

pub(super) const PYTHON: python::Wanted = python::Wanted { major: 3, minor: 10, or_later: true };

const PACKAGES: Set = Set("ministack");

/// It takes 0.3 s alone.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn start(folder: &Path) -> anyhow::Result<Started> {
    start_with(folder, &[])
}

/// The same with variables of its own, such as what tasks of its state machines answer.
pub(crate) fn start_with(folder: &Path, variables: &[(&str, String)]) -> anyhow::Result<Started> {
    let python = python::installed(PACKAGES, PYTHON)?;
    std::fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    let port = free_port()?;
    let mut command = Command::new(python.with_file_name("ministack"));
    // Functions run as processes of this machine: there is no Docker to run them in.
    command.env("BIND_HOST", "127.0.0.1").env("LAMBDA_EXECUTOR", "local").current_dir(folder);
    // What a function says to AWS comes here, and never leaves this machine.
    command.env("GATEWAY_PORT", port.to_string()).env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"));
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let server = Server::start("ministack", &mut command, folder)?;
    server.wait(PATIENCE, || answers_http(port, "/_ministack/health"))?;
    Ok(Started { server, ports: vec![port], variables: vec![(URL, format!("http://127.0.0.1:{port}"))] })
}
