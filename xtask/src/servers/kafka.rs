//! Apache Kafka: one broker that is its own controller (KRaft), plain on one port, SASL_SSL with SCRAM-SHA-512 and OAUTHBEARER on another.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;

use super::certificates::Certificates;
use super::kafka_properties::{Ports, properties};
use super::maven::Jars;
use super::process::{Server, free_port};
use super::started::Started;
use crate::commands::{output, quietly};
use crate::python_env;

/// The plain brokers, to tests.
pub(super) const BROKERS: &str = "MILLRACE_TEST_KAFKA";
/// The brokers by SASL_SSL.
const TLS: &str = "MILLRACE_TEST_KAFKA_TLS";
/// The PEM file of the authority that signed their certificate.
const CA: &str = "MILLRACE_TEST_KAFKA_CA";
const USER: &str = "MILLRACE_TEST_KAFKA_USER";
const PASSWORD: &str = "MILLRACE_TEST_KAFKA_PASSWORD";
/// The folder of jars, for tests that start and kill a broker of their own.
const LIB: &str = "MILLRACE_TEST_KAFKA_LIB";

/// The logger comes first on the class path, and is the only one.
const JARS: Jars = Jars {
    name: "kafka-4.3.1",
    artifacts: &["org.apache.kafka:kafka_2.13:4.3.1", "org.slf4j:slf4j-simple:1.7.36"],
    without: &[],
};

/// Who may log in. No secret: it opens nothing but a broker of tests on this machine.
const LOGIN: (&str, &str) = ("app", "app-of-tests");

/// It takes 6 s alone; beside a build on two cores much longer.
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) fn start(folder: &Path) -> anyhow::Result<Started> {
    let lib = JARS.fetched(&python_env::cache()?)?;
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    let certificates = Certificates::make(folder)?;
    let ports = Ports { plain: free_port()?, tls: free_port()?, controller: free_port()? };
    let config = folder.join("server.properties");
    std::fs::write(&config, properties(folder, &certificates, ports))?;

    let class_path = format!("{}/*", lib.display());
    let java = |class: &str| {
        let mut java = Command::new("java");
        java.args(["-Xmx384m", "-XX:+UseSerialGC", "-cp", &class_path, class]);
        java
    };
    let id = output(java("kafka.tools.StorageTool").arg("random-uuid"))?;
    let id = id.lines().rfind(|line| !line.trim().is_empty()).context("Kafka's StorageTool made no id")?;
    let (user, password) = LOGIN;
    let scram = format!("SCRAM-SHA-512=[name={user},password={password}]");
    let mut format = java("kafka.tools.StorageTool");
    format.args(["format", "-t", id.trim(), "--add-scram", &scram, "-c"]).arg(&config);
    quietly(&mut format)?;

    let server = Server::start("kafka", java("kafka.Kafka").arg(&config), folder)?;
    // The listeners open once the broker is registered and unfenced.
    server.wait(PATIENCE, || {
        [ports.plain, ports.tls].iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
    })?;
    let variables = vec![
        (BROKERS, format!("127.0.0.1:{}", ports.plain)),
        (TLS, format!("127.0.0.1:{}", ports.tls)),
        (CA, certificates.authority.display().to_string()),
        (USER, user.to_owned()),
        (PASSWORD, password.to_owned()),
        (LIB, lib.display().to_string()),
    ];
    Ok(Started { server, ports: vec![ports.plain, ports.tls, ports.controller], variables })
}
