//! A stream that bursts beside a slow one, in one landing.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use land_events::{LandSettings, RawWriter};
use millrace_events::instant::{Micros, Millis};
use millrace_events::position::Offset;
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::{Store, TopicGeneration};
use millrace_sources::{Batch, Behaviour, BehaviourSettings, Stream, Streams};
use millrace_stream::producer::NoRecords;
use millrace_stream::record::Record;

const START: Millis = Millis(1_769_817_600_000);
const AGE: i64 = 60;

fn records(stream: Stream, count: usize) -> Batch {
    let mut behaviour = Behaviour::new(BehaviourSettings::new(1, START, Streams::from(stream))).unwrap();
    let mut batch = Batch::new();
    behaviour.fill(&mut batch, count).unwrap();
    batch
}

async fn objects(store: &dyn Store, table: &str) -> usize {
    store.list(&format!("raw/{table}/")).await.unwrap().len()
}

#[tokio::test]
async fn a_burst_neither_delays_a_slow_stream_nor_cuts_it_into_crumbs() {
    const BURST: usize = 60_000;
    const SLOW: usize = 30;
    let (burst, slow) = (records(Stream::Ads, BURST), records(Stream::Interactions, SLOW));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut settings = LandSettings { memory_bytes: 3 << 20, batch_rows: 1_024, ..LandSettings::default() };
    settings.rolling.age = Duration::from_secs(AGE as u64);
    let mut landing = RawWriter::new(
        Arc::clone(&store),
        Arc::new(NoRecords),
        TopicGeneration::new("g1").unwrap(),
        settings,
    );
    let mut slow = slow.iter().enumerate();
    for (offset, record) in burst.iter().enumerate() {
        // A hundred and twenty seconds in all: the burst lasts longer than an object may.
        let now = Micros(START.micros().get() + offset as i64 * 2_000);
        let mut push = |topic, offset: usize, record: millrace_sources::Record<'_>| {
            let record = Record {
                topic,
                partition: 0,
                offset: Offset(offset as i64),
                timestamp: Some(START),
                key: record.key,
                value: Some(record.value),
                headers: vec![("content-type", Some(b"application/x-protobuf"))],
            };
            landing.push(&record, now).unwrap();
        };
        push("ad_events", offset, record);
        if offset % (BURST / SLOW) == 0 {
            let (offset, record) = slow.next().unwrap();
            push("user_interactions", offset, record);
        }
        if offset % 256 == 0 {
            landing.roll_due(now).await.unwrap();
        }
    }
    // The burst paid for the memory that it took; the slow stream waited for its age alone, and no longer.
    assert!(objects(store.as_ref(), "ad_events").await > 5);
    assert_eq!(objects(store.as_ref(), "user_interactions").await, 1);
    let end = Micros(START.micros().get() + BURST as i64 * 2_000 + AGE * 1_000_000);
    landing.roll_due(end).await.unwrap();
    assert_eq!(objects(store.as_ref(), "user_interactions").await, 2);
    assert_eq!(landing.counts().rows, (BURST + SLOW) as u64);
}
