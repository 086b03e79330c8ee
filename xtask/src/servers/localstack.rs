//! LocalStack, the last free edition, as a process of this machine.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;

use super::process::{Server, answers_http, does, free_port};
use super::python;
use super::started::Started;
use crate::python_set::Set;
use crate::workspace;

/// The endpoint of S3, to tests.
pub(super) const S3: &str = "MILLRACE_TEST_S3_ENDPOINT";
/// The endpoint of everything that LocalStack answers, to tests.
const URL: &str = "MILLRACE_TEST_LOCALSTACK";

/// The version that its dependencies are built for; none of the others is.
pub(super) const PYTHON: python::Wanted = python::Wanted { major: 3, minor: 13, or_later: false };

const PACKAGES: Set = Set("localstack");

/// The bucket that is there from the start, for a lake such as `s3://lake/dev`.
const BUCKET: &str = "lake";

/// It takes 5 s alone.
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) fn start(folder: &Path) -> anyhow::Result<Started> {
    let python = python::installed(PACKAGES, PYTHON)?;
    let (data, scratch) = (folder.join("data"), folder.join("tmp"));
    for folder in [&data, &scratch] {
        std::fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    }
    let port = free_port()?;
    let mut command = Command::new(python);
    command.arg(workspace::root().join("localstack/on_loopback.py")).current_dir(folder);
    command
        .envs([
            ("OVERRIDE_IN_DOCKER", "0"),
            // Queues answer with an address that any machine can resolve.
            ("SQS_ENDPOINT_STRATEGY", "path"),
            ("DNS_ADDRESS", "0"),
            // It works without telling anybody, and fetches nothing.
            ("DISABLE_EVENTS", "1"),
            ("SKIP_SSL_CERT_DOWNLOAD", "1"),
            ("SKIP_INFRA_DOWNLOADS", "1"),
        ])
        .env("FILESYSTEM_ROOT", &data)
        .env("TMPDIR", &scratch)
        .env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"))
        .env("LOCALSTACK_HOST", format!("localhost:{port}"));
    let server = Server::start("localstack", &mut command, folder)?;
    server.wait(PATIENCE, || answers_http(port, "/_localstack/health"))?;
    // The first call of S3 loads it, which may take longer than a call does.
    server
        .wait(PATIENCE, || does(port, "PUT", &format!("/{BUCKET}")))
        .with_context(|| format!("the bucket {BUCKET} could not be made"))?;
    let url = format!("http://127.0.0.1:{port}");
    Ok(Started { server, ports: vec![port], variables: vec![(S3, url.clone()), (URL, url)] })
}
