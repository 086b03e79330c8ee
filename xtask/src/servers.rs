//! Servers that tests and people talk to: fetched once into the user's cache, started on a free port of this machine and on
//! 127.0.0.1 only, stopped by their own process when their value goes away, and when the task is interrupted.
//!
//! A server of its own file says what to fetch, how to start it, and when it answers; the rest is here for all of them.

mod certificates;
mod iceberg_readers;
mod java;
mod kafka;
mod kafka_properties;
pub(crate) mod kept;
mod kind;
mod localstack;
mod maven;
mod ministack;
mod process;
mod python;
mod registry;
pub(crate) mod snowflake;
pub(crate) mod spark_kafka;
pub(crate) mod sql_clients;
mod started;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skips::SkipLog;
use crate::workspace;
pub(crate) use kind::Kind;
pub(crate) use ministack::start_with as ministack_with;
use process::Server;

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
