//! The prompt on a terminal: Ctrl-C ends the statement and not the prompt, long answers go to the pager.
#![cfg(unix)]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use millrace_tests::program::{Ended, TIDY, binary, simulate};
use millrace_tests::running::SOON;

/// util-linux's `script` gives the program a terminal.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    fn open(lake: &Path, pager: &str) -> Result<Self> {
        let program =
            format!("stty rows 20 cols 120; exec {} query --lake {}", binary()?.display(), lake.display());
        let state = lake.join("state");
        let mut command = Command::new("script");
        command.args(["-qefc", &program, "/dev/null"]);
        command.env("XDG_STATE_HOME", state).env("TERM", "dumb").env("PAGER", pager);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("script, of util-linux, is not installed")?;
        let keys = child.stdin.take().context("no keyboard")?;
        let mut screen = child.stdout.take().context("no screen")?;
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let mut terminal = Self { child, keys, shown, seen: String::new() };
        terminal.shows("millrace> ")?;
        Ok(terminal)
    }

    fn types(&mut self, text: &str) -> Result<()> {
        self.keys.write_all(text.as_bytes())?;
        Ok(self.keys.flush()?)
    }

    /// Waits for `wanted`, and forgets what stood up to it.
    fn shows(&mut self, wanted: &str) -> Result<String> {
        let begin = Instant::now();
        loop {
            if let Some(at) = self.seen.find(wanted) {
                let rest = self.seen.split_off(at + wanted.len());
                return Ok(std::mem::replace(&mut self.seen, rest));
            }
            match self.shown.recv_timeout(SOON.saturating_sub(begin.elapsed())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => bail!("{wanted:?} is not shown, but: {}", self.seen),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const HEAVY: &str = "SELECT COUNT(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a.value * b.value % 7 = 3;";

#[test]
fn ctrl_c_ends_the_statement_and_twice_the_prompt() -> Result<()> {
    let lake = tempfile::tempdir()?;
    Ended::of(simulate(lake.path(), 100, 3, &[TIDY])?)?.summary(0)?;
    let mut terminal = Terminal::open(lake.path(), "cat")?;
    terminal.types(&format!("{HEAVY}\n"))?;
    terminal.shows("% 7 = 3;")?;
    // It runs once the keys are no longer taken as they are typed: until then Ctrl-C only drops the line.
    std::thread::sleep(std::time::Duration::from_millis(500));
    terminal.types("\x03")?;
    terminal.shows("the query was cancelled")?;
    terminal.shows("millrace> ")?;
    terminal.types("SELECT COUNT(*) AS n FROM users_transformed;\n")?;
    terminal.shows("100")?;
    terminal.shows("millrace> ")?;
    // Each line is kept when it is typed: a terminal that is closed loses none.
    let history = std::fs::read_to_string(lake.path().join("state/millrace/query_history"))?;
    ensure!(
        history.contains(HEAVY) && history.contains("SELECT COUNT(*) AS n FROM users_transformed;"),
        "{history}"
    );
    terminal.types("exit\n")?;
    let status = terminal.child.wait()?;
    ensure!(status.success(), "{status}");
    Ok(())
}

#[test]
fn a_long_answer_is_the_pagers_and_a_short_one_is_not() -> Result<()> {
    let lake = tempfile::tempdir()?;
    Ended::of(simulate(lake.path(), 100, 3, &[TIDY])?)?.summary(0)?;
    let mut terminal = Terminal::open(lake.path(), "sed 's/^/paged: /'")?;
    terminal.types("SELECT id FROM users_transformed;\n")?;
    let shown = terminal.shows("paged: 100 rows")?;
    ensure!(shown.matches("paged: ").count() > 100, "{shown}");
    terminal.shows("millrace> ")?;
    terminal.types("SELECT id FROM users_transformed LIMIT 2;\n")?;
    let shown = terminal.shows("2 rows")?;
    ensure!(!shown.contains("paged: "), "{shown}");
    terminal.shows("millrace> ")?;
    terminal.types(".rows 3\n.pager off\nSELECT id FROM users_transformed;\n")?;
    let shown = terminal.shows("3 of 100 rows")?;
    ensure!(!shown.contains("paged: "), "{shown}");
    Ok(())
}
