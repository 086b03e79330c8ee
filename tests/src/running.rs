//! A command while it runs: what it says, and signals to it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long anything may take here that should come at once, on a machine that does much else.
pub const SOON: Duration = Duration::from_secs(20);

/// A child whose lines are read as they come. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Receiver<Line>,
    /// All that was said so far.
    pub stdout: String,
    /// Lines of standard error so far, each with its line end.
    pub stderr: String,
}

#[derive(Debug)]
enum Line {
    Out(String),
    Err(String),
}

impl Running {
    /// Starts it; its standard output and standard error have to be piped.
    pub fn start(mut command: Command) -> Result<Self> {
        let mut child = command.spawn()?;
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().context("no standard output")?);
        let err = BufReader::new(child.stderr.take().context("no standard error")?);
        let errors = sender.clone();
        // They end with the child's output; a send fails where nobody wants more.
        std::thread::spawn(move || {
            out.lines().map_while(Result::ok).try_for_each(|line| sender.send(Line::Out(line)))
        });
        std::thread::spawn(move || {
            err.lines().map_while(Result::ok).try_for_each(|line| errors.send(Line::Err(line)))
        });
        Ok(Self { child, lines, stdout: String::new(), stderr: String::new() })
    }

    /// Sends a signal to the child alone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(self.child.id().try_into()?), signal)?)
    }

    /// Waits until standard error, or standard output, has said `wanted`.
    pub fn says(&mut self, wanted: &str) -> Result<()> {
        let begin = Instant::now();
        while !self.stderr.contains(wanted) && !self.stdout.contains(wanted) {
            match self.lines.recv_timeout(SOON.saturating_sub(begin.elapsed())) {
                Ok(line) => self.note(line),
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{wanted:?} was not said: {}{}", self.stdout, self.stderr)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("it ended before it said {wanted:?}: {}{}", self.stdout, self.stderr)
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, line: Line) {
        let (text, line) = match line {
            Line::Out(line) => (&mut self.stdout, line),
            Line::Err(line) => (&mut self.stderr, line),
        };
        text.push_str(&line);
        text.push('\n');
    }

    /// Its exit code, if it ends within `patience`.
    pub fn ends_within(&mut self, patience: Duration) -> Result<Option<i32>> {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(
                begin.elapsed() < patience,
                "it goes on after {patience:?}: {}{}",
                self.stdout,
                self.stderr
            );
            std::thread::sleep(Duration::from_millis(10));
        };
        while let Ok(line) = self.lines.recv_timeout(SOON) {
            self.note(line);
        }
        Ok(status.code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, or has to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
