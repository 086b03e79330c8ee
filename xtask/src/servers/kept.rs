//! Servers that run on after the task that started them: written down, found again, stopped.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::kind::Kind;
use super::process::kill_group;
use super::started::Started;

/// What is written down of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pid: u32,
    /// When its process began, in the machine's own words: numbers of processes are given out again.
    began: String,
    pub(crate) ports: Vec<u16>,
    pub(crate) variables: Vec<(String, String)>,
}

/// Where a server of `kind` writes, and is written down.
pub(crate) fn folder(up: &Path, kind: Kind) -> PathBuf {
    up.join(kind.name())
}

impl Kept {
    /// Lets it run on, and writes it down in its folder under `up`. One that cannot be written down is stopped.
    pub(crate) fn keep(up: &Path, kind: Kind, started: Started) -> anyhow::Result<Self> {
        let Started { server, ports, variables } = started;
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let pid = server.pid();
        let began = began(pid).context("it ended as soon as it answered")?;
        let kept = Self { pid, began, ports, variables };
        let path = path(up, kind);
        std::fs::write(&path, kept.text()).with_context(|| format!("could not write {}", path.display()))?;
        server.keep();
        Ok(kept)
    }

    /// The server of `kind` that was written down and still runs.
    pub(crate) fn find(up: &Path, kind: Kind) -> Option<Self> {
        let kept = Self::of_text(&std::fs::read_to_string(path(up, kind)).ok()?)?;
        kept.runs().then_some(kept)
    }

    /// Stops it and removes what it left.
    pub(crate) fn stop(&self, up: &Path, kind: Kind) -> anyhow::Result<()> {
        // Looked at once more, so that nobody else's process is killed.
        if self.runs() {
            kill_group(self.pid);
        }
        let begin = Instant::now();
        while self.runs() {
            if begin.elapsed() > Duration::from_secs(20) {
                bail!("{} (process {}) was killed, and does not end", kind.name(), self.pid);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        clear(up, kind)
    }

    fn runs(&self) -> bool {
        began(self.pid).is_some_and(|began| began == self.began)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    fn text(&self) -> String {
        let ports: Vec<_> = self.ports.iter().map(u16::to_string).collect();
        let mut text = format!("pid {}\nbegan {}\nports {}\n", self.pid, self.began, ports.join(" "));
        for (name, value) in &self.variables {
            let _ = writeln!(text, "variable {name} {value}");
        }
        text
    }

    fn of_text(text: &str) -> Option<Self> {
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let variables = text.lines().filter_map(|line| line.strip_prefix("variable ")?.split_once(' '));
        Some(Self {
            pid: line("pid")?.parse().ok()?,
            began: line("began")?.to_owned(),
            ports: line("ports")?.split(' ').map(|port| port.parse().ok()).collect::<Option<_>>()?,
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
    }
}

/// Removes what a server of `kind` left that runs no more.
pub(crate) fn clear(up: &Path, kind: Kind) -> anyhow::Result<()> {
    let folder = folder(up, kind);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn path(up: &Path, kind: Kind) -> PathBuf {
    folder(up, kind).join("server")
}

/// When a process began; `None` where there is none, or it has ended and waits to be noticed.
pub(super) fn began(pid: u32) -> Option<String> {
    if cfg!(target_os = "linux") {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in brackets, may hold anything; the state and, nineteen on, the start come after it.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let ended = matches!(fields.next()?, "Z" | "X");
        return if ended { None } else { fields.nth(18).map(str::to_owned) };
    }
    let output =
        std::process::Command::new("ps").args(["-o", "lstart=", "-p", &pid.to_string()]).output().ok()?;
    let began = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!began.is_empty()).then_some(began)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::process::Server;

    fn sleeper(folder: &Path) -> Started {
        let mut command = std::process::Command::new("sleep");
        let server = Server::start("kafka", command.arg("600"), folder).unwrap();
        let variables = vec![("MILLRACE_TEST_KAFKA", "127.0.0.1:1 and more".to_owned())];
        Started { server, ports: vec![1, 2], variables }
    }

    #[test]
    fn a_server_that_is_kept_is_found_again_and_stopped() {
        let up = tempfile::tempdir().unwrap();
        assert_eq!(Kept::find(up.path(), Kind::Kafka), None);
        let started = sleeper(&folder(up.path(), Kind::Kafka));
        let kept = Kept::keep(up.path(), Kind::Kafka, started).unwrap();
        assert_eq!(Kept::find(up.path(), Kind::Kafka), Some(kept.clone()));
        kept.stop(up.path(), Kind::Kafka).unwrap();
        assert_eq!(Kept::find(up.path(), Kind::Kafka), None);
        assert!(!folder(up.path(), Kind::Kafka).exists() && began(kept.pid).is_none());
    }

    #[test]
    fn another_process_of_the_same_number_is_left_alone() {
        let up = tempfile::tempdir().unwrap();
        let started = sleeper(&folder(up.path(), Kind::Kafka));
        let pid = started.server.pid();
        let stranger = Kept { pid, began: "1".to_owned(), ports: vec![], variables: vec![] };
        std::fs::write(path(up.path(), Kind::Kafka), stranger.text()).unwrap();
        assert_eq!(Kept::find(up.path(), Kind::Kafka), None);
        stranger.stop(up.path(), Kind::Kafka).unwrap();
        assert!(began(pid).is_some(), "it runs on");
    }
}
