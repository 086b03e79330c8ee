//! The consumer of a run, in a thread of its own: reads records, lands them, commits what is durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use land_events::{CommitPoint, LandSettings, RawWriter};
use millrace_events::position::{Offset, TopicPartition};
use millrace_lake::erasure::raw::without_refused;
use millrace_lake::{Store, TopicGeneration};
use millrace_stream::backpressure::Backpressure;
use millrace_stream::client::ClientSettings;
use millrace_stream::consumer::Consumer;
use millrace_stream::open_transaction::{ENDS_OF_TRANSACTIONS, OpenTransaction};
use millrace_stream::producer::Producer;
use millrace_stream::topics::{Topics, is_dead_letters};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::broker::Broker;
use super::landed_run::LandedRun;
use crate::clock;

/// How long all records may be produced and yet none come: a broker that lost them says nothing.
const STALLED: Duration = Duration::from_secs(60);

/// After so long without a record it is looked whether an open transaction holds them up.
const HELD_UP: Duration = Duration::from_secs(5);

/// How long an open transaction is waited for: a dead producer's is aborted after a minute and some seconds, unless it asked for more.
const TRANSACTION: Duration = Duration::from_secs(120);

/// Records between two looks at whether an object is due.
const LOOK_EVERY: u64 = 256;

/// Offsets that the last records of the run have, by partition.
type Ends = BTreeMap<TopicPartition, Offset>;

/// The landing of a run while it runs.
pub(crate) struct LandingThread {
    thread: std::thread::JoinHandle<anyhow::Result<LandedRun>>,
    ends: Arc<OnceLock<Ends>>,
    failed: watch::Receiver<bool>,
}

impl LandingThread {
    pub(crate) fn start(
        broker: &Broker,
        store: Arc<dyn Store>,
        producer: Arc<Producer>,
        landed: impl Fn(u64) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let consumer = Consumer::assign(&broker.settings, &broker.group, &broker.starts)?;
        // A cluster keeps the group, and would tell of what was there before the run as left unread.
        if broker.hold_back.is_none()
            && let Err(error) = consumer.commit_starts(&broker.starts)
        {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "where the run begins was not committed"
            );
        }
        let mut settings = LandSettings::default();
        if let Some(hold_back) = &broker.hold_back {
            // Half: while one half is written the other half can come.
            settings.partition_bytes = hold_back.limit() / 2;
        }
        let ends = Arc::new(OnceLock::new());
        let (tell_failed, failed) = watch::channel(false);
        let worker = Worker {
            client: broker.settings.clone(),
            generation: broker.generation.clone(),
            // The embedded broker keeps what was read for nobody to read it again.
            landing: RawWriter::new(store, producer, broker.generation.clone(), settings)
                .with_take_out(without_refused),
            consumer,
            hold_back: broker.hold_back.clone(),
            ends: Arc::clone(&ends),
            positions: BTreeMap::new(),
            landed: Box::new(landed),
            runtime: Handle::current(),
        };
        let hold_back = broker.hold_back.clone();
        let thread = std::thread::Builder::new().name("land".to_owned()).spawn(move || {
            let result = worker.run();
            if result.is_err() {
                tell_failed.send_replace(true);
                if let Some(hold_back) = hold_back {
                    hold_back.close();
                }
            }
            result
        })?;
        Ok(Self { thread, ends, failed })
    }

    /// Completes when the landing has failed; [`finish`](Self::finish) tells why.
    pub(crate) async fn failed(&self) {
        let mut failed = self.failed.clone();
        if failed.wait_for(|failed| *failed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the records up to `ends` are durable.
    pub(crate) async fn finish(self, ends: Ends) -> anyhow::Result<LandedRun> {
        let _ = self.ends.set(ends);
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await?;
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic)).context("the landing failed")
    }
}

struct Worker {
    client: ClientSettings,
    generation: TopicGeneration,
    landing: RawWriter<Producer>,
    consumer: Consumer,
    hold_back: Option<Arc<Backpressure>>,
    ends: Arc<OnceLock<Ends>>,
    /// The last offset taken of each partition.
    positions: Ends,
    /// Is told of records that became durable.
    landed: Box<dyn Fn(u64) + Send>,
    runtime: Handle,
}

impl Worker {
    fn run(mut self) -> anyhow::Result<LandedRun> {
        self.runtime.block_on(self.landing.look_who_is_refused())?;
        let (mut taken, mut last_record) = (0_u64, Instant::now());
        let (mut all_produced, mut patience) = (None::<Instant>, None::<Duration>);
        loop {
            let now = clock::now_micros();
            let landing = &mut self.landing;
            let positions = &mut self.positions;
            let record = self.consumer.next(Duration::from_millis(20), |record| {
                let known = |place: &TopicPartition| place.is(record.topic, record.partition);
                match positions.iter_mut().find(|(place, _)| known(place)) {
                    Some((_, position)) => *position = record.offset,
                    None => {
                        positions.insert(TopicPartition::new(record.topic, record.partition), record.offset);
                    }
                }
                landing.push(record, now)
            })?;
            let came = record.transpose()?.is_some();
            taken += u64::from(came);
            if came {
                (last_record, patience) = (Instant::now(), None);
            }
            if !came || taken % LOOK_EVERY == 0 || self.landing.is_full() {
                let landed = self.runtime.block_on(self.landing.roll_due(now))?;
                self.settle(&landed)?;
            }
            if !came && self.is_done() {
                break;
            }
            if !came && self.ends.get().is_some() {
                // Whoever waits for the first record waits from now on.
                let silence = last_record.max(*all_produced.get_or_insert_with(Instant::now)).elapsed();
                if silence >= HELD_UP && patience.is_none() {
                    let open = self.held_up().unwrap_or_default();
                    open.iter().for_each(|open| tracing::warn!("this run's records wait: {open}"));
                    patience = Some(if open.is_empty() { STALLED } else { TRANSACTION });
                }
                if patience.is_some_and(|patience| silence >= patience) {
                    return Err(self.stalled(silence));
                }
            }
        }
        let landed = self.runtime.block_on(self.landing.roll_all(clock::now_micros()))?;
        self.settle(&landed)?;
        Ok(LandedRun {
            counts: self.landing.counts(),
            landed: self.landing.landed().clone(),
            dead: self.landing.dead().clone(),
            erased: self.landing.erased().clone(),
        })
    }

    fn is_done(&self) -> bool {
        let Some(ends) = self.ends.get() else { return false };
        self.positions_asked(ends).all(|(place, end)| self.positions.get(place).is_some_and(|at| at >= end))
    }

    /// The ends of the topics that this consumer reads: dead letters are read by another.
    fn positions_asked<'a>(&self, ends: &'a Ends) -> impl Iterator<Item = (&'a TopicPartition, &'a Offset)> {
        ends.iter().filter(|(place, _)| !is_dead_letters(&place.topic))
    }

    /// The open transactions in front of records that were produced and not read: other producers', as a run has none.
    fn held_up(&self) -> anyhow::Result<Vec<OpenTransaction>> {
        let Some(ends) = self.ends.get() else { return Ok(Vec::new()) };
        let waits = |place: &TopicPartition| {
            let end = self.positions_asked(ends).find(|(asked, _)| *asked == place);
            end.is_some_and(|(_, end)| self.positions.get(place).is_none_or(|at| at < end))
        };
        let brokers = Topics::connect(&self.client)?;
        let topics: BTreeSet<_> = self.positions_asked(ends).map(|(place, _)| &place.topic).collect();
        let mut held_up = Vec::new();
        for topic in topics {
            let open = brokers.open_transactions(topic)?;
            held_up.extend(
                open.into_iter().filter(|open| waits(&TopicPartition::new(&open.topic, open.partition))),
            );
        }
        Ok(held_up)
    }

    /// Why the run gives up waiting.
    fn stalled(&self, silence: Duration) -> anyhow::Error {
        let seconds = silence.as_secs();
        match self.held_up() {
            Ok(open) if open.is_empty() => anyhow::anyhow!(
                "no record came for {seconds} s though not all that were produced are read: the broker lost them"
            ),
            Ok(open) => {
                let open: Vec<_> = open.iter().map(ToString::to_string).collect();
                anyhow::anyhow!(
                    "no record came for {seconds} s: {}; {ENDS_OF_TRANSACTIONS}. Nothing of this run is lost: once they are given, \
                     millrace land --generation {} lands what it did not",
                    open.join("; "),
                    self.generation
                )
            }
            Err(error) => error.context(format!(
                "no record came for {seconds} s though not all that were produced are read, and the brokers do not say why"
            )),
        }
    }

    /// What is durable is committed, and makes room for more.
    fn settle(&self, landed: &[CommitPoint]) -> anyhow::Result<()> {
        for part in landed {
            self.consumer.commit(&part.topic, part.partition, part.next_offset)?;
            (self.landed)(part.records);
            if let Some(hold_back) = &self.hold_back {
                hold_back.release(&part.topic, part.partition, part.record_bytes);
            }
        }
        Ok(())
    }
}
