//! The consumer of a run, in a thread of its own: reads records, lands them, commits what is durable.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use land_events::{LandSettings, Landed, Landing};
use millrace_lake::Store;
use millrace_stream::consumer::Consumer;
use millrace_stream::hold_back::HoldBack;
use millrace_stream::producer::Producer;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::LandedRun;
use super::broker::Broker;
use crate::clock;

/// How long all records may be produced and yet none come: a broker that lost them says nothing.
const STALLED: Duration = Duration::from_secs(60);

/// Records between two looks at whether an object is due.
const LOOK_EVERY: u64 = 256;

/// Offsets that the last records of the run have, by partition.
type Ends = BTreeMap<(String, i32), i64>;

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
        let mut settings = LandSettings::default();
        if let Some(hold_back) = &broker.hold_back {
            // Half: while one half is written the other half can come.
            settings.partition_bytes = hold_back.limit() / 2;
        }
        let ends = Arc::new(OnceLock::new());
        let (tell_failed, failed) = watch::channel(false);
        let worker = Worker {
            landing: Landing::new(store, producer, broker.generation.clone(), settings),
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
    landing: Landing<Producer>,
    consumer: Consumer,
    hold_back: Option<Arc<HoldBack>>,
    ends: Arc<OnceLock<Ends>>,
    /// The last offset taken of each partition.
    positions: Ends,
    /// Is told of records that became durable.
    landed: Box<dyn Fn(u64) + Send>,
    runtime: Handle,
}

impl Worker {
    fn run(mut self) -> anyhow::Result<LandedRun> {
        let (mut taken, mut last_record) = (0_u64, Instant::now());
        loop {
            let now = clock::now_micros();
            let landing = &mut self.landing;
            let positions = &mut self.positions;
            let record = self.consumer.next(Duration::from_millis(20), |record| {
                match positions
                    .iter_mut()
                    .find(|((topic, partition), _)| *partition == record.partition && topic == record.topic)
                {
                    Some((_, position)) => *position = record.offset,
                    None => {
                        positions.insert((record.topic.to_owned(), record.partition), record.offset);
                    }
                }
                landing.push(record, now)
            })?;
            let came = record.transpose()?.is_some();
            taken += u64::from(came);
            if came {
                last_record = Instant::now();
            }
            if !came || taken % LOOK_EVERY == 0 || self.landing.is_full() {
                let landed = self.runtime.block_on(self.landing.roll_due(now))?;
                self.settle(&landed)?;
            }
            if !came && self.is_done() {
                break;
            }
            anyhow::ensure!(
                came || self.ends.get().is_none() || last_record.elapsed() < STALLED,
                "no record came for {} s though not all that were produced are read: the broker lost them",
                STALLED.as_secs()
            );
        }
        let landed = self.runtime.block_on(self.landing.roll_all(clock::now_micros()))?;
        self.settle(&landed)?;
        Ok(LandedRun {
            counts: self.landing.counts(),
            landed: self.landing.landed().clone(),
            dead: self.landing.dead().clone(),
        })
    }

    fn is_done(&self) -> bool {
        let Some(ends) = self.ends.get() else { return false };
        self.positions_asked(ends).all(|(place, end)| self.positions.get(place).is_some_and(|at| at >= end))
    }

    /// The ends of the topics that this consumer reads: dead letters are read by another.
    fn positions_asked<'a>(&self, ends: &'a Ends) -> impl Iterator<Item = (&'a (String, i32), &'a i64)> {
        ends.iter().filter(|((topic, _), _)| !topic.ends_with(".dlq"))
    }

    /// What is durable is committed, and makes room for more.
    fn settle(&self, landed: &[Landed]) -> anyhow::Result<()> {
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
