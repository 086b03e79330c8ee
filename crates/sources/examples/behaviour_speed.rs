//! How many records a second the simulator of behaviour makes on one core:
//! `cargo run --release -p millrace-sources --example behaviour_speed [streams] [millions]`.

use std::time::Instant;

use millrace_events::instant::Millis;
use millrace_sources::{Batch, Behaviour, BehaviourSettings, Stream, Streams};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let streams: Streams = arguments.next().as_deref().unwrap_or("all").parse()?;
    let millions: u64 = arguments.next().as_deref().unwrap_or("5").parse()?;
    let mut settings = BehaviourSettings::new(7, Millis(1_770_076_800_000), streams);
    (settings.broken, settings.repeat, settings.late) = ("1%".parse()?, "5%".parse()?, "2%".parse()?);
    let mut behaviour = Behaviour::new(settings)?;
    let mut batch = Batch::new();
    let (start, mut bytes) = (Instant::now(), 0);
    for _ in 0..millions * 1_000 {
        batch.clear();
        behaviour.fill(&mut batch, 1_000)?;
        bytes += batch.bytes();
    }
    let seconds = start.elapsed().as_secs_f64();
    let records = (millions * 1_000_000) as f64;
    println!("{:.2} million records/s, {:.0} MB/s", records / seconds / 1e6, bytes as f64 / seconds / 1e6);
    let hours = (behaviour.now().get() - settings.start.get()) as f64 / 3_600_000.0;
    println!(
        "{hours:.1} h of event time, {} users, {} open sessions",
        behaviour.users(),
        behaviour.open_sessions()
    );
    for stream in Stream::ALL {
        println!("{stream}: {:?}", behaviour.counts(stream));
    }
    Ok(())
}
