//! Records in, raw objects out.

use std::sync::Arc;

use bytes::Bytes;
use millrace_events::batch::SourcePartition;
use millrace_events::decode::Value;
use millrace_events::decode_error::DecodeError;
use millrace_events::event::Event;
use millrace_events::event_catalogue;
use millrace_events::instant::{Micros, Millis};
use millrace_events::position::Offset;
use millrace_events::repository_schemas::RepositorySchemas;
use millrace_events::writer_schemas::WriterSchemas;
use millrace_lake::erasure::refused_ids::RefusalWatch;
use millrace_lake::raw_sink::{BatchRange, RawSink, WrittenBatch};
use millrace_lake::{Store, TopicGeneration};
use millrace_runtime::Meter;
use millrace_stream::StreamError;
use millrace_stream::dead_letter;
use millrace_stream::offset_set::OffsetSet;
use millrace_stream::producer::Publisher;
use millrace_stream::record::Record;

use crate::error::LandError;
use crate::internal_events::{ObjectLanded, PartitionLanded};
use crate::landing_status::LandingStatus;
use crate::open_object::{FinishedObject, OpenObject, Place};
use crate::partition::Partition;
use crate::refusals::{Refusals, TakeOut};
use crate::settings::LandSettings;

const HOUR_MICROS: i64 = 3_600_000_000;

/// Gathers records into objects and stores them.
///
/// Delivery: a record is durable, as a row or as a dead letter, once a [`CommitPoint`] of its partition covers it; only then
/// may its offset be committed. Records of a partition have to come in the order of their offsets. A landing that could
/// not store an object takes no more: read again from the last commit, with a new one.
#[derive(Debug)]
pub struct RawWriter<P> {
    store: Arc<dyn Store>,
    dead_letters: Arc<P>,
    generation: TopicGeneration,
    settings: LandSettings,
    events: Vec<Event>,
    schemas: Arc<dyn WriterSchemas>,
    /// Few, and asked for with every record.
    partitions: Vec<Partition>,
    counts: LandCounts,
    landed: OffsetSet,
    dead: OffsetSet,
    erased: OffsetSet,
    refusals: Refusals,
    meter: Meter,
    progress: Arc<LandingStatus>,
    /// Rows were lost on their way to the store: they have to be read again, by another landing.
    failed: bool,
}

/// What became of the records, so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LandCounts {
    /// Records taken; what a re-read brought again does not count.
    pub records: u64,
    /// Rows in stored objects.
    pub rows: u64,
    /// Records that became dead letters.
    pub dead_letters: u64,
    /// Records about persons who were erased from the lake: they became neither.
    pub erased: u64,
    /// Objects stored; one that was there already counts too.
    pub objects: u64,
    /// Of these, how many were there already: their range had been written before.
    pub objects_there: u64,
    /// Of the stored objects.
    pub bytes: u64,
}

impl LandCounts {
    /// Counts another landing's in.
    pub fn add(&mut self, other: Self) {
        self.records += other.records;
        self.rows += other.rows;
        self.dead_letters += other.dead_letters;
        self.erased += other.erased;
        self.objects += other.objects;
        self.objects_there += other.objects_there;
        self.bytes += other.bytes;
    }
}

/// All records of a partition before `next_offset` are durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitPoint {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// What to commit.
    pub next_offset: Offset,
    /// Records that became durable with this, and their bytes as Kafka held them.
    pub records: u64,
    /// Sum of their bytes as Kafka held them.
    pub record_bytes: usize,
    /// The earliest and the latest of these records' own timestamps; `None` where none has one.
    pub stamped: Option<(Micros, Micros)>,
}

impl<P: Publisher + 'static> RawWriter<P> {
    /// Lands the contract's events, and knows the schemas of the repository: see [`with_events`](Self::with_events) and
    /// [`with_schemas`](Self::with_schemas) for others.
    pub fn new(
        store: Arc<dyn Store>,
        dead_letters: Arc<P>,
        generation: TopicGeneration,
        settings: LandSettings,
    ) -> Self {
        Self {
            refusals: Refusals::new(&store),
            store,
            dead_letters,
            generation,
            settings,
            events: event_catalogue::events().to_vec(),
            schemas: RepositorySchemas::shared(),
            partitions: Vec::new(),
            counts: LandCounts::default(),
            landed: OffsetSet::default(),
            dead: OffsetSet::default(),
            erased: OffsetSet::default(),
            meter: Meter::new(),
            progress: Arc::default(),
            failed: false,
        }
    }

    /// Lands these events instead of the contract's.
    #[must_use]
    pub fn with_events(self, events: Vec<Event>) -> Self {
        Self { events, ..self }
    }

    /// Decodes by these writers' schemas. A schema that they do not know makes a dead letter, so whoever can fetch more
    /// has to do so before [`push`](Self::push).
    #[must_use]
    pub fn with_schemas(self, schemas: Arc<dyn WriterSchemas>) -> Self {
        Self { schemas, ..self }
    }

    /// Tells this meter what is landed, instead of one that nobody reads.
    #[must_use]
    pub fn with_meter(self, meter: Meter) -> Self {
        Self { meter, ..self }
    }

    /// Tells this, too, how far it is.
    #[must_use]
    pub fn with_progress(self, progress: Arc<LandingStatus>) -> Self {
        Self { progress, ..self }
    }

    /// Asks this watch whom the lake refuses, which may know already, instead of one of its own.
    #[must_use]
    pub fn with_refusals(self, watch: Arc<RefusalWatch>) -> Self {
        Self { refusals: self.refusals.with_watch(watch), ..self }
    }

    /// Takes those who are erased while their rows are gathered out of the objects, instead of failing for the records to be read again.
    #[must_use]
    pub fn with_take_out(self, take_out: TakeOut) -> Self {
        Self { refusals: self.refusals.with_take_out(take_out), ..self }
    }

    /// Reads whom the lake refuses. Without it the rows of an object are first held against the list when it is stored, and have to be
    /// taken out of it, or read again.
    pub async fn look_who_is_refused(&mut self) -> Result<(), LandError> {
        self.refusals.look().await
    }

    /// Whether rows were lost on their way to the store, so that this landing takes no more.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    fn go_on(&self) -> Result<(), LandError> {
        if self.failed { Err(LandError::FailedBefore) } else { Ok(()) }
    }

    /// What became of the records taken by this writer.
    pub fn counts(&self) -> LandCounts {
        self.counts
    }

    /// Positions of the rows taken: all of them stored after a [`roll_all`](Self::roll_all).
    pub fn landed(&self) -> &OffsetSet {
        &self.landed
    }

    /// Positions of the records that became dead letters.
    pub fn dead(&self) -> &OffsetSet {
        &self.dead
    }

    /// Positions of the records about persons who were erased.
    pub fn erased(&self) -> &OffsetSet {
        &self.erased
    }

    /// Takes a record, at `now`. One that cannot be a row goes to the dead letters; one about a person who was erased goes nowhere.
    pub fn push(&mut self, record: &Record<'_>, now: Micros) -> Result<(), LandError> {
        self.go_on()?;
        let place = self.place(record.topic, record.partition)?;
        if record.offset < self.partitions[place].next_offset {
            return Ok(());
        }
        let (bytes, erased) = (record.size(), self.counts.erased);
        match self.push_row(place, record, bytes, now) {
            Ok(true) => {
                self.landed.insert(record.topic, record.partition, record.offset);
            }
            Ok(false) => self.leave_out(record),
            Err(Unfit::Refused(_)) if self.refusals.is_about_refused(record) => self.leave_out(record),
            Err(Unfit::Refused(reason)) => {
                // Where it cannot be sent nothing is changed: the same record may be pushed again.
                dead_letter::publish_record(&*self.dead_letters, record, &reason, now.millis())
                    .map_err(LandError::DeadLetter)?;
                self.dead.insert(record.topic, record.partition, record.offset);
                self.progress.dead(record, &reason);
                self.counts.dead_letters += 1;
            }
            Err(Unfit::Failed(error)) => {
                self.failed = true;
                return Err(error);
            }
        }
        self.counts.records += 1;
        let stamp = record.timestamp.map(Millis::micros);
        let left_out = self.counts.erased > erased;
        self.partitions[place].took(record.offset, bytes, stamp, left_out, now);
        Ok(())
    }

    fn leave_out(&mut self, record: &Record<'_>) {
        self.erased.insert(record.topic, record.partition, record.offset);
        self.counts.erased += 1;
    }

    /// Whether the record became a row; it is `false` of those who are refused.
    fn push_row(
        &mut self,
        place: usize,
        record: &Record<'_>,
        bytes: usize,
        now: Micros,
    ) -> Result<bool, Unfit> {
        let timestamp = row_timestamp(record)?;
        let value = value_of(record);
        let batch_rows = self.settings.batch_rows;
        let refused = self.refusals.current();
        let partition = &mut self.partitions[place];
        let object = match partition.open_objects.entry(timestamp.get().div_euclid(HOUR_MICROS)) {
            std::collections::btree_map::Entry::Occupied(object) => object.into_mut(),
            std::collections::btree_map::Entry::Vacant(vacant) => {
                let source = partition.source.clone();
                vacant.insert(OpenObject::open(
                    &partition.event,
                    &self.schemas,
                    source,
                    batch_rows,
                    refused,
                    now,
                )?)
            }
        };
        let is_row = object.push(&value, Place { offset: record.offset, timestamp }, bytes, refused)?;
        object.encode(batch_rows, now)?;
        Ok(is_row)
    }

    /// Where the partition is in `partitions`, of which none ever leaves.
    fn place(&mut self, topic: &str, partition: i32) -> Result<usize, LandError> {
        if let Some(place) = self.partitions.iter().position(|place| place.is(topic, partition)) {
            return Ok(place);
        }
        let event = self.events.iter().find(|event| event.topic() == topic);
        let event = event.ok_or_else(|| self.unknown_topic(topic))?.clone();
        let generation = self.generation.as_str().to_owned();
        let source = SourcePartition { topic: topic.to_owned(), generation, partition };
        let sink = RawSink::new(Arc::clone(&self.store), &event, self.generation.clone());
        self.partitions.push(Partition::new(event, source, sink));
        Ok(self.partitions.len() - 1)
    }

    fn unknown_topic(&self, topic: &str) -> LandError {
        let known: Vec<_> = self.events.iter().map(Event::topic).collect();
        LandError::UnknownTopic { topic: topic.to_owned(), known: known.join(", ") }
    }

    /// Drops what was taken of a partition and is not stored: another reads it again. Where it comes back it begins where
    /// its reader says.
    pub fn abandon(&mut self, topic: &str, partition: i32) {
        self.partitions.retain(|place| !place.is(topic, partition));
    }

    /// Says that no record of a partition will come before `offset`: what lies between the last one and it is none, as marks of
    /// transactions and aborted records are. What becomes durable next vouches for it, too.
    pub fn pass(&mut self, topic: &str, partition: i32, offset: Offset) {
        if let Some(place) = self.partitions.iter_mut().find(|place| place.is(topic, partition)) {
            place.next_offset = place.next_offset.max(offset);
        }
    }

    /// Whether all that was taken of a partition is durable.
    pub fn is_settled(&self, topic: &str, partition: i32) -> bool {
        !self.partitions.iter().any(|place| place.is(topic, partition) && place.taken.is_some())
    }

    /// Stores the objects of every partition that has reached a bound, at `now`.
    pub async fn roll_due(&mut self, now: Micros) -> Result<Vec<CommitPoint>, LandError> {
        self.roll(self.due(now), now).await
    }

    /// The places of the partitions that have reached a bound. Apart from the rolling, which a task may be moved in.
    fn due(&self, now: Micros) -> Vec<usize> {
        let partitions = self.partitions.iter().enumerate();
        let due = partitions.clone().filter(|(_, partition)| self.is_due(partition, now));
        let mut due: Vec<_> = due.map(|(place, _)| place).collect();
        let memory: usize = self.partitions.iter().map(Partition::memory_bytes).sum();
        if due.is_empty() && memory > self.settings.memory_bytes {
            // A bursting stream pays for the memory that it takes, and a slow one keeps its objects open.
            let largest = partitions.max_by_key(|(_, partition)| partition.memory_bytes());
            due.extend(largest.map(|(place, _)| place));
        }
        due
    }

    fn is_due(&self, partition: &Partition, now: Micros) -> bool {
        let rolling = &self.settings.rolling;
        partition.bytes() >= self.settings.partition_bytes
            || partition.is_older_than(rolling.age, now)
            || partition.open_objects.values().any(|object| rolling.is_due(object.progress(), now))
    }

    /// Whether the objects that are open, one for each hour, take the memory there is for them: then
    /// [`roll_due`](Self::roll_due) should not wait. Cheap enough to ask after each record.
    pub fn is_full(&self) -> bool {
        let open_objects: usize = self.partitions.iter().map(|partition| partition.open_objects.len()).sum();
        open_objects.saturating_mul(OpenObject::OPEN_BYTES) > self.settings.memory_bytes
    }

    /// Stores everything taken so far.
    pub async fn roll_all(&mut self, now: Micros) -> Result<Vec<CommitPoint>, LandError> {
        self.roll((0..self.partitions.len()).collect(), now).await
    }

    async fn roll(&mut self, places: Vec<usize>, now: Micros) -> Result<Vec<CommitPoint>, LandError> {
        self.go_on()?;
        if !places.is_empty() {
            // Nothing is lost where it fails: all that is open stays so.
            self.refusals.look().await?;
        }
        let mut landed = Vec::with_capacity(places.len());
        for place in places {
            let result = self.roll_partition(place, now).await;
            // What was on its way is neither here nor, for all we know, there.
            self.failed |= result.is_err();
            landed.extend(result?);
        }
        Ok(landed)
    }

    async fn roll_partition(&mut self, place: usize, now: Micros) -> Result<Option<CommitPoint>, LandError> {
        let Some(partition) = self.partitions.get_mut(place) else { return Ok(None) };
        let (source, sink, event) =
            (partition.source.clone(), partition.sink.clone(), partition.event.clone());
        let (topic, partition_number) = (source.topic.as_str(), source.partition);
        let open_objects = std::mem::take(&mut partition.open_objects);
        let Some(taken) = partition.taken.take() else { return Ok(None) };
        let next_offset = partition.next_offset;
        let left_out = self.erased.len();
        let mut rows = 0;
        for object in open_objects.into_values() {
            rows += self.store(&sink, topic, partition_number, &event, object, now).await?;
        }
        let erased = taken.erased + (self.erased.len() - left_out);
        if rows + erased < taken.records {
            // Dead letters are part of what a commit vouches for.
            let dead_letters = Arc::clone(&self.dead_letters);
            let flushed = tokio::task::spawn_blocking(move || dead_letters.flush()).await;
            flushed.unwrap_or(Err(StreamError::Abandoned)).map_err(LandError::DeadLetter)?;
        }
        self.counts.rows += rows;
        let SourcePartition { topic, partition, .. } = source;
        let (records, record_bytes, stamped) = (taken.records, taken.bytes, taken.stamped);
        PartitionLanded {
            topic: &topic,
            partition,
            records,
            rows,
            erased,
            bytes: record_bytes as u64,
            stamped,
            now,
        }
        .tell(&self.meter);
        Ok(Some(CommitPoint { topic, partition, next_offset, records, record_bytes, stamped }))
    }

    /// Answers how many rows were stored.
    async fn store(
        &mut self,
        sink: &RawSink,
        topic: &str,
        partition: i32,
        event: &Event,
        object: OpenObject,
        now: Micros,
    ) -> Result<u64, LandError> {
        let Some(finished) = object.finish(now)? else { return Ok(0) };
        let FinishedObject { first, last_offset, body, mut rows, refused } = finished;
        let mut body = Bytes::from(body);
        self.refusals.look().await?; // Again: what was rolled before it may have taken long.
        if let Some(without) = self.refusals.settle(event.table(), event.data_subject(), &refused, &body)? {
            for offset in without.offsets {
                self.landed.remove(topic, partition, Offset(offset));
                self.erased.insert(topic, partition, Offset(offset));
                self.counts.erased += 1;
                rows -= 1;
            }
            body = Bytes::from(without.body);
        }
        let bytes = body.len() as u64;
        // The range stays: its name says how far the partition has landed.
        let range = BatchRange {
            partition,
            first: first.offset,
            last: last_offset,
            first_timestamp: first.timestamp,
        };
        let WrittenBatch { key, was_there } = sink.write(body, range).await?;
        tracing::debug!(%key, bytes, was_there, "object stored");
        ObjectLanded { key: &key, table: event.table(), bytes }.tell(&self.meter);
        self.progress.stored(&key);
        self.counts.objects += 1;
        self.counts.objects_there += u64::from(was_there);
        self.counts.bytes += bytes;
        Ok(rows)
    }
}

/// Why a record is no row.
enum Unfit {
    Refused(DecodeError),
    Failed(LandError),
}

impl From<DecodeError> for Unfit {
    fn from(reason: DecodeError) -> Self {
        Self::Refused(reason)
    }
}

impl From<LandError> for Unfit {
    fn from(error: LandError) -> Self {
        Self::Failed(error)
    }
}

/// A row's `_timestamp`; a record without one, or with one that no folder of the lake can name, is no row.
fn row_timestamp(record: &Record<'_>) -> Result<Micros, DecodeError> {
    /// Milliseconds of the years 0 to 9999.
    const NAMEABLE: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;
    let refused = |reason| DecodeError::InvalidValue { path: "_timestamp", reason };
    let millis = record.timestamp.ok_or_else(|| refused("missing: the record has no timestamp"))?;
    if !NAMEABLE.contains(&millis.get()) {
        return Err(refused("outside the years 0 to 9999"));
    }
    Ok(millis.micros())
}

/// The record's value with what its headers say of it: one look at each header, the last of a name counting.
fn value_of<'a>(record: &Record<'a>) -> Value<'a> {
    let (mut content_type, mut source, mut source_topic) = (None, None, None);
    for &(name, value) in record.headers.iter().rev() {
        let known = match name {
            "content-type" => &mut content_type,
            "source" => &mut source,
            "source-topic" => &mut source_topic,
            _ => continue,
        };
        known.get_or_insert(value);
    }
    let text =
        |header: Option<Option<&'a [u8]>>| header.flatten().and_then(|value| std::str::from_utf8(value).ok());
    // Where a user in the API's own shape came from: what a replay says, or what its dead letter's failure context says.
    let known = |source: &&str| ["randomuser_api", "simulator", "signup", "external"].contains(source);
    let source = text(source).or_else(|| text(source_topic)).filter(known);
    Value { bytes: record.value, content_type: text(content_type), source }
}
