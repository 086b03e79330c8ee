//! Answers longer than the screen, by the person's pager.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millrace_sql::Cancel;

use crate::output::{self, Out};

/// Where nobody says `PAGER`: long lines are cut, and colours and an answer that fits stay.
const DEFAULT: &str = "less -SRFX";

/// Holds an answer back until it is longer than the screen, and gives it to a pager from then on.
pub(super) struct Pager {
    /// Lines of the screen; none where all is written at once.
    screen: Option<usize>,
    held: Vec<u8>,
    lines: usize,
    out: Out,
    shown: Shown,
    child: Option<Child>,
    /// Ended where the person has seen enough of it.
    statement: Cancel,
    has_left: bool,
}

/// Whether a pager is there.
#[derive(Clone, Default)]
pub(super) struct Shown(Arc<AtomicBool>);

impl Shown {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Pager {
    /// Where standard output is a screen; elsewhere none.
    pub(super) fn new(statement: &Cancel) -> Self {
        let is_screen = io::stdout().is_terminal() && io::stdin().is_terminal();
        let screen = terminal_size::terminal_size().filter(|_| is_screen);
        let mut pager = Self::never(statement);
        pager.screen = screen.map(|(_, height)| usize::from(height.0));
        pager
    }

    pub(super) fn never(statement: &Cancel) -> Self {
        Self {
            screen: None,
            held: Vec::new(),
            lines: 0,
            out: output::out(),
            shown: Shown::default(),
            child: None,
            statement: statement.clone(),
            has_left: false,
        }
    }

    /// Whether the person left the pager before the answer's end.
    pub(super) fn has_left(&self) -> bool {
        self.has_left
    }

    pub(super) fn is_shown(&self) -> Shown {
        self.shown.clone()
    }

    /// Writes what is held back, and waits until the person has seen enough.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        match self.child.take() {
            Some(mut child) => {
                drop(child.stdin.take());
                child.wait().map(drop)
            }
            None => {
                self.out.write_all(&std::mem::take(&mut self.held))?;
                self.out.flush()
            }
        }
    }

    fn left(&mut self) {
        self.has_left = true;
        self.statement.cancel();
    }

    /// A pager that cannot be started is none.
    fn start(&mut self) -> io::Result<()> {
        self.screen = None;
        let asked = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
        let words = shlex::split(asked.as_deref().unwrap_or(DEFAULT)).unwrap_or_default();
        let Some((program, arguments)) = words.split_first() else { return Ok(()) };
        let started = Command::new(program).args(arguments).stdin(Stdio::piped()).spawn();
        if let Ok(child) = started {
            self.child = Some(child);
            self.shown.0.store(true, Ordering::Relaxed);
        }
        let held = std::mem::take(&mut self.held);
        self.write_all(&held)
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(stdin) = self.child.as_mut().and_then(|child| child.stdin.as_mut()) {
            return match stdin.write(bytes) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    self.left();
                    Ok(bytes.len())
                }
                written => written,
            };
        }
        let Some(screen) = self.screen else { return self.out.write(bytes) };
        self.held.extend_from_slice(bytes);
        self.lines += bytes.iter().filter(|byte| **byte == b'\n').count();
        if self.lines >= screen {
            self.start()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.child.as_mut().and_then(|child| child.stdin.as_mut()) {
            Some(stdin) => match stdin.flush() {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    self.left();
                    Ok(())
                }
                flushed => flushed,
            },
            None if self.screen.is_some() => Ok(()),
            None => self.out.flush(),
        }
    }
}

impl Drop for Pager {
    /// Of a statement that has failed: what it has written is shown before its error.
    fn drop(&mut self) {
        let _ = self.wait();
    }
}
