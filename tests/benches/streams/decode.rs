//! Values of the stream with most events into Arrow batches.

use std::hint::black_box;
use std::path::Path;

use anyhow::ensure;
use millrace_bench_report::{Measure, Report, cpu_seconds, median};
use millrace_events::batch::{EventBatchBuilder, SourcePartition};
use millrace_events::decode::Value;
use millrace_events::event::Event;
use millrace_events::frame::Encoding;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_events::repository_schemas::RepositorySchemas;
use millrace_lake::erasure::refused_ids::RefusedIds;
use millrace_sources::Stream;

use crate::input;
use crate::python;

const EVENTS: usize = 100_000;
const BATCH_ROWS: usize = 4_096;
const RUNS: usize = 15;

/// An encoding, its goal in events a second, the peer's program and name, and how many times as fast we have to be: orjson is
/// compiled, and so are the columns behind it.
const ENCODINGS: [(Encoding, f64, &str, &str, f64); 3] = [
    (Encoding::Protobuf, 3e6, "decode_protobuf.py", "Python: protobuf (upb), pyarrow", 10.0),
    (Encoding::Avro, 2e6, "decode_avro.py", "Python: fastavro, pyarrow", 10.0),
    (Encoding::Json, 1e6, "decode_json.py", "Python: orjson, pyarrow", 8.0),
];

pub(crate) fn bench(report: &mut Report, python: Option<&Path>) -> anyhow::Result<()> {
    let events = input::simulated(Stream::Interactions, EVENTS)?;
    let folder = tempfile::tempdir()?;
    for (encoding, goal, script, peer_name, times) in ENCODINGS {
        let values = events.values(encoding)?;
        let mean = input::mean(&values);
        report.note(&format!("decode: {EVENTS} interactions of {mean:.0} bytes of {encoding:?} on average"));
        let input = python::Input::write(folder.path(), events.event, &values)?;
        let (mut ours, mut peer) = (Vec::new(), Vec::new());
        decode(events.event, encoding, &values)?;
        for _ in 0..RUNS {
            let mut done = Ok(0);
            ours.push(cpu_seconds(|| done = decode(events.event, encoding, &values)));
            ensure!(done? == values.len(), "not every value was decoded");
            if let Some(python) = python {
                peer.push(python::cpu_seconds(python, script, &input)?);
            }
        }
        let rate = EVENTS as f64 / median(ours.clone());
        report.add(Measure {
            name: format!("decode: {encoding:?} to Arrow, the goal"),
            ours: rate,
            peer: goal,
            peer_name: "the goal".to_owned(),
            unit: "events/s of CPU",
            ratio: rate / goal,
            goal: 1.0,
        });
        if !peer.is_empty() {
            let ratio = median(peer.iter().zip(&ours).map(|(peer, ours)| peer / ours).collect());
            let peer = EVENTS as f64 / median(peer);
            report.add(Measure {
                name: format!("decode: {encoding:?} to Arrow"),
                ours: rate,
                peer,
                peer_name: peer_name.to_owned(),
                unit: "events/s of CPU",
                // Of each run and the one beside it: the machine's pace changes from second to second.
                ratio,
                goal: times,
            });
        }
    }
    nobody_refused(report, events.event, &events.values(Encoding::Protobuf)?)
}

/// Rows held against a list of erased persons that is empty, as landing does it, beside rows that are held against nothing.
fn nobody_refused(report: &mut Report, event: &Event, values: &[Vec<u8>]) -> anyhow::Result<()> {
    const MORE_RUNS: usize = 61;
    let refused = black_box(RefusedIds::default());
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..MORE_RUNS {
        let mut done = Ok(0);
        without.push(cpu_seconds(|| done = decode(event, Encoding::Protobuf, values)));
        ensure!(done? == values.len(), "not every value was decoded");
        let mut done = Ok(0);
        with.push(cpu_seconds(|| done = decode_beside(event, Encoding::Protobuf, values, Some(&refused))));
        ensure!(done? == values.len(), "somebody was refused");
    }
    let ratio = median(without.iter().zip(&with).map(|(without, with)| without / with).collect());
    let rate = |seconds: Vec<f64>| EVENTS as f64 / median(seconds);
    report.add(Measure {
        name: "decode: beside an empty list of erased persons".to_owned(),
        ours: rate(with),
        peer: rate(without),
        peer_name: "no list".to_owned(),
        unit: "events/s of CPU",
        ratio,
        goal: 0.99,
    });
    Ok(())
}

/// Answers the rows made.
fn decode(event: &Event, encoding: Encoding, values: &[Vec<u8>]) -> anyhow::Result<usize> {
    decode_beside(event, encoding, values, None)
}

fn decode_beside(
    event: &Event,
    encoding: Encoding,
    values: &[Vec<u8>],
    refused: Option<&RefusedIds>,
) -> anyhow::Result<usize> {
    let source =
        SourcePartition { topic: event.topic().to_owned(), generation: "bench".to_owned(), partition: 0 };
    let mut builder = EventBatchBuilder::new(event, source, RepositorySchemas::shared(), BATCH_ROWS);
    let content_type = Some(encoding.content_type());
    let (mut rows, mut offset) = (0, 0);
    for values in values.chunks(BATCH_ROWS) {
        for bytes in values {
            let value = Value { bytes: Some(bytes), content_type, source: None };
            let (at, stamp) = (Offset(offset), Micros(offset));
            match refused.filter(|refused| !refused.is_empty()) {
                None => builder.push(&value, at, stamp)?,
                Some(refused) => drop(builder.push_unless(&value, at, stamp, |id| refused.contains(id))?),
            }
            offset += 1;
        }
        rows += black_box(builder.finish(Micros(0))?).num_rows();
    }
    Ok(rows)
}
