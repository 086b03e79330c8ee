//! compact-raw over a lake in a folder, in a process of its own: its peak of memory is the function's.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use compact_raw::{Function, Request};
use millrace_runtime::settings::Environment;
use millrace_runtime::{Deadline, cpu_seconds, peak_rss_bytes};
use serde_json::{Value, json};

use crate::day::DAY;
use crate::on_s3;

/// Begin the arguments of children.
const COMPACT: &str = "compact-this";
pub(crate) const UPLOAD: &str = "upload-this";
pub(crate) const DOWNLOAD: &str = "download-this";

/// What the child tells.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_rss_bytes: u64,
    pub(crate) objects_before: u64,
    pub(crate) objects_after: u64,
    pub(crate) rows: u64,
}

/// Does a child's part where the arguments are a child's; `false`: they are not.
pub(crate) fn is_child(arguments: &[String]) -> anyhow::Result<bool> {
    let [role, from, to] = arguments else { return Ok(false) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match role.as_str() {
        COMPACT => compact(&runtime, from, to)?,
        UPLOAD => runtime.block_on(on_s3::upload(Path::new(from), to))?,
        DOWNLOAD => runtime.block_on(on_s3::download(from, Path::new(to)))?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// One invocation without a deadline.
fn compact(runtime: &tokio::runtime::Runtime, lake: &str, memory: &str) -> anyhow::Result<()> {
    let given = [("MILLRACE_LAKE", lake), ("MILLRACE_MEMORY_BYTES", memory)];
    let environment = Environment::of(given.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let asked = json!({ "as_of": DAY, "started_at": "2026-02-04T00:30:00Z" });
    let request: Request = serde_json::from_value(asked)?;
    let (begin, cpu) = (Instant::now(), cpu_seconds().unwrap_or_default());
    let function = Function::new(environment);
    let report =
        runtime.block_on(function.invoke(request, "2026-02-04T00:30:00Z".parse()?, Deadline::never()))?;
    let told = json!({
        "seconds": begin.elapsed().as_secs_f64(),
        "cpu_seconds": cpu_seconds().unwrap_or_default() - cpu,
        "peak": peak_rss_bytes(),
        "report": report,
    });
    println!("{told}");
    Ok(())
}

/// Runs this program once more as a child; answers what it told.
pub(crate) fn child_with(
    role: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> anyhow::Result<String> {
    let mut child = Command::new(std::env::current_exe()?);
    let ended = child.arg(role).args(arguments).envs(environment.iter().copied()).output()?;
    ensure!(ended.status.success(), "{role} failed: {}", String::from_utf8_lossy(&ended.stderr));
    Ok(String::from_utf8(ended.stdout)?)
}

pub(crate) fn run(lake: &str, memory_bytes: u64, environment: &[(&str, &str)]) -> anyhow::Result<Run> {
    let told = child_with(COMPACT, &[lake, &memory_bytes.to_string()], environment)?;
    let told: Value = serde_json::from_str(told.lines().last().context("the child tells nothing")?)?;
    let table = &told["report"]["tables"][0];
    ensure!(told["report"]["done"] == true && told["report"]["small_objects"] == 0, "{told}");
    let number = |value: &Value| value.as_u64().with_context(|| format!("a figure is missing: {told}"));
    Ok(Run {
        seconds: told["seconds"].as_f64().context("no seconds")?,
        cpu_seconds: told["cpu_seconds"].as_f64().context("no seconds of CPU")?,
        peak_rss_bytes: number(&told["peak"])?,
        objects_before: number(&table["objects_before"])?,
        objects_after: number(&table["objects_after"])?,
        rows: number(&table["rows"])?,
    })
}
