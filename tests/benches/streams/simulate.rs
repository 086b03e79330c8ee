//! The simulator's own speed: it must never be what a measure waits for.

use millrace_bench_report::{Measure, Report, cpu_seconds, median};
use millrace_sources::{Batch, Stream, Streams};

use crate::input;

const EVENTS: usize = 1_000_000;

pub(crate) fn bench(report: &mut Report) -> anyhow::Result<()> {
    for (name, streams) in [("interactions", Streams::from(Stream::Interactions)), ("all", Streams::ALL)] {
        let mut behaviour = input::behaviour(streams)?;
        let mut batch = Batch::new();
        let mut round = |events: usize| {
            for _ in 0..events / 1_000 {
                batch.clear();
                behaviour.fill(&mut batch, 1_000).expect("the simulator has no bug");
            }
        };
        // The users who exist from the start, and the sessions that open until there are as many as there will be.
        round(EVENTS);
        let rate = EVENTS as f64 / median((0..5).map(|_| cpu_seconds(|| round(EVENTS))).collect());
        report.add(Measure {
            name: format!("simulate: {name}, Protobuf"),
            ours: rate,
            peer: 1e6,
            peer_name: "the goal".to_owned(),
            unit: "events/s of CPU",
            ratio: rate / 1e6,
            goal: 1.0,
        });
    }
    Ok(())
}
