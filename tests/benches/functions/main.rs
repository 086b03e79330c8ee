//! `cargo xtask bench functions`: the zips' sizes, how soon a process asks for its first event, and what a batch of 6 MB costs, beside
//! a Rust function that does nothing and a Python function that does the same.
//!
//! The functions run as they are packaged, against a runtime API of our own ([`runtime_api`]) on this machine. Times to the first event
//! are wall time, in turn with the floor's; what a batch costs is CPU seconds of the function's process alone. Medians.

mod function;
mod input;
mod runtime_api;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use millrace_bench_report::cost::Landed;
use millrace_bench_report::{Measure, Report, median};

use crate::function::Function;

/// Where `cargo xtask bench functions` put the zips and the binaries in them.
const ZIPS: &str = "MILLRACE_FUNCTION_ZIPS";
const BINARIES: &str = "MILLRACE_FUNCTION_BINARIES";
const FUNCTIONS: [&str; 4] = ["land-events", "fetch-users", "replay-dead-letters", "create-topics"];

/// Starts of each function.
const STARTS: usize = 21;
/// Batches that a warm function is given.
const BATCHES: usize = 9;

/// Bytes of a zip.
const ZIP: f64 = 8e6;
/// From the process's start to its first `/next`.
const START: Duration = Duration::from_millis(30);
/// CPU of a batch of 6 MB.
const BATCH: Duration = Duration::from_millis(120);
/// Of the process.
const MEMORY: f64 = 128.0 * 1024.0 * 1024.0;

fn main() -> anyhow::Result<()> {
    let mut report = Report::new(std::env::args().any(|argument| argument == "--json"));
    let of = |variable| std::env::var_os(variable).map(PathBuf::from);
    let (Some(zips), Some(binaries)) = (of(ZIPS), of(BINARIES)) else {
        report.note("skipped: bench functions: MILLRACE_FUNCTION_ZIPS names no zips; cargo xtask bench functions makes them");
        return Ok(());
    };
    let python = function::python();
    if python.is_none() {
        report.note("skipped: the Python peer: MILLRACE_PYTHON names no Python with pyarrow and protobuf");
    }
    sizes(&mut report, &zips)?;
    starts(&mut report, &binaries, python.as_deref())?;
    batches(&mut report, &binaries, python.as_deref())?;
    report.finish();
    Ok(())
}

fn sizes(report: &mut Report, zips: &Path) -> anyhow::Result<()> {
    for name in FUNCTIONS {
        let zip = zips.join(name).join("bootstrap.zip");
        let bytes = std::fs::metadata(&zip).with_context(|| format!("no {}", zip.display()))?.len() as f64;
        report.add(Measure {
            name: format!("size: {name}"),
            ours: bytes,
            peer: ZIP,
            peer_name: "the limit".to_owned(),
            unit: "bytes of the zip",
            ratio: ZIP / bytes,
            goal: 1.0,
        });
    }
    Ok(())
}

fn starts(report: &mut Report, binaries: &Path, python: Option<&Path>) -> anyhow::Result<()> {
    let lake = tempfile::tempdir()?;
    let input = input::write_for_python(lake.path())?;
    let mut contestants: Vec<(&str, Function)> = FUNCTIONS
        .into_iter()
        .chain(["hello-world"])
        .map(|name| (name, Function::of_rust(&binaries.join(name), lake.path())))
        .collect();
    if let Some(python) = python {
        contestants.push(("python", Function::of_python(python, &input, lake.path())));
    }
    let mut times = vec![Vec::new(); contestants.len()];
    for _ in 0..STARTS {
        for ((_, function), times) in contestants.iter().zip(&mut times) {
            times.push(function.start()?.until_first_next.as_secs_f64() * 1e6);
        }
    }
    let medians: Vec<_> =
        contestants.iter().map(|(name, _)| *name).zip(times.into_iter().map(median)).collect();
    let of = |wanted: &str| medians.iter().find(|(name, _)| *name == wanted).map(|(_, micros)| *micros);
    let floor = of("hello-world").context("the floor was measured")?;
    report.note(&format!("start: a Rust function that does nothing takes {floor:.0} µs to its first /next"));
    for name in FUNCTIONS {
        let ours = of(name).context("it was measured")?;
        let limit = START.as_secs_f64() * 1e6;
        let mut add = |peer, peer_name: &str, goal| {
            let (name, peer_name) = (format!("start: {name}"), peer_name.to_owned());
            report.add(Measure {
                name,
                ours,
                peer,
                peer_name,
                unit: "µs to /next",
                ratio: peer / ours,
                goal,
            });
        };
        add(limit, "the goal", 1.0);
        // No goal: how far from the floor.
        add(floor, "a Rust function that does nothing", 0.0);
        if let (Some(python), "land-events") = (of("python"), name) {
            add(python, "Python: pyarrow, protobuf", 1.0);
        }
    }
    Ok(())
}

fn batches(report: &mut Report, binaries: &Path, python: Option<&Path>) -> anyhow::Result<()> {
    let lake = tempfile::tempdir()?;
    let payloads = input::payloads(BATCHES + 1)?;
    report.note(&format!(
        "batch: {} users as Protobuf in one partition, {} bytes of JSON",
        payloads.users,
        payloads.bodies[0].len()
    ));
    let mut function = Function::of_rust(&binaries.join("land-events"), lake.path()).start()?;
    let first = function.invoke(&payloads.bodies[0])?;
    let mut cpu = Vec::new();
    for body in &payloads.bodies[1..] {
        cpu.push(function.invoke(body)?);
    }
    let rows = input::landed(lake.path())?;
    ensure!(rows.rows == (payloads.users * payloads.bodies.len()) as u64, "{} rows landed", rows.rows);
    let ours = median(cpu);
    let memory = function.peak_memory()?;
    report.note(&format!(
        "batch: the first of a process takes {:.0} ms of CPU; an object has {} bytes",
        first * 1e3,
        rows.bytes / rows.objects
    ));
    let mut add = |what: &str, ours, peer, peer_name: &str, unit, goal| {
        let (name, peer_name) = (format!("batch: {what}"), peer_name.to_owned());
        report.add(Measure { name, ours, peer, peer_name, unit, ratio: peer / ours, goal });
    };
    add("6 MB to a durable object", ours * 1e6, BATCH.as_secs_f64() * 1e6, "the goal", "µs of CPU", 1.0);
    add("its memory", memory as f64, MEMORY, "the goal", "bytes at most", 1.0);
    if let Some(python) = python {
        let input = input::write_for_python(lake.path())?;
        let mut function = Function::of_python(python, &input, lake.path()).start()?;
        function.invoke(&payloads.bodies[0])?;
        let theirs = payloads.bodies[1..].iter().map(|body| function.invoke(body));
        let theirs = median(theirs.collect::<anyhow::Result<_>>()?);
        add(
            "6 MB to a durable object",
            ours * 1e6,
            theirs * 1e6,
            "Python: pyarrow, protobuf",
            "µs of CPU",
            1.0,
        );
        add(
            "its memory",
            memory as f64,
            function.peak_memory()? as f64,
            "Python: pyarrow, protobuf",
            "bytes at most",
            1.0,
        );
    }
    let landed = Landed { what: "users", records: payloads.users, cpu_seconds: ours, objects: 1 };
    report.note(&landed.in_invocations_of(payloads.users));
    Ok(())
}
