//! `cargo xtask bench streams`: how fast events are made, decoded and landed, each against a goal and a named peer in the
//! same run.
//!
//! Times are CPU seconds of the whole process, threads included, so that a busy machine and a slow disk do not count;
//! each figure is the median of its runs, ours and the peer's taken in turn. Arguments that are no options choose among
//! `simulate`, `decode` and `land`.

mod decode;
mod input;
mod land;
mod python;
mod simulate;

use millrace_bench_report::Report;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let chosen: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let is_chosen = |part: &str| chosen.is_empty() || chosen.iter().any(|name| *name == part);
    let mut report = Report::new(arguments.iter().any(|argument| argument == "--json"));
    let python = python::interpreter();
    if python.is_none() {
        report.note(
            "skipped: the Python peers: MILLRACE_PYTHON names no Python with pyarrow, protobuf, fastavro and orjson; cargo \
             xtask bench sets it",
        );
    }
    if is_chosen("simulate") {
        simulate::bench(&mut report)?;
    }
    if is_chosen("decode") {
        decode::bench(&mut report, python.as_deref())?;
    }
    if is_chosen("land") {
        land::bench(&mut report, python.as_deref())?;
    }
    report.finish();
    Ok(())
}
