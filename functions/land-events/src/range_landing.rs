//! Landing one range of offsets of one partition again: what a mapping gave up, and what somebody removed.
//!
//! It is safe beside `millrace land`, the function and a compaction. It joins no group and commits nothing, so nobody's place in the topic
//! moves. What it writes goes through the [raw sink](millrace_lake::raw_sink): a range that is stored stays as it is, and one that
//! overlaps others doubles no position, as readers keep one row a position.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use millrace_events::event::Event;
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Micros;
use millrace_events::position::{Offset, TopicPartition};
use millrace_lake::durable_offsets::{DurableOffsets, DurableOffsetsError};
use millrace_lake::{Store, TopicGeneration};
use millrace_runtime::Shutdown;
use millrace_stream::StreamError;
use millrace_stream::client::ClientSettings;
use millrace_stream::fetched_schemas::FetchedSchemas;
use millrace_stream::open_transaction::{ENDS_OF_TRANSACTIONS, OpenTransaction};
use millrace_stream::producer::Producer;
use millrace_stream::range_reader::{RangeReader, Ranged};
use millrace_stream::topics::{Topics, check_generation};
use tokio::runtime::Handle;

use crate::{CommitPoint, LandCounts, LandError, LandSettings, LandingStatus, RawWriter, TakeOut};

/// Records between two looks at whether an object is due. Counted and not timed, so that the same range makes the same objects.
const LOOK_EVERY: u64 = 1_024;

const PATIENCE: Duration = Duration::from_millis(200);

/// After so many turns of [`PATIENCE`] without a record, a minute, the brokers are given up.
const SILENT_TURNS: u32 = 300;

/// What is landed again, from where and to where.
#[derive(Debug)]
pub struct RangeLandingSettings {
    /// The event whose topic is read.
    pub event: Event,
    /// The partition.
    pub partition: i32,
    /// The first offset.
    pub from: Offset,
    /// The last offset, inclusive.
    pub to: Offset,
    /// The brokers and the login, for reading and for dead letters.
    pub client: ClientSettings,
    /// The generation under which the lake has the topic.
    pub generation: TopicGeneration,
    /// Where raw objects go.
    pub store: Arc<dyn Store>,
    /// Bounds of the open objects; their age is not heeded: nobody waits for a part of a range.
    pub bounds: LandSettings,
    /// Where framed values' schemas are asked for; without it the repository's are known.
    pub schemas: Option<Arc<FetchedSchemas>>,
    /// As of [`LandingConsumerSettings`](crate::LandingConsumerSettings).
    pub take_out: Option<TakeOut>,
}

/// Why a range was not landed, or not to its end. What is told as landed is durable all the same.
#[derive(Debug, thiserror::Error)]
pub enum RangeLandingError {
    /// The brokers do not have the range, or could not be read.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Records could not be landed.
    #[error(transparent)]
    Land(#[from] LandError),
    /// What the lake has of the topic could not be listed.
    #[error("the lake's raw objects could not be listed")]
    DurableOffsets(#[from] DurableOffsetsError),
    /// Rows under another generation would be rows a second time: their positions differ from those that are there.
    #[error(
        "the lake has nothing of generation {generation} of {topic}, but of {known}: give the generation that the range was read under, \
         since the same record under another one is a row twice"
    )]
    UnknownGeneration {
        /// The topic.
        topic: String,
        /// The generation that was set.
        generation: String,
        /// Those that the lake has, with commas between.
        known: String,
    },
    /// Nobody gets the rest of the range before a transaction ends.
    #[error("offsets {next} to {to} cannot be read yet: {open}; {ENDS_OF_TRANSACTIONS}")]
    Held {
        /// The first offset that is left.
        next: Offset,
        /// The last one.
        to: Offset,
        /// What holds them back.
        open: OpenTransaction,
    },
    /// The brokers have the range and give nothing of it.
    #[error(
        "no record came for a minute, and offsets {next} to {to} of the range are left: are the brokers there"
    )]
    Silent {
        /// The first offset that is left.
        next: Offset,
        /// The last one.
        to: Offset,
    },
}

impl Classified for RangeLandingError {
    fn class(&self) -> Class {
        match self {
            Self::Stream(error) => error.class(),
            Self::Land(error) => error.class(),
            Self::DurableOffsets(error) => error.class(),
            Self::UnknownGeneration { .. } => Class::Stop,
            Self::Held { .. } | Self::Silent { .. } => Class::Retry,
        }
    }
}

/// What became of a range, so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeLanded {
    /// Records, rows, dead letters and objects.
    pub counts: LandCounts,
    /// The first offset that is neither landed nor known to be without a record; behind the range where all is done.
    pub next: Offset,
    /// Offsets that Kafka had before and has no more.
    pub gone: Vec<RangeInclusive<i64>>,
    /// Offsets that Kafka has and gives no record of: marks of transactions, aborted and compacted records.
    pub without_record: u64,
    /// The earliest and the latest of the landed records' timestamps; `None` without one.
    pub stamped: Option<(Micros, Micros)>,
}

impl RangeLanded {
    /// How many offsets are gone.
    pub fn gone_offsets(&self) -> u64 {
        self.gone.iter().map(|gone| (gone.end() - gone.start() + 1).unsigned_abs()).sum()
    }
}

/// The landing of one range.
#[derive(Debug)]
pub struct RangeLanding {
    settings: RangeLandingSettings,
    shutdown: Shutdown,
    /// Microseconds since 1970, UTC.
    now_micros: fn() -> Micros,
    landed: RangeLanded,
    progress: Arc<LandingStatus>,
}

impl RangeLanding {
    /// Connects to nothing before [`land`](Self::land). `now_micros` tells the time.
    pub fn new(settings: RangeLandingSettings, shutdown: Shutdown, now_micros: fn() -> Micros) -> Self {
        let landed = RangeLanded { next: settings.from, ..RangeLanded::default() };
        Self { settings, shutdown, now_micros, landed, progress: Arc::default() }
    }

    /// How far it is, for who looks on from another thread.
    pub fn progress(&self) -> Arc<LandingStatus> {
        Arc::clone(&self.progress)
    }

    /// What became of the range; after an error too, as what is durable stays so.
    pub fn landed(&self) -> RangeLanded {
        self.landed.clone()
    }

    /// Lands the range, or the part of it that was taken when the shutdown was requested. It blocks its thread, and waits for the store
    /// on `runtime`, of which it must not be a worker. The same landing again, with a new value, finishes what an error left.
    pub fn land(&mut self, runtime: &Handle) -> Result<(), RangeLandingError> {
        let RangeLandingSettings { event, partition, from, to, client, .. } = &self.settings;
        let (topic, partition, from, to) = (event.topic(), *partition, *from, *to);
        let place = TopicPartition::new(topic, partition);
        let mut reader = RangeReader::open(client, place, from, to)?;
        self.check_generation(runtime)?;
        let mut writer = self.writer()?;
        if let Some(take_out) = self.settings.take_out {
            writer = writer.with_take_out(take_out);
        }
        runtime.block_on(writer.look_who_is_refused())?;
        tracing::debug!(topic, partition, %from, %to, "range_begun");
        let read = self.read(&mut reader, &mut writer, runtime);
        // What was taken is stored, whyever it went no further.
        let rolled = if writer.has_failed() {
            Ok(())
        } else {
            runtime.block_on(writer.roll_all((self.now_micros)())).map(|landed| self.note(&landed))
        };
        self.landed.counts = writer.counts();
        self.landed.gone = reader.gone().to_vec();
        // A record that could not be landed was read, and is left nevertheless.
        if rolled.is_ok() && !matches!(read, Err(RangeLandingError::Land(_))) {
            self.landed.next = reader.reached();
        }
        let behind = (self.landed.next - from).unsigned_abs();
        let known = self.landed.gone_offsets() + self.landed.counts.records;
        self.landed.without_record = behind.saturating_sub(known);
        read?;
        rolled?;
        Ok(())
    }

    fn writer(&self) -> Result<RawWriter<Producer>, RangeLandingError> {
        let RangeLandingSettings { event, client, generation, store, bounds, schemas, .. } = &self.settings;
        let mut bounds = *bounds;
        bounds.rolling.age = Duration::MAX;
        let dead_letters = Arc::new(Producer::connect(client, None)?);
        let writer = RawWriter::new(Arc::clone(store), dead_letters, generation.clone(), bounds)
            .with_events(vec![event.clone()])
            .with_progress(self.progress());
        Ok(match schemas {
            Some(schemas) => writer.with_schemas(Arc::clone(schemas) as _),
            None => writer,
        })
    }

    fn read(
        &mut self,
        reader: &mut RangeReader,
        writer: &mut RawWriter<Producer>,
        runtime: &Handle,
    ) -> Result<(), RangeLandingError> {
        let (mut taken, mut silent) = (0_u64, 0);
        while !self.shutdown.is_requested() {
            let now = (self.now_micros)();
            let turn = reader.next(PATIENCE, |record| {
                if let (Some(schemas), Some(id)) = (&self.settings.schemas, record.schema_needed())
                    && schemas.lacks(id)
                {
                    let learned = runtime.block_on(schemas.learn(id));
                    learned.map_err(|error| LandError::Schema(Box::new(error)))?;
                }
                writer.push(record, now)
            })?;
            match turn {
                Ranged::Record(pushed) => {
                    pushed?;
                    (taken, silent) = (taken + 1, 0);
                    self.progress.took(1);
                }
                Ranged::Nothing => silent += 1,
                Ranged::End => return Ok(()),
                Ranged::Held(open) => {
                    let (next, to) = (reader.reached(), self.settings.to);
                    return Err(RangeLandingError::Held { next, to, open });
                }
            }
            if silent >= SILENT_TURNS {
                return Err(RangeLandingError::Silent { next: reader.reached(), to: self.settings.to });
            }
            if silent == 0 && (taken.is_multiple_of(LOOK_EVERY) || writer.is_full()) {
                let landed = runtime.block_on(writer.roll_due(now))?;
                self.note(&landed);
            }
        }
        Ok(())
    }

    /// What is durable counts, whatever happens later.
    fn note(&mut self, landed: &[CommitPoint]) {
        for point in landed {
            self.landed.next = self.landed.next.max(point.next_offset);
            if let Some((earliest, latest)) = point.stamped {
                let (first, last) = self.landed.stamped.unwrap_or((earliest, latest));
                self.landed.stamped = Some((first.min(earliest), last.max(latest)));
            }
        }
    }

    /// Holds the topic against what the lake has: a topic that was made anew has other records at these offsets, and a generation that
    /// the lake does not know would double them. How far the lake is durable bounds nothing here: the range lies below that.
    fn check_generation(&self, runtime: &Handle) -> Result<(), RangeLandingError> {
        let RangeLandingSettings { event, client, generation, store, .. } = &self.settings;
        let topic = event.topic();
        let lake = runtime.block_on(DurableOffsets::of_table(store.as_ref(), event.table()))?;
        let known: Vec<_> = lake.generations().filter(|(of, ..)| *of == topic).map(|(_, it, _)| it).collect();
        if !known.is_empty() && !known.contains(&generation) {
            let known: Vec<_> = known.into_iter().map(TopicGeneration::as_str).collect();
            let (topic, generation) = (topic.to_owned(), generation.to_string());
            return Err(RangeLandingError::UnknownGeneration { topic, generation, known: known.join(", ") });
        }
        let ends = Topics::connect(client)?.watermarks(topic)?;
        let durable = lake.of_generation(topic, generation);
        Ok(check_generation(topic, generation.as_str(), &ends, durable.iter())?)
    }
}
