//! A schema registry: Apicurio's, which speaks Confluent's API and keeps everything in memory.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::maven::Archive;
use super::process::{Server, answers_http, free_port};
use super::started::Started;
use crate::python_env;

/// The variable that names a running registry's API to the tests.
pub(super) const URL: &str = "MILLRACE_TEST_REGISTRY_URL";

/// The variable that names the runner to tests that start and kill a registry of their own.
const JAR: &str = "MILLRACE_TEST_REGISTRY_JAR";

const ARCHIVE: Archive = Archive("io.apicurio:apicurio-registry-app:3.0.9:tar.gz:all");
const RUNNER: &str = "apicurio-registry-app-3.0.9-runner.jar";

/// Where it speaks Confluent's API.
const API: &str = "/apis/ccompat/v7";

/// It takes 5 s alone on a small machine; beside a build on two cores it was seen to take 30.
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) fn start(folder: &Path) -> anyhow::Result<Started> {
    let jar = ARCHIVE.unpacked(&python_env::cache()?)?.join(RUNNER);
    let port = free_port()?;
    let mut java = Command::new("java");
    java.args(["-Xmx384m", "-XX:+UseSerialGC", "-Dquarkus.http.host=127.0.0.1"]);
    java.arg(format!("-Dquarkus.http.port={port}")).arg("-jar").arg(&jar);
    let server = Server::start("registry", &mut java, folder)?;
    server.wait(PATIENCE, || answers_http(port, &format!("{API}/subjects")))?;
    let variables = vec![(URL, format!("http://127.0.0.1:{port}{API}")), (JAR, jar.display().to_string())];
    Ok(Started { server, ports: vec![port], variables })
}
