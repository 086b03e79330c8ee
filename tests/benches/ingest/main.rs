//! `cargo xtask bench ingest`: how fast users become events and raw objects, each against a named peer in the same run.
//!
//! Times are CPU seconds of the whole process, threads included, so that a busy machine and a slow disk do not count;
//! each figure is the median of its runs, ours and the peer's taken in turn.

mod input;
mod memory;
mod page;
mod peers;
mod records;

use millrace_bench_report::Report;

fn main() -> anyhow::Result<()> {
    let json = std::env::args().any(|argument| argument == "--json");
    let mut report = Report::new(json);
    let users = input::simulated(100_000)?;
    report.note(&format!(
        "input: {} simulated users of the API's shape with distinct ids; mean bytes: {:.0} of the API's JSON, {:.0} of \
         Protobuf, {:.0} of nested JSON",
        users.protobuf.len(),
        users.mean_answer_bytes,
        input::mean(&users.protobuf),
        input::mean(&users.json),
    ));
    page::bench(&mut report)?;
    records::bench(&mut report, &users)?;
    memory::bench(&mut report)?;
    report.finish();
    Ok(())
}
