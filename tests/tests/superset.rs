//! Apache Superset over the SQL server: a lake that `millrace run` made, `millrace serve --sql`, and a Superset of its own, asked by its
//! REST API as its pages ask it. The steps are in superset/dashboards.py.

#![cfg(unix)]

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use millrace_skips::skipped;
use millrace_tests::program::{Ended, binary, millrace, simulate};
use millrace_tests::running::Running;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

const PYTHON: &str = "MILLRACE_TEST_SUPERSET_PYTHON";

/// Many enough that more than one page of SQL Lab is asked.
const USERS: u64 = 1_200;
const SEED: u64 = 7;

/// Of accounts that end with the test, on this machine alone.
const PASSWORD: &str = "bi-secret";
const ADMINS_PASSWORD: &str = "admins-secret";

/// Superset starts in 10 s on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn superset_browses_asks_and_draws() -> Result<()> {
    let Some(python) = std::env::var_os(PYTHON) else {
        skipped("Superset over the SQL server", "not asked for: cargo xtask test --with superset");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    let streams = ["--streams", "all", "--events", "6000"];
    Ended::of(simulate(&lake, USERS, SEED, &streams)?)?.summary(0)?;
    let (_server, port) = serve(&lake, &users_file(folder.path())?)?;
    let superset = Superset::start(PathBuf::from(python), folder.path())?;

    let mut steps = superset.python();
    steps.arg(script("dashboards.py")).args([&superset.url, ADMINS_PASSWORD, &port, PASSWORD]);
    steps.arg(binary()?).arg(&lake);
    let ended = Ended::of(steps)?;
    ensure!(ended.code == Some(0), "{}{}", ended.stdout, ended.stderr);
    println!("{}", ended.stdout);
    Ok(())
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/superset").join(name)
}

fn users_file(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("users.toml");
    let mut made = std::fs::File::options();
    let mut file = made.write(true).create_new(true).mode(0o600).open(&path)?;
    std::io::Write::write_all(
        &mut file,
        format!("[bi]\npassword = \"{PASSWORD}\"\nreads = \"all\"\n").as_bytes(),
    )?;
    Ok(path)
}

/// `millrace serve` over the lake, and its port.
fn serve(lake: &Path, users: &Path) -> Result<(Running, String)> {
    let mut command = millrace(&["serve", "--json", "--sql", "127.0.0.1:0", "--lake"])?;
    command.arg(lake).arg("--sql-users").arg(users);
    let mut server = Running::start(command)?;
    server.says("}")?;
    let told: Value = serde_json::from_str(&server.stdout).with_context(|| server.stdout.clone())?;
    let port = told["sql"].as_str().and_then(|address| address.strip_prefix("127.0.0.1:"));
    let port = port.with_context(|| format!("no address of this machine: {told}"))?.to_owned();
    Ok((server, port))
}

/// A Superset that keeps all it has in one folder, and ends with this value, or with this process.
struct Superset {
    python: PathBuf,
    home: PathBuf,
    url: String,
    child: Option<Child>,
}

impl Superset {
    /// Makes its database and its administrator, and waits until it listens.
    fn start(python: PathBuf, folder: &Path) -> Result<Self> {
        let home = folder.join("superset");
        std::fs::create_dir(&home)?;
        let mut superset = Self { python, home, url: String::new(), child: None };
        superset.run(&["db", "upgrade"])?;
        superset.run(&[
            "fab",
            "create-admin",
            "--username",
            "admin",
            "--firstname",
            "A",
            "--lastname",
            "D",
            "--email",
            "admin@example.com",
            "--password",
            ADMINS_PASSWORD,
        ])?;
        superset.run(&["init"])?;
        superset.listen()?;
        Ok(superset)
    }

    /// Its Python, which finds nothing of the caller's but the programs on the path.
    fn python(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1").env("LC_ALL", "C.UTF-8");
        command.env("HOME", &self.home).env("SUPERSET_HOME", &self.home).env("FLASK_APP", "superset");
        command.env("SUPERSET_CONFIG_PATH", script("superset_config.py"));
        command.env("MILLRACE_TEST_SUPERSET_KEY", "of a database that ends with the test, and long enough");
        command
    }

    fn command(&self, arguments: &[&str]) -> Result<(Command, PathBuf)> {
        let said = self.home.join(format!("{}.log", arguments[0]));
        let log = std::fs::File::create(&said)?;
        let mut command = self.python();
        command.arg(script("superset_until.py")).args(arguments).process_group(0);
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        Ok((command, said))
    }

    fn run(&mut self, arguments: &[&str]) -> Result<()> {
        let (mut command, said) = self.command(arguments)?;
        self.child = Some(command.spawn()?);
        self.wait(&said, |_, ended| ended)?;
        let status = self.child.take().context("no child")?.wait()?;
        ensure!(status.success(), "superset {arguments:?} ended with {status}: {}", text(&said)?);
        Ok(())
    }

    fn listen(&mut self) -> Result<()> {
        // Port 0 takes a free one, which it tells.
        let (mut command, said) = self.command(&["run", "-h", "127.0.0.1", "-p", "0", "--with-threads"])?;
        self.child = Some(command.spawn()?);
        self.wait(&said, |told, ended| ended || address(told).is_some())?;
        let told = text(&said)?;
        self.url = address(&told).with_context(|| format!("Superset ended: {told}"))?;
        Ok(())
    }

    /// Waits until `done` says so of what the child has said and of whether it has ended.
    fn wait(&mut self, said: &Path, done: impl Fn(&str, bool) -> bool) -> Result<()> {
        let begin = Instant::now();
        let child = self.child.as_mut().context("no child")?;
        loop {
            // Asked first: what is read then is all that an ended child has said. It is not waited for: that would close its input.
            let ended = child.try_wait()?.is_some();
            if done(&text(said)?, ended) {
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                bail!("Superset goes on after {PATIENCE:?}: {}", text(said)?);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Superset {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // These fail only where it has ended already.
            let _ = i32::try_from(child.id()).map(|group| killpg(Pid::from_raw(group), Signal::SIGKILL));
            let _ = child.wait();
        }
    }
}

fn text(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Where it says that it listens.
fn address(told: &str) -> Option<String> {
    let line = told.lines().find_map(|line| line.split_once("Running on http://127.0.0.1:"))?.1;
    let port: String = line.chars().take_while(char::is_ascii_digit).collect();
    Some(format!("http://127.0.0.1:{port}"))
}
