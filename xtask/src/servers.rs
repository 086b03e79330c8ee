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
pub(crate) mod snowflake;
pub(crate) mod spark_kafka;

use std::path::{Path, PathBuf};
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
    /// Snowflake's protocol over a lake in a folder
    Snowflake,
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
    pub(crate) const ALL: [Self; 5] =
        [Self::Kafka, Self::Localstack, Self::Ministack, Self::Registry, Self::Snowflake];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Localstack => "localstack",
            Self::Ministack => "ministack",
            Self::Registry => "registry",
            Self::Snowflake => "snowflake",
        }
    }

    /// What a skip calls it.
    fn check(self) -> &'static str {
        match self {
            Self::Kafka => "real Kafka",
            Self::Localstack => "LocalStack",
            Self::Ministack => "MiniStack",
            Self::Registry => "schema registry",
            Self::Snowflake => "Snowflake's protocol",
        }
    }

    /// The packages whose tests talk to it.
    fn users(self) -> &'static [&'static str] {
        match self {
            Self::Kafka => &["millrace-stream", "millrace-tests", "millrace-bench-land"],
            Self::Registry => &["millrace-stream", "millrace-tests"],
            Self::Localstack => &["millrace-event-source", "millrace-lake", "millrace-tests"],
            Self::Ministack => &["millrace-glue", "millrace-lake"],
            Self::Snowflake => &["millrace-snowflake"],
        }
    }

    /// The variable that names it to the tests.
    fn variable(self) -> &'static str {
        match self {
            Self::Kafka => kafka::BROKERS,
            Self::Localstack => localstack::S3,
            Self::Ministack => ministack::URL,
            Self::Registry => registry::URL,
            Self::Snowflake => snowflake::URL,
        }
    }

    /// Why this machine cannot run it; `None` where it can.
    pub(crate) fn missing(self) -> Option<String> {
        match self {
            Self::Kafka | Self::Registry => java::missing(17).or_else(maven::missing),
            Self::Localstack => python::missing(localstack::PYTHON),
            Self::Ministack => python::missing(ministack::PYTHON),
            Self::Snowflake => python::missing(snowflake::PYTHON),
        }
    }

    /// Starts it, what it writes into `folder`, and waits until it answers.
    pub(crate) fn start(self, folder: &Path) -> anyhow::Result<Started> {
        match self {
            Self::Kafka => kafka::start(folder),
            Self::Localstack => localstack::start(folder),
            Self::Ministack => ministack::start(folder),
            Self::Registry => registry::start(folder),
            Self::Snowflake => snowflake::start(folder),
        }
    }
}

/// Gives the tests of the packages that are `wanted` the servers they talk to, unless the caller did; what this machine cannot
/// run is told of in words.
pub(crate) fn offer(
    tests: &mut Command,
    log: &SkipLog,
    wanted: impl Fn(&str) -> bool,
) -> anyhow::Result<Offered> {
    let scratch = workspace::scratch();
    sweep(&scratch, OFFERED);
    // A folder for each process: two runs on one checkout keep their servers apart.
    let folder = scratch.join(format!("{OFFERED}{}", std::process::id()));
    let mut offered = Offered { servers: Vec::new(), folder };
    for kind in Kind::ALL {
        let given = std::env::var_os(kind.variable()).is_some();
        if given || !kind.users().iter().any(|package| wanted(package)) {
            continue;
        }
        if let Some(why) = kind.missing() {
            log.note(kind.check(), &why)?;
            continue;
        }
        match kind.start(&offered.folder.join(kind.name())) {
            Ok(started) => {
                tests.envs(started.variables);
                offered.servers.push(started.server);
            }
            Err(error) => log.note(kind.check(), &format!("{error:#}"))?,
        }
    }
    Ok(offered)
}

/// Begins the name of the folder of a run's servers; its process ends it.
const OFFERED: &str = "servers-";

/// The servers of one run. They are stopped where it goes out of scope, and what they wrote is thrown away.
#[derive(Debug)]
pub(crate) struct Offered {
    servers: Vec<Server>,
    folder: PathBuf,
}

impl Drop for Offered {
    fn drop(&mut self) {
        self.servers.clear();
        // What cannot be removed is swept by a later run.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Removes what interrupted tasks left: the folders whose names begin so and end in a process that is no more.
pub(crate) fn sweep(scratch: &Path, begins: &str) {
    for entry in std::fs::read_dir(scratch).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(begins)?.parse().ok());
        if process.is_some_and(|process| kept::began(process).is_none()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interrupted_run_left_is_swept_and_a_living_ones_is_not() {
        let scratch = tempfile::tempdir().unwrap();
        // No process has a number as large.
        let names =
            [format!("{OFFERED}{}", std::process::id()), format!("{OFFERED}4294967294"), "up".to_owned()];
        let [ours, dead, other] = names.map(|name| scratch.path().join(name));
        [&ours, &dead, &other].into_iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
        sweep(scratch.path(), OFFERED);
        assert!(ours.exists() && other.exists() && !dead.exists());
        drop(Offered { servers: Vec::new(), folder: ours.clone() });
        assert!(!ours.exists());
    }
}
