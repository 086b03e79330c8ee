//! What Ctrl-C does in every command.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use millrace_runtime::{Farewell, Shutdown};

use crate::output;

/// Listens for Ctrl-C from here on. A command that has something to end in order says what (`Shutdown::waits_for`); until
/// then, and where it has nothing, the first one ends it.
pub(crate) fn listen() -> std::io::Result<Shutdown> {
    Shutdown::on_signals(Farewell { say, leave })
}

/// Said before the work hears of it, which may end within the same millisecond. But a terminal that is held up (Ctrl-S)
/// takes no line, and must not keep the next Ctrl-C from being heard.
fn say(text: String) {
    const PATIENCE: Duration = Duration::from_millis(500);
    let (said, saying) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        output::remark(text);
        let _ = said.send(());
    });
    let _ = saying.recv_timeout(PATIENCE);
}

/// Files that are being written, and are nothing yet.
static PARTIAL: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn leave() {
    // Held by nobody for longer than it takes to push a path.
    for path in std::mem::take(&mut *PARTIAL.lock().unwrap_or_else(PoisonError::into_inner)) {
        // It may be gone, and there is nobody to tell.
        let _ = std::fs::remove_file(path);
    }
}

/// Has this file removed where the process is left before it is whole.
pub(crate) fn partial_file(path: PathBuf) -> PartialFile {
    PARTIAL.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
    PartialFile(path)
}

/// A file that is being written; dropped where it is whole, or given up.
#[derive(Debug)]
pub(crate) struct PartialFile(PathBuf);

impl Drop for PartialFile {
    fn drop(&mut self) {
        PARTIAL.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != self.0);
    }
}
