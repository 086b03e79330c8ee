//! `millrace`, run as a script runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The logical day of the scenarios.
pub const DAY: &str = "2026-01-31";

/// The program that was built beside this test.
pub fn binary() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).context("a test lies in target/<profile>/deps")?;
    let binary = folder.join(format!("millrace{}", std::env::consts::EXE_SUFFIX));
    ensure!(
        binary.is_file(),
        "{} is not built: run `cargo xtask test`, or `cargo build` before `cargo test -p millrace-tests`",
        binary.display()
    );
    warn_if_stale(&binary);
    Ok(binary)
}

/// `cargo test -p millrace-tests` alone does not build the program anew, and would test an old one.
fn warn_if_stale(binary: &Path) {
    let modified = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    let sources = std::fs::read_to_string(binary.with_extension("d")).unwrap_or_default();
    let newer =
        sources.split_whitespace().skip(1).find(|source| modified(Path::new(source)) > modified(binary));
    if let Some(source) = newer {
        println!("warning: {} is older than {source}: run `cargo build` first", binary.display());
    }
}

/// `millrace` with `arguments`, its output piped. The caller's own settings don't reach it.
pub fn millrace(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary()?);
    for (name, _) in std::env::vars_os() {
        if ["MILLRACE_", "AWS_"].iter().any(|begin| name.to_string_lossy().starts_with(begin)) {
            command.env_remove(name);
        }
    }
    // Nor does a file of settings of theirs.
    command.env("XDG_CONFIG_HOME", std::env::temp_dir().join("no settings of anybody"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// `millrace run` into `lake`, with `--json`.
pub fn run_command(lake: &Path, arguments: &[&str]) -> Result<Command> {
    let mut command = millrace(&["run", "--json", "--lake"])?;
    command.arg(lake).args(arguments);
    Ok(command)
}

/// What `run` and `simulate` take to tell of users without a flaw. Scenarios go over both manners.
pub const TIDY: &str = "--tidy";

/// Simulated users of [`DAY`], as untidy as real ones, with `more` arguments.
pub fn simulate(lake: &Path, users: u64, seed: u64, more: &[&str]) -> Result<Command> {
    let (users, seed) = (users.to_string(), seed.to_string());
    let mut arguments = vec!["--source", "simulator", "--as-of", DAY, "--users", &users, "--seed", &seed];
    arguments.extend(more);
    run_command(lake, &arguments)
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// `None`: killed.
    pub code: Option<i32>,
    /// All of standard output; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// All of standard error, likewise.
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Ended {
    /// Runs the command to its end.
    pub fn of(mut command: Command) -> Result<Self> {
        Ok(command.output().with_context(|| format!("could not run {command:?}"))?.into())
    }

    /// The summary of a run that ended with `code`.
    pub fn summary(&self, code: i32) -> Result<Summary> {
        ensure!(self.code == Some(code), "ended with {:?} instead of {code}: {}", self.code, self.stderr);
        let json = serde_json::from_str(&self.stdout)
            .with_context(|| format!("no JSON: {:?}, {}", self.stdout, self.stderr))?;
        Ok(Summary(json))
    }

    /// What a run that failed with `code` says, which must name each of `words`.
    pub fn refusal(&self, code: i32, words: &[&str]) -> Result<&str> {
        ensure!(self.code == Some(code), "ended with {:?} instead of {code}: {}", self.code, self.stderr);
        for word in words {
            ensure!(self.stderr.contains(word), "{word:?} is not in: {}", self.stderr);
        }
        ensure!(!self.stderr.contains("panicked"), "{}", self.stderr);
        Ok(&self.stderr)
    }
}

/// The JSON object that `run --json` prints.
#[derive(Debug, Clone)]
pub struct Summary(pub Value);

impl Summary {
    /// A count of the summary by its key.
    ///
    /// # Errors
    /// The key is not there, or is no whole number of 0 or more.
    pub fn count(&self, name: &str) -> Result<u64> {
        self.0[name].as_u64().with_context(|| format!("{name} is no count in {}", self.0))
    }

    /// The topic generation into which the run landed.
    pub fn generation(&self) -> Result<&str> {
        self.0["generation"].as_str().context("no generation")
    }

    /// Rows of a table that the run made.
    pub fn rows(&self, table: &str) -> Result<u64> {
        self.0["tables"][table].as_u64().with_context(|| format!("no {table} in {}", self.0))
    }

    /// Holds every hop of the run against the one before it, up to the topic's end.
    pub fn check_hops(&self) -> Result<()> {
        let [fetched, rejected, produced, landed, dead] =
            ["fetched", "rejected", "produced", "landed", "dead_lettered"].map(|name| self.count(name));
        let (fetched, rejected, produced, landed, dead) = (fetched?, rejected?, produced?, landed?, dead?);
        ensure!(
            fetched == rejected + produced,
            "fetched {fetched}, rejected {rejected}, produced {produced}"
        );
        ensure!(produced == landed + dead, "produced {produced}, landed {landed}, dead-lettered {dead}");
        Ok(())
    }

    /// Holds the tables' rows against the raw rows.
    pub fn check_tables(&self) -> Result<()> {
        let (raw, users) = (self.count("raw_rows")?, self.rows("users_transformed")?);
        let (duplicates, after) = (self.count("duplicates")?, self.count("after_as_of")?);
        ensure!(raw == users + duplicates + after, "{raw} raw rows, but {users} + {duplicates} + {after}");
        ensure!(self.rows("data_quality_summary")? == 1);
        Ok(())
    }
}

/// The only cell of an answer of `millrace query`.
pub fn query_count(lake: &Path, sql: &str) -> Result<u64> {
    let mut command = millrace(&["query", sql, "--format", "csv", "--lake"])?;
    command.arg(lake);
    let ended = Ended::of(command)?;
    ensure!(ended.code == Some(0), "{sql}: {}", ended.stderr);
    let cell = ended.stdout.lines().nth(1).context("no row")?;
    cell.trim().parse().with_context(|| format!("{sql} answered {cell:?}"))
}
