//! Standard output and standard error, whether anybody reads them or not: the one place that writes to them.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::drawn_bars::beside_bars;

/// What becomes of a command whose output cannot be written any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenUnread {
    /// What it writes is all that it does: it ends.
    End,
    /// It does something besides, and does it to its end.
    GoOn,
}

static GOES_ON: AtomicBool = AtomicBool::new(false);

/// Why standard output could not be written, the first time.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Said once by main, for the command that runs.
pub(crate) fn when_unread(what: WhenUnread) {
    GOES_ON.store(what == WhenUnread::GoOn, Ordering::Relaxed);
}

/// What a command came to, with what became of its output: a reader that has left, as `| head` does, is no failure,
/// and any other reason why it could not be written is one, told when the work is done.
pub(crate) fn finish(ended: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    // A failure is noted, and looked at below.
    let _ = out().flush();
    let goes_on = GOES_ON.load(Ordering::Relaxed);
    match FAILED.get() {
        None => ended,
        Some(error) if error.kind() == ErrorKind::BrokenPipe => {
            if goes_on {
                ended
            } else {
                Ok(ExitCode::SUCCESS)
            }
        }
        Some(_) if goes_on && ended.is_err() => ended,
        Some(error) => Err(anyhow::anyhow!("standard output could not be written: {error}")),
    }
}

/// Standard output.
///
/// Errors: where the command ends with its output. Of one that goes on they are noted, and what it writes from then on
/// is written nowhere.
#[derive(Debug)]
pub(crate) struct Out(());

pub(crate) fn out() -> Out {
    Out(())
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if goes_nowhere() {
            return Ok(bytes.len());
        }
        io::stdout().write(bytes).or_else(|error| noted(error).map(|()| bytes.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        if goes_nowhere() {
            return Ok(());
        }
        io::stdout().flush().or_else(noted)
    }
}

/// Whether standard output could not be written any more.
pub(crate) fn is_unread() -> bool {
    FAILED.get().is_some()
}

fn goes_nowhere() -> bool {
    GOES_ON.load(Ordering::Relaxed) && is_unread()
}

/// Ok where the command goes on without it.
fn noted(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::Interrupted {
        return Err(error);
    }
    let kind = error.kind();
    let error = FAILED.get_or_init(|| error);
    if GOES_ON.load(Ordering::Relaxed) { Ok(()) } else { Err(io::Error::new(kind, error.to_string())) }
}

static QUIET: AtomicBool = AtomicBool::new(false);

/// Said once by main: `--quiet`.
pub(crate) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

pub(crate) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// A line on standard error that is nice to know, and is left out by `--quiet`.
pub(crate) fn remark(text: impl Display) {
    if !is_quiet() {
        notice(text);
    }
}

/// A line on standard error that has to be told: an error, a warning, what is left undone. It stands beside the progress bars.
/// Where nobody reads it, nobody is to be told so.
pub(crate) fn notice(text: impl Display) {
    beside_bars(|| {
        let _ = writeln!(io::stderr(), "{text}");
    });
}

/// Log events on standard error, likewise.
#[derive(Debug)]
pub(crate) struct Remarks;

impl Write for Remarks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        beside_bars(|| {
            let _ = io::stderr().write_all(bytes);
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
