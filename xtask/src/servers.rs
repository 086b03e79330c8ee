//! Servers that tests and people talk to: fetched once into the user's cache, started on a free port of this machine and on
//! 127.0.0.1 only, stopped by their own process when their value goes away, and when the task is interrupted.
//!
//! A server of its own file says what to fetch, how to start it, and when it answers; the rest is here for all of them.

mod certificates;
mod java;
mod kafka;
mod kafka_properties;
pub(crate) mod kept;
mod localstack;
mod maven;
mod ministack;
mod process;
mod python;
mod registry;

use std::path::Path;
use std::process::Command;

use clap::ValueEnum;

use crate::skips::SkipLog;
use crate::workspace;
use process::Server;

/// A server that we can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Apache Kafka, plain and SASL_SSL
    Kafka,
    /// AWS's S3, SQS, Secrets Manager and EventBridge by LocalStack
    Localstack,
    /// AWS's Lambda and Glue (and S3, SQS) by MiniStack
    Ministack,
    /// A schema registry of Confluent's API, by Apicurio
    Registry,
}

/// A server that answers, and what its users' environment says of it.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) server: Server,
    pub(crate) ports: Vec<u16>,
    /// The first one names the server: a caller that has set it gives a server of its own.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Kafka, Self::Localstack, Self::Ministack, Self::Registry];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Localstack => "localstack",
            Self::Ministack => "ministack",
            Self::Registry => "registry",
        }
    }

    /// What a skip calls it.
    fn check(self) -> &'static str {
        match self {
            Self::Kafka => "real Kafka",
            Self::Localstack => "LocalStack",
            Self::Ministack => "MiniStack",
            Self::Registry => "schema registry",
        }
    }

    /// The packages whose tests talk to it.
    fn users(self) -> &'static [&'static str] {
        match self {
            Self::Kafka | Self::Registry => &["millrace-stream", "millrace-tests"],
            Self::Localstack => &["millrace-lake", "millrace-tests"],
            // Nobody's yet: the functions' tests on it are to come.
            Self::Ministack => &[],
        }
    }

    /// The variable that names it to the tests.
    fn variable(self) -> &'static str {
        match self {
            Self::Kafka => kafka::BROKERS,
            Self::Localstack => localstack::S3,
            Self::Ministack => ministack::URL,
            Self::Registry => registry::URL,
        }
    }

    /// Why this machine cannot run it; `None` where it can.
    pub(crate) fn missing(self) -> Option<String> {
        match self {
            Self::Kafka | Self::Registry => java::missing(17).or_else(maven::missing),
            Self::Localstack => python::missing(localstack::PYTHON),
            Self::Ministack => python::missing(ministack::PYTHON),
        }
    }

    /// Starts it, what it writes into `folder`, and waits until it answers.
    pub(crate) fn start(self, folder: &Path) -> anyhow::Result<Started> {
        match self {
            Self::Kafka => kafka::start(folder),
            Self::Localstack => localstack::start(folder),
            Self::Ministack => ministack::start(folder),
            Self::Registry => registry::start(folder),
        }
    }
}

/// Gives the tests of the packages that are `wanted` the servers they talk to, unless the caller did; what this machine cannot
/// run is told of in words. They are stopped where the answer goes out of scope.
pub(crate) fn offer(
    tests: &mut Command,
    log: &SkipLog,
    wanted: impl Fn(&str) -> bool,
) -> anyhow::Result<Vec<Server>> {
    let mut servers = Vec::new();
    for kind in Kind::ALL {
        let given = std::env::var_os(kind.variable()).is_some();
        if given || !kind.users().iter().any(|package| wanted(package)) {
            continue;
        }
        if let Some(why) = kind.missing() {
            log.note(kind.check(), &why)?;
            continue;
        }
        // A folder for each process: two runs on one checkout keep their servers apart.
        let folder = workspace::scratch().join(format!("servers-{}", std::process::id()));
        match kind.start(&folder.join(kind.name())) {
            Ok(started) => {
                tests.envs(started.variables);
                servers.push(started.server);
            }
            Err(error) => log.note(kind.check(), &format!("{error:#}"))?,
        }
    }
    Ok(servers)
}
