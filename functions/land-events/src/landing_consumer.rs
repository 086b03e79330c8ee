//! Landing as a process that stays: topics shared in a consumer group, committed as far as they are durable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use millrace_events::event::Event;
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Micros;
use millrace_events::position::{Offset, TopicPartition};
use millrace_lake::durable_offsets::DurableOffsetsError;
use millrace_lake::raw_sink::RawSink;
use millrace_lake::{Store, TopicGeneration};
use millrace_runtime::{Meter, Shutdown};
use millrace_stream::StreamError;
use millrace_stream::client::ClientSettings;
use millrace_stream::fetched_schemas::FetchedSchemas;
use millrace_stream::group_consumer::{GroupConsumer, Turn};
use millrace_stream::producer::Producer;
use millrace_stream::topics::{self, Topics};
use millrace_stream::unread::{Unread, unread};
use tokio::runtime::Handle;

use crate::{CommitPoint, LagWatch, LandCounts, LandError, LandSettings, LandingStatus, RawWriter, TakeOut};

/// Records between two looks at whether an object is due.
const LOOK_EVERY: u64 = 1_024;

/// Records between two looks at the clock: one for each would cost as much as a field of it.
const CLOCK_EVERY: u64 = 16;

/// How long the consumer waits for a record before it looks after the objects.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long a group may take to give a member partitions before the member counts as idle.
const JOIN: Duration = Duration::from_secs(60);

/// Between two looks at what was passed over while nothing comes: marks of transactions, aborted records.
const PASS_EVERY: Duration = Duration::from_secs(1);

/// Between two looks at how far the brokers are ahead, where somebody reads it: one request a partition.
const LAG_EVERY: Duration = Duration::from_secs(15);

/// What a [`LandingConsumer`] lands, from where and to where.
#[derive(Debug)]
pub struct LandingConsumerSettings {
    /// The events whose topics are read; each has a table of its own.
    pub events: Vec<Event>,
    /// The brokers and the login, for reading and for dead letters.
    pub client: ClientSettings,
    /// The consumer group.
    pub group: String,
    /// The topics' generation.
    pub generation: TopicGeneration,
    /// Where raw objects go.
    pub store: Arc<dyn Store>,
    /// Bounds of the open objects.
    pub bounds: LandSettings,
    /// Where framed values' schemas are asked for; without it the repository's are known.
    pub schemas: Option<Arc<FetchedSchemas>>,
    /// Takes those who are erased while their rows are gathered out of the objects; without it their records are read again.
    pub take_out: Option<TakeOut>,
    /// It ends when no record came for so long; `None`: it stays.
    pub until_idle: Option<Duration>,
    /// Whether anybody reads the meter: the lag costs requests.
    pub metered: bool,
}

/// Why a consumer ended.
#[derive(Debug, thiserror::Error)]
pub enum LandingConsumerError {
    /// Reading or committing failed. What may pass was tried again, up to 20 times in a row.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Records could not be landed; the same holds.
    #[error(transparent)]
    Land(#[from] LandError),
    /// Not all of a table's raw objects could be listed or named, so that nobody knows which offsets the lake has.
    #[error("the lake's raw objects could not be listed")]
    DurableOffsets(#[from] DurableOffsetsError),
    /// It was idle for long enough, and some partitions were not read to their end: a transaction is open, or the group has not seen
    /// them yet.
    #[error("no record came for {seconds} s, and not all could be read: {}", told(.left))]
    Left {
        /// How long no record came.
        seconds: u64,
        /// The partitions, and how far each was read.
        left: Vec<Unread>,
    },
    /// It was idle for long enough; all that came is landed and committed, but the brokers did not say whether more is there.
    #[error("no record came for {seconds} s, and the brokers do not say what is left")]
    Unknown {
        /// How long no record came.
        seconds: u64,
        /// What the brokers failed with.
        #[source]
        source: Box<StreamError>,
    },
}

impl Classified for LandingConsumerError {
    fn class(&self) -> Class {
        match self {
            Self::Stream(error) => error.class(),
            Self::Land(error) => error.class(),
            Self::DurableOffsets(error) => error.class(),
            Self::Left { .. } | Self::Unknown { .. } => Class::Stop,
        }
    }
}

fn told(left: &[Unread]) -> String {
    left.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A member of a consumer group that lands what its partitions hold. Delivery is at least once: what was not committed is read
/// again by whoever owns the partition then, and lands under the same names or at positions that are known.
#[derive(Debug)]
pub struct LandingConsumer {
    settings: LandingConsumerSettings,
    meter: Meter,
    shutdown: Shutdown,
    /// Microseconds since 1970, UTC.
    now_micros: fn() -> Micros,
    counts: LandCounts,
    progress: Arc<LandingStatus>,
}

impl LandingConsumer {
    /// Connects to nothing before [`stay`](Self::stay). `now_micros` tells the time.
    pub fn new(
        settings: LandingConsumerSettings,
        meter: Meter,
        shutdown: Shutdown,
        now_micros: fn() -> Micros,
    ) -> Self {
        let (counts, progress) = (LandCounts::default(), Arc::default());
        Self { settings, meter, shutdown, now_micros, counts, progress }
    }

    /// How far it is, connections that failed included; for who looks on from another thread.
    pub fn progress(&self) -> Arc<LandingStatus> {
        Arc::clone(&self.progress)
    }

    /// What was done so far, connections that failed included.
    pub fn counts(&self) -> LandCounts {
        self.counts
    }

    /// Lands until it is told to end; what may pass is tried again, from the last commit. It blocks its thread, and waits for the
    /// store on `runtime`, of which it must not be a worker.
    pub fn stay(&mut self, runtime: &Handle) -> Result<(), LandingConsumerError> {
        let patience = || {
            ExponentialBuilder::default()
                .with_min_delay(Duration::from_millis(500))
                .with_max_delay(Duration::from_secs(30))
                .with_max_times(20)
                .with_jitter()
                .build()
        };
        let mut pauses = patience();
        loop {
            let before = self.counts;
            let Err(error) = self.land(runtime) else { return Ok(()) };
            if self.counts != before {
                pauses = patience();
            }
            let pause = match error.class() {
                Class::Retry if !self.shutdown.is_requested() => pauses.next(),
                _ => None,
            };
            let Some(pause) = pause else { return Err(error) };
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                ?pause,
                "landing begins again from the last commit"
            );
            let asked = async { tokio::time::timeout(pause, self.shutdown.requested()).await };
            if runtime.block_on(asked).is_ok() {
                // Nothing is held any more, and what was not committed comes again.
                return Ok(());
            }
        }
    }

    /// One connection, until it breaks or all is done.
    fn land(&mut self, runtime: &Handle) -> Result<(), LandingConsumerError> {
        let LandingConsumerSettings { events, client, group, generation, store, bounds, schemas, .. } =
            &self.settings;
        let topics: Vec<_> = events.iter().map(Event::topic).collect();
        let mut consumer = GroupConsumer::join(client, group, &topics)?;
        let dead_letters = Arc::new(Producer::connect(client, None)?);
        let mut landing = RawWriter::new(Arc::clone(store), dead_letters, generation.clone(), *bounds)
            .with_events(events.clone())
            .with_meter(self.meter.clone())
            .with_progress(self.progress());
        if let Some(schemas) = schemas {
            landing = landing.with_schemas(Arc::clone(schemas) as _);
        }
        if let Some(take_out) = self.settings.take_out {
            landing = landing.with_take_out(take_out);
        }
        runtime.block_on(landing.look_who_is_refused())?;
        let ended = self.turns(&mut consumer, &mut landing, runtime);
        self.counts.add(landing.counts());
        ended
    }

    fn turns(
        &self,
        consumer: &mut GroupConsumer,
        landing: &mut RawWriter<Producer>,
        runtime: &Handle,
    ) -> Result<(), LandingConsumerError> {
        // Who has no partition yet is not idle: the group waits for members that died until their session is over.
        let (mut taken, mut told, mut last_record) = (0_u64, 0, Instant::now() + JOIN);
        let (mut lag, mut last_lag) = (LagWatch::default(), None::<Instant>);
        let (mut last_pass, mut looked_again) = (Instant::now(), false);
        let (mut now, mut rested, mut came) = ((self.now_micros)(), true, false);
        loop {
            if rested || taken.is_multiple_of(CLOCK_EVERY) {
                now = (self.now_micros)();
            }
            let turn = consumer.next(PATIENCE, |record| {
                if let (Some(schemas), Some(id)) = (&self.settings.schemas, record.schema_needed())
                    && schemas.lacks(id)
                {
                    runtime
                        .block_on(schemas.learn(id))
                        .map_err(|error| LandError::Schema(Box::new(error)))?;
                }
                landing.push(record, now)
            })?;
            rested = false;
            match turn {
                Turn::Record(pushed) => {
                    pushed?;
                    taken += 1;
                    told += 1;
                    (came, looked_again) = (true, false);
                }
                Turn::Nothing => {
                    if std::mem::take(&mut came) {
                        last_record = Instant::now();
                    }
                    rested = true;
                }
                Turn::Assigned(starts) => {
                    lag.shared(&self.check_generations(&starts, runtime)?);
                    last_record = Instant::now();
                    lag.assigned(&starts);
                }
                Turn::Revoked(places) => {
                    lag.revoked(&places);
                    for TopicPartition { topic, partition } in places {
                        landing.abandon(&topic, partition);
                    }
                }
            }
            let idle = rested && self.settings.until_idle.is_some_and(|idle| last_record.elapsed() >= idle);
            if rested && (idle || last_pass.elapsed() >= PASS_EVERY) {
                pass(consumer, landing, &mut lag)?;
                last_pass = Instant::now();
            }
            if self.shutdown.is_requested() || idle {
                let landed = runtime.block_on(landing.roll_all((self.now_micros)()))?;
                lag.landed(&landed);
                commit(consumer, landed)?;
                if self.shutdown.is_requested() {
                    return Ok(());
                }
                match self.check_all_read(&lag) {
                    // They came at this very moment, or a new partition is about to be shared: one more round.
                    Err(LandingConsumerError::Left { left, .. })
                        if !looked_again && left.iter().any(|left| left.open.is_none()) =>
                    {
                        (looked_again, last_record) = (true, Instant::now());
                    }
                    ended => return ended,
                }
            }
            if rested || taken.is_multiple_of(LOOK_EVERY) || landing.is_full() {
                self.progress.took(std::mem::take(&mut told));
                let landed = runtime.block_on(landing.roll_due(now))?;
                lag.landed(&landed);
                commit(consumer, landed)?;
            }
            let lag_is_read = self.settings.metered && (rested || taken.is_multiple_of(CLOCK_EVERY));
            if lag_is_read && last_lag.is_none_or(|last| last.elapsed() >= LAG_EVERY) {
                self.tell_lag(&lag);
                last_lag = Some(Instant::now());
            }
        }
    }

    /// RawWriter goes on where the brokers do not answer this.
    fn tell_lag(&self, lag: &LagWatch) {
        let asked = Topics::connect(&self.settings.client).and_then(|brokers| {
            for event in &self.settings.events {
                lag.tell(event.topic(), &brokers.watermarks(event.topic())?, &self.meter);
            }
            Ok(())
        });
        if let Err(error) = asked {
            tracing::warn!(error = &error as &dyn std::error::Error, "the lag could not be told");
        }
    }

    /// Who ends because nothing comes says what it leaves: the records behind an open transaction, those of a partition that the
    /// group has not seen yet.
    fn check_all_read(&self, lag: &LagWatch) -> Result<(), LandingConsumerError> {
        let brokers = Topics::connect(&self.settings.client);
        let left = brokers.and_then(|brokers| {
            let mut next = BTreeMap::new();
            for event in &self.settings.events {
                let of_topic = lag.next_of(event.topic(), &brokers.watermarks(event.topic())?);
                let place = |(partition, next)| (TopicPartition::new(event.topic(), partition), next);
                next.extend(of_topic.into_iter().map(place));
            }
            unread(&brokers, &next)
        });
        let seconds = self.settings.until_idle.map_or(0, |idle| idle.as_secs());
        match left {
            Ok(left) if left.is_empty() => Ok(()),
            Ok(left) => Err(LandingConsumerError::Left { seconds, left }),
            Err(source) => Err(LandingConsumerError::Unknown { seconds, source: Box::new(source) }),
        }
    }

    /// Partitions whose offsets the lake has already, of another generation of their topic, are not landed. Answers how many partitions
    /// each topic has.
    fn check_generations(
        &self,
        starts: &BTreeMap<TopicPartition, Offset>,
        runtime: &Handle,
    ) -> Result<BTreeMap<String, i32>, LandingConsumerError> {
        let LandingConsumerSettings { events, client, generation, store, .. } = &self.settings;
        let brokers = Topics::connect(client)?;
        for event in events.iter().filter(|event| starts.keys().any(|place| place.topic == event.topic())) {
            let sink = RawSink::new(Arc::clone(store), event, generation.clone());
            let durable = runtime.block_on(sink.durable())?;
            let ends = brokers.watermarks(event.topic())?;
            topics::check_generation(event.topic(), generation.as_str(), &ends, durable.iter())?;
        }
        let mut all = brokers.all()?;
        all.retain(|topic, _| events.iter().any(|event| event.topic() == topic));
        Ok(all)
    }
}

/// What is never given is behind us like what was: the group's lag comes to nothing, and retention may remove it. To be asked when
/// nothing came.
fn pass(
    consumer: &GroupConsumer,
    landing: &mut RawWriter<Producer>,
    lag: &mut LagWatch,
) -> Result<(), LandingConsumerError> {
    let mut passed = Vec::new();
    for (place, next_offset) in consumer.positions()? {
        let before = lag.next().get(&place).copied();
        let TopicPartition { topic, partition } = place;
        landing.pass(&topic, partition, next_offset);
        // What is open takes it along when it becomes durable.
        if landing.is_settled(&topic, partition) && before.is_some_and(|before| before < next_offset) {
            let (records, record_bytes, stamped) = (0, 0, None);
            passed.push(CommitPoint { topic, partition, next_offset, records, record_bytes, stamped });
        }
    }
    lag.landed(&passed);
    commit(consumer, passed)
}

/// What is durable is committed. A partition that has moved is its new reader's to commit.
fn commit(consumer: &GroupConsumer, landed: Vec<CommitPoint>) -> Result<(), LandingConsumerError> {
    for part in landed {
        consumer.commit_patiently(&part.topic, part.partition, part.next_offset)?;
    }
    Ok(())
}
