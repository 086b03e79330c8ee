//! A function's process, and what it takes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::runtime_api::RuntimeApi;

/// How a function is started.
pub(crate) struct Function {
    program: PathBuf,
    arguments: Vec<PathBuf>,
    lake: PathBuf,
}

/// One that runs.
pub(crate) struct Running {
    process: Child,
    api: RuntimeApi,
    pub(crate) until_first_next: Duration,
}

/// The interpreter of `MILLRACE_PYTHON`, where it has what the peer imports.
pub(crate) fn python() -> Option<PathBuf> {
    let python = PathBuf::from(std::env::var_os("MILLRACE_PYTHON")?);
    let output = Command::new(&python).args(["-c", "import pyarrow, google.protobuf"]).output().ok()?;
    output.status.success().then_some(python)
}

impl Function {
    pub(crate) fn of_rust(binary: &Path, lake: &Path) -> Self {
        Self { program: binary.to_owned(), arguments: Vec::new(), lake: lake.to_owned() }
    }

    pub(crate) fn of_python(python: &Path, descriptors: &Path, lake: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("land_python.py");
        let arguments = vec![script, descriptors.to_owned(), lake.join("peer.parquet")];
        Self { program: python.to_owned(), arguments, lake: lake.to_owned() }
    }

    /// Starts it and waits until it asks for an event.
    pub(crate) fn start(&self) -> anyhow::Result<Running> {
        let mut api = RuntimeApi::start()?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        for (name, value) in [
            ("AWS_LAMBDA_RUNTIME_API", api.address()),
            ("AWS_LAMBDA_FUNCTION_NAME", "bench".to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "bench".to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".to_owned()),
            ("MILLRACE_LAKE", self.lake.join("lake").display().to_string()),
            ("MILLRACE_GENERATION", "bench".to_owned()),
            // Nobody is there: no record of the bench is a dead letter.
            ("MILLRACE_BROKERS", "127.0.0.1:1".to_owned()),
        ] {
            command.env(name, value);
        }
        let began = Instant::now();
        let process = command
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{} could not be started", self.program.display()))?;
        api.await_next()?;
        Ok(Running { process, api, until_first_next: began.elapsed() })
    }
}

impl Running {
    /// Gives it an event; answers the CPU seconds that the process took until it asks for another.
    pub(crate) fn invoke(&mut self, event: &[u8]) -> anyhow::Result<f64> {
        self.api.await_next()?;
        let before = self.cpu_seconds()?;
        let answer = self.api.invoke(event)?;
        ensure!(answer == br#"{"batchItemFailures":[]}"#, "it answered {}", String::from_utf8_lossy(&answer));
        self.api.await_next()?;
        Ok(self.cpu_seconds()? - before)
    }

    /// Of all its threads, to the nanosecond, as the scheduler counts them.
    fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let mut nanos = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let told = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            nanos += told.split(' ').next().context("schedstat's first figure")?.parse::<u64>()?;
        }
        Ok(nanos as f64 / 1e9)
    }

    pub(crate) fn peak_memory(&self) -> anyhow::Result<u64> {
        let told = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1_024)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It waits for an event that never comes.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
