//! A server's process: started, waited for, stopped by its own handle, whatever happens to the task.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// Every server that runs, so that an interrupted task takes them with it.
static RUNNING: Mutex<Vec<Arc<Mutex<Child>>>> = Mutex::new(Vec::new());

/// A server that runs as long as this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Arc<Mutex<Child>>,
    log: PathBuf,
}

impl Server {
    /// Starts it, its output into a log beside its name in `folder`.
    pub(crate) fn start(name: &str, command: &mut Command, folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
        let log = folder.join(format!("{name}-{}.log", std::process::id()));
        let output = File::create(&log).with_context(|| format!("could not write {}", log.display()))?;
        command.stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
        stop_when_interrupted()?;
        in_a_group_of_its_own(command);
        // Held over the start, so that an interruption finds every server that has been started.
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.spawn().with_context(|| format!("could not start {name}"))?;
        let child = Arc::new(Mutex::new(child));
        running.push(Arc::clone(&child));
        Ok(Self { child, log })
    }

    /// Waits until `answers` says so.
    ///
    /// # Errors
    /// It ended before, or did not answer `within`; with the last line that it wrote.
    pub(crate) fn wait(&self, within: Duration, answers: impl Fn() -> bool) -> anyhow::Result<()> {
        let begin = Instant::now();
        loop {
            if answers() {
                return Ok(());
            }
            let ended = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait()?;
            if let Some(status) = ended {
                bail!("it ended with {status}: {} ({})", self.last_line(), self.log.display());
            }
            if begin.elapsed() > within {
                let seconds = within.as_secs();
                bail!("it did not answer within {seconds} s: {} ({})", self.last_line(), self.log.display());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// Lets it run on when the task ends.
    pub(crate) fn keep(self) {
        RUNNING
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|child| !Arc::ptr_eq(child, &self.child));
        // Its end is nobody's business any more: neither stopped nor waited for.
        std::mem::forget(self);
    }

    fn last_line(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let last = log.lines().map(str::trim).rfind(|line| !line.is_empty());
        last.unwrap_or("it said nothing").to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        stop(&self.child);
        RUNNING
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|child| !Arc::ptr_eq(child, &self.child));
        // Kept where the task fails before: whoever looks for a reason finds it.
        if !std::thread::panicking() {
            let _ = std::fs::remove_file(&self.log);
        }
    }
}

/// Kills it: what a test server holds is thrown away.
fn stop(child: &Mutex<Child>) {
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    // These fail only where it has ended already.
    kill_group(child.id());
    let _ = child.kill();
    let _ = child.wait();
}

/// A server of functions has processes of its own, which end with it; and a Ctrl-C at the terminal comes to the task, which
/// stops the servers in its own order.
#[cfg(unix)]
fn in_a_group_of_its_own(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn in_a_group_of_its_own(_: &mut Command) {}

/// Kills the process and those that it started.
#[cfg(unix)]
pub(super) fn kill_group(pid: u32) {
    use nix::sys::signal::{Signal, killpg};
    // Nought would be this task's own group.
    if let Some(group) = i32::try_from(pid).ok().filter(|pid| *pid > 1) {
        let _ = killpg(nix::unistd::Pid::from_raw(group), Signal::SIGKILL);
    }
}

#[cfg(not(unix))]
pub(super) fn kill_group(_: u32) {}

/// Sees to it, once, that Ctrl-C and a request to end stop the servers before they end the task.
#[cfg(unix)]
fn stop_when_interrupted() -> anyhow::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};

    static LISTENING: Mutex<bool> = Mutex::new(false);
    let mut listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
    if !*listening {
        let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                // Never given back: no server is started after this.
                let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
                running.iter().for_each(|child| stop(child));
                std::process::exit(128 + signal);
            }
        });
        *listening = true;
    }
    Ok(())
}

#[cfg(not(unix))]
fn stop_when_interrupted() -> anyhow::Result<()> {
    Ok(())
}

/// A port of this machine that nobody listens on now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// Whether a GET of `path` is answered with 200.
pub(crate) fn answers_http(port: u16, path: &str) -> bool {
    does(port, "GET", path)
}

/// Whether such a request, without a body, is answered with 200.
pub(crate) fn does(port: u16, method: &str, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let patience = Some(Duration::from_secs(5));
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(patience)?;
        stream.set_write_timeout(patience)?;
        let headers = format!("Host: 127.0.0.1:{port}\r\nContent-Length: 0\r\nConnection: close");
        write!(stream, "{method} {path} HTTP/1.1\r\n{headers}\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_server_is_waited_for_and_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready");
        let script = format!("sleep 0.2; touch {}; exec sleep 600", ready.display());
        let server = Server::start("sleeper", &mut shell(&script), folder.path()).unwrap();
        server.wait(Duration::from_secs(60), || ready.exists()).unwrap();
        let child = Arc::clone(&server.child);
        assert!(child.lock().unwrap().try_wait().unwrap().is_none(), "it runs");
        drop(server);
        assert!(child.lock().unwrap().try_wait().unwrap().is_some(), "it was stopped and waited for");
    }

    #[test]
    fn one_that_ends_or_never_answers_tells_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let told = |script: &str| {
            let server = Server::start("failing", &mut shell(script), folder.path()).unwrap();
            server.wait(Duration::from_secs(1), || false).unwrap_err().to_string()
        };
        let ended = told("echo the port is taken; exit 3");
        assert!(ended.contains("the port is taken") && ended.contains("exit status: 3"), "{ended}");
        assert!(told("exec sleep 600").contains("did not answer within 1 s"));
        assert!(Server::start("none", &mut Command::new("/no/such/server"), folder.path()).is_err());
    }

    #[test]
    fn only_a_200_is_an_answer() {
        assert!(!answers_http(free_port().unwrap(), "/"), "nobody listens there");
        for (answer, good) in
            [("HTTP/1.1 200 OK\r\n\r\n", true), ("HTTP/1.1 503 Not yet\r\n\r\n", false), ("", false)]
        {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let serving = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = [0; 4];
                stream.read_exact(&mut asked).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
                asked
            });
            assert_eq!(answers_http(port, "/health"), good);
            assert_eq!(&serving.join().unwrap(), b"GET ");
        }
    }
}
