//! How many events a second one core turns into Arrow, by event and encoding: `cargo run --release -p millrace-events
//! --example throughput`.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use millrace_events::batch::{EventBatchBuilder, SourcePartition};
use millrace_events::decode::Value;
use millrace_events::event::Event;
use millrace_events::event_catalogue::{by_table, events};
use millrace_events::field::Kind;
use millrace_events::frame::Encoding;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_events::repository_schemas::RepositorySchemas;
use millrace_events::row::{Datum, RowBuffer};

const ROWS: u32 = 8_192;
const ROUNDS: u32 = 60;

/// Rows as long as real ones: texts of a user as the API's, ids as uuids.
fn fill(event: &Event, row: &mut RowBuffer, n: u32) {
    row.clear();
    for (slot, field) in event.fields().iter().enumerate() {
        let uuid = format!("{n:08x}-1111-4222-8333-44445555{:04x}", slot);
        let text = match field.name.as_str() {
            name if name.ends_with("_id") && name != "product_id" => uuid,
            "timezone_description" => "Brussels, Copenhagen, Madrid, Paris".to_owned(),
            "email" | "business_email" => format!("laerke.olsen{n}@example.com"),
            "picture_url" => "https://randomuser.me/api/portraits/women/11.jpg".to_owned(),
            "first_name" => "Lærke".to_owned(),
            _ => "happybear".to_owned(),
        };
        let datum = match field.kind {
            Kind::Text => Datum::Text(&text),
            Kind::Double => Datum::Double(-12.3456),
            Kind::Int32 | Kind::Int64 if field.name == "error_code" => continue,
            Kind::Int32 | Kind::Int64 => Datum::Int(i64::from(n % 1_000) + 1),
            Kind::Instant => Datum::Instant(1_770_091_506_123_000 + i64::from(n) * 1_000),
            Kind::Enum => Datum::Symbol(&field.symbols[0].name),
        };
        row.set(event, slot, datum);
    }
}

fn values(event: &Event, encoding: Encoding) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut row = RowBuffer::new(event);
    (0..ROWS)
        .map(|n| {
            fill(event, &mut row, n);
            let row = row.row(event)?;
            let mut out = Vec::new();
            let schema = (encoding == Encoding::Avro).then(|| event.schema_id(encoding));
            event.encode(&row, encoding, schema, &mut out);
            Ok(out)
        })
        .collect()
}

/// Seconds of the best round.
fn measure(event: &Event, encoding: Encoding, values: &[Vec<u8>]) -> Result<f64, Box<dyn Error>> {
    let source =
        SourcePartition { topic: event.topic().to_owned(), generation: "1".to_owned(), partition: 0 };
    let mut builder = EventBatchBuilder::new(event, source, RepositorySchemas::shared(), values.len());
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for (offset, bytes) in values.iter().enumerate() {
            let value =
                Value { bytes: Some(bytes), content_type: Some(encoding.content_type()), source: None };
            builder.push(&value, Offset(offset as i64), Micros(0))?;
        }
        black_box(builder.finish(Micros(0))?);
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

fn main() -> Result<(), Box<dyn Error>> {
    let only = std::env::args().nth(1);
    let chosen: Vec<&Event> = match &only {
        Some(table) => vec![by_table(table).ok_or("no such table")?],
        None => events().iter().collect(),
    };
    for event in chosen {
        for encoding in Encoding::ALL {
            let values = values(event, encoding)?;
            let seconds = measure(event, encoding, &values)?;
            let rate = f64::from(ROWS) / seconds / 1e6;
            let bytes = values.iter().map(Vec::len).sum::<usize>() / values.len();
            println!("{:<18} {encoding:?}: {rate:.2} M/s, {bytes} bytes each", event.table());
        }
    }
    Ok(())
}
