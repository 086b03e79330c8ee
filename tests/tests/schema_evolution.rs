//! A producer's message grows: the new field lands, is null in what was landed before, and every table still answers.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use land_events::{LandSettings, RawWriter};
use millrace_events::event::Event;
use millrace_events::event_catalogue;
use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use millrace_lake::{FolderStore, Store, TopicGeneration};
use millrace_sources::{Batch, Behaviour, BehaviourSettings, Stream, Streams};
use millrace_stream::producer::NoRecords;
use millrace_stream::record::Record;
use millrace_tests::program::{Ended, millrace, query_count};
use prost::Message;
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

struct Text(String);

impl FileResolver for Text {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match name {
            "grown.proto" => File::from_source(name, &self.0),
            other => Err(protox::Error::file_not_found(other)),
        }
    }
}

/// The event as its next version has it: one field more.
fn grown(event: &Event) -> Result<Event> {
    let proto = event.description().proto.context("a .proto file")?;
    let body = proto.trim_end().strip_suffix('}').context("the message's end")?;
    let mut files = ChainFileResolver::new();
    files.add(GoogleFileResolver::new());
    files.add(Text(format!("{body}  optional string coupon = 10;\n}}\n")));
    let mut compiler = Compiler::with_file_resolver(files);
    compiler.include_imports(true).open_file(Path::new("grown.proto"))?;
    Ok(Event::new(*event.description(), &compiler.file_descriptor_set().encode_to_vec())?)
}

/// Lands `records` interactions from `first_offset` on; those of a new producer have a coupon.
fn land(lake: &Path, event: &Event, first_offset: i64, records: usize, coupon: Option<&str>) -> Result<()> {
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake));
    let mut landing =
        RawWriter::new(store, Arc::new(NoRecords), TopicGeneration::new("g1")?, LandSettings::default())
            .with_events(vec![event.clone()]);
    let start = Millis(1_769_817_600_000);
    let settings =
        BehaviourSettings::new(u64::try_from(first_offset)?, start, Streams::from(Stream::Interactions));
    let mut behaviour = Behaviour::new(settings)?;
    let mut batch = Batch::new();
    behaviour.fill(&mut batch, records)?;
    for (offset, record) in (first_offset..).zip(batch.iter()) {
        let mut value = record.value.to_vec();
        if let Some(coupon) = coupon {
            prost::encoding::string::encode(10, &coupon.to_owned(), &mut value);
        }
        let record = Record {
            topic: event.topic(),
            partition: 0,
            offset: Offset(offset),
            timestamp: Some(record.timestamp),
            key: record.key,
            value: Some(&value),
            headers: vec![("content-type", Some(b"application/x-protobuf"))],
        };
        landing.push(&record, start.micros())?;
    }
    tokio::runtime::Builder::new_current_thread().build()?.block_on(landing.roll_all(start.micros()))?;
    Ok(())
}

#[test]
fn an_added_field_lands_and_is_null_where_it_was_not() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let event = event_catalogue::by_table("user_interactions").context("the event")?;
    let grown = grown(event)?;
    land(lake.path(), event, 0, 500, None)?;
    // The producer is ahead of the landing: what it does not know is passed over.
    land(lake.path(), event, 500, 300, Some("EARLY"))?;
    // The landing has grown too; an old producer goes on beside the new one.
    land(lake.path(), &grown, 800, 200, Some("WINTER"))?;
    land(lake.path(), &grown, 1_000, 100, None)?;
    for (sql, count) in [
        ("SELECT COUNT(*) AS n FROM raw_user_interactions", 1_100),
        ("SELECT COUNT(coupon) AS n FROM raw_user_interactions", 200),
        ("SELECT COUNT(*) AS n FROM raw_user_interactions WHERE coupon = 'WINTER'", 200),
        ("SELECT COUNT(event_type) AS n FROM raw_user_interactions WHERE coupon IS NULL", 900),
    ] {
        let found = query_count(lake.path(), sql)?;
        ensure!(found == count, "{sql} answers {found} instead of {count}");
    }
    let tables = Ended::of(millrace(&["tables", "--json", "--lake", &lake.path().to_string_lossy()])?)?;
    ensure!(tables.code == Some(0) && tables.stdout.contains("\"coupon\""), "{}", tables.stdout);
    Ok(())
}

#[test]
fn compaction_keeps_the_added_field() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let event = event_catalogue::by_table("user_interactions").context("the event")?;
    let grown = grown(event)?;
    for piece in 0..4 {
        land(lake.path(), event, piece * 100, 100, None)?;
    }
    land(lake.path(), &grown, 400, 100, Some("WINTER"))?;
    let folder = lake.path().to_string_lossy().into_owned();
    let compacted = Ended::of(millrace(&["compact", "--lake", &folder])?)?;
    ensure!(compacted.code == Some(0), "{}", compacted.stderr);
    for (sql, count) in [
        ("SELECT COUNT(*) AS n FROM raw_user_interactions", 500),
        ("SELECT COUNT(coupon) AS n FROM raw_user_interactions", 100),
    ] {
        let found = query_count(lake.path(), sql)?;
        ensure!(found == count, "{sql} answers {found} instead of {count}: {}", compacted.stdout);
    }
    Ok(())
}
