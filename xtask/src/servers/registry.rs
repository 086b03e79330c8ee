//! A schema registry: Apicurio's, which speaks Confluent's API and keeps everything in memory.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::servers::maven::Archive;
use crate::servers::process::{Server, answers_http, free_port};
use crate::servers::{java, maven};
use crate::skips::SkipLog;
use crate::{python_env, workspace};

/// The variable that names a running registry's API to the tests.
const URL: &str = "MILLRACE_REGISTRY_URL";

/// The variable that names the runner to tests that start and kill a registry of their own.
const JAR: &str = "MILLRACE_REGISTRY_JAR";

const ARCHIVE: Archive = Archive("io.apicurio:apicurio-registry-app:3.0.9:tar.gz:all");
const RUNNER: &str = "apicurio-registry-app-3.0.9-runner.jar";
const JAVA: u32 = 17;

/// Where it speaks Confluent's API.
const API: &str = "/apis/ccompat/v7";

/// It takes 5 s alone on a small machine; beside a build on two cores it was seen to take 30.
const PATIENCE: Duration = Duration::from_secs(180);

/// Gives the tests a registry, unless the caller did; a machine that cannot run one is told of in words.
pub(crate) fn offer(tests: &mut Command, log: &SkipLog) -> anyhow::Result<Option<Server>> {
    if std::env::var_os(URL).is_some() {
        return Ok(None);
    }
    if let Some(why) = java::missing(JAVA).or_else(maven::missing) {
        log.note("schema registry", &why)?;
        return Ok(None);
    }
    match start() {
        Ok((server, url, jar)) => {
            tests.env(URL, url).env(JAR, jar);
            Ok(Some(server))
        }
        Err(error) => {
            log.note("schema registry", &format!("{error:#}"))?;
            Ok(None)
        }
    }
}

fn start() -> anyhow::Result<(Server, String, PathBuf)> {
    let jar = ARCHIVE.unpacked(&python_env::cache()?)?.join(RUNNER);
    let port = free_port()?;
    let mut java = Command::new("java");
    java.args(["-Xmx384m", "-XX:+UseSerialGC", "-Dquarkus.http.host=127.0.0.1"]);
    java.arg(format!("-Dquarkus.http.port={port}")).arg("-jar").arg(&jar);
    let server = Server::start("registry", &mut java, &workspace::scratch())?;
    server.wait(PATIENCE, || answers_http(port, &format!("{API}/subjects")))?;
    Ok((server, format!("http://127.0.0.1:{port}{API}"), jar))
}
