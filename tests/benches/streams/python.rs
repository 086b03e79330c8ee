//! The peers that are written in Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use millrace_events::event::Event;
use millrace_proto::DESCRIPTORS;

/// The interpreter of `MILLRACE_PYTHON`, where it has what the peers import.
pub(crate) fn interpreter() -> Option<PathBuf> {
    let python = PathBuf::from(std::env::var_os("MILLRACE_PYTHON")?);
    let imports = "import pyarrow, google.protobuf, fastavro, orjson";
    let output = Command::new(&python).args(["-c", imports]).output().ok()?;
    output.status.success().then_some(python)
}

/// A folder of what a peer reads: `values`, each behind its length, `descriptors` and `schema.avsc`.
#[derive(Debug)]
pub(crate) struct Input(PathBuf);

impl Input {
    pub(crate) fn write(folder: &Path, event: &Event, values: &[Vec<u8>]) -> anyhow::Result<Self> {
        let mut framed = Vec::new();
        for value in values {
            framed.extend_from_slice(&u32::try_from(value.len())?.to_le_bytes());
            framed.extend_from_slice(value);
        }
        fs::write(folder.join("values"), framed).context("the peer's values")?;
        fs::write(folder.join("descriptors"), DESCRIPTORS).context("the peer's descriptors")?;
        fs::write(folder.join("schema.avsc"), event.avro_schema()).context("the peer's Avro schema")?;
        Ok(Self(folder.to_owned()))
    }
}

/// CPU seconds that the peer needs from bytes in memory to its result; it stops where a row is missing.
pub(crate) fn cpu_seconds(python: &Path, script: &str, input: &Input) -> anyhow::Result<f64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let output = Command::new(python)
        .arg("-B")
        .arg(script)
        .arg(&input.0)
        .output()
        .context("the peer could not be started")?;
    ensure!(output.status.success(), "the peer failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}
