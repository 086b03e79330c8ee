//! Which records are delivered next, and what follows from an answer: the policy, without IO and without a clock.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use millrace_events::position::{Offset, TopicPartition};
use millrace_stream::batch_response::BatchResponse;

use crate::delivery_batch::DeliveryBatch;
use crate::record::OwnedRecord;
use crate::record::Places;

/// Bounds of a batch, and how long it is tried: the settings of an event source mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchPolicy {
    /// `BatchSize`.
    pub records: usize,
    /// Of a payload, in bytes: Lambda takes 6 MB.
    pub payload_bytes: usize,
    /// `MaximumBatchingWindowInSeconds`: how long the oldest record waits for others.
    pub window: Duration,
    /// `BisectBatchOnFunctionError`.
    pub bisect: bool,
    /// Deliveries of a group in vain, the first included, before it is given up; `None` never gives up.
    pub attempts: Option<u32>,
    /// `ReportBatchItemFailures`; without it no answer is looked at.
    pub partial_failures: bool,
}

impl Default for BatchPolicy {
    /// AWS's defaults, with partial failures as land-events wants them.
    fn default() -> Self {
        Self {
            records: 100,
            payload_bytes: 6_000_000,
            window: Duration::from_millis(500),
            bisect: false,
            attempts: None,
            partial_failures: true,
        }
    }
}

/// What an invocation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The function ran and gave this answer.
    Answered(BatchResponse),
    /// The function erred, its answer is none, or nobody knows whether it ran.
    Failed,
    /// Nothing took the records: it is still being built, or throttled. No attempt, as AWS has it for a throttled function.
    NotInvoked,
}

/// What may follow a settled group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// What may be committed, by topic and partition: everything before the offset is done or given up.
    pub commits: BTreeMap<TopicPartition, Offset>,
    /// Records for the on-failure destination. They count as committed only once it has them.
    pub given_up: Vec<OwnedRecord>,
    /// Records that are settled because the function took them.
    pub done: u64,
    /// Records that have to come again.
    pub again: u64,
    /// Records of partitions that moved: neither done here nor to come again here.
    pub moved: u64,
    /// How often the next group was sent in vain, delivered or not, for a pause before it.
    pub in_vain: u32,
}

/// The records of one mapping on their way.
///
/// Promise: each record offered is delivered until an answer covers it or it is given up; records of a partition are
/// delivered in the order in which they were offered, none before all earlier ones are done or given up, but for those
/// with it in the group.
#[derive(Debug)]
pub struct Delivery {
    policy: BatchPolicy,
    /// Not yet in a group, with the instant of their coming.
    waiting: VecDeque<(OwnedRecord, Duration)>,
    waiting_bytes: usize,
    /// Delivered in vain, or the second half of such: before anything that waits.
    again: VecDeque<DeliveryBatch>,
    delivered: Option<DeliveryBatch>,
    /// Partitions of what is being delivered that became somebody else's meanwhile.
    moved: Places,
}

/// Around the records of a payload: names, and the brokers' addresses.
const ENVELOPE: usize = 2_048;

impl Delivery {
    /// An empty mapping, for records from any offset on.
    pub fn new(policy: BatchPolicy) -> Self {
        Self {
            policy,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            again: VecDeque::new(),
            delivered: None,
            moved: Places::new(),
        }
    }

    /// Takes a record that came at `now`, counted from any instant that stays the same.
    pub fn offer(&mut self, record: OwnedRecord, now: Duration) {
        self.waiting_bytes += record.payload_bytes();
        self.waiting.push_back((record, now));
    }

    /// Whether a whole batch waits: whoever reads should stop reading, which is what bounds the memory.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= self.policy.records
            || self.waiting_bytes + ENVELOPE >= self.policy.payload_bytes
    }

    /// Drops the records of partitions that became somebody else's, and answers how many. Those that are being delivered
    /// are settled as ever, but for what would be committed, given up or delivered again of them.
    pub fn forget(&mut self, moved: Places) -> u64 {
        let before = self.held();
        self.waiting.retain(|(record, _)| !record.is_of(&moved));
        self.waiting_bytes = self.waiting.iter().map(|(record, _)| record.payload_bytes()).sum();
        for group in &mut self.again {
            group.records.retain(|record| !record.is_of(&moved));
        }
        self.again.retain(|group| !group.records.is_empty());
        if self.delivered.is_some() {
            self.moved.extend(moved);
        }
        before - self.held()
    }

    /// Records that are here and not delivered.
    pub fn held(&self) -> u64 {
        let again: usize = self.again.iter().map(|group| group.records.len()).sum();
        (self.waiting.len() + again) as u64
    }

    /// Whether nothing is on its way.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.again.is_empty() && self.delivered.is_none()
    }

    /// The records to deliver at `now`: what failed first, otherwise a batch that is full or whose oldest record has
    /// waited for the window, or that is the last (`closing`). None while a group is not settled.
    pub fn next(&mut self, now: Duration, closing: bool) -> Option<&[OwnedRecord]> {
        if self.delivered.is_some() {
            return None;
        }
        let group = match self.again.pop_front() {
            Some(group) => group,
            None => {
                let (_, oldest) = self.waiting.front()?;
                let due = closing || self.is_full() || now.saturating_sub(*oldest) >= self.policy.window;
                if !due {
                    return None;
                }
                DeliveryBatch::new(self.gather())
            }
        };
        self.delivered = Some(group);
        self.delivered.as_ref().map(|group| group.records.as_slice())
    }

    /// As many as fit, at least one: whether one alone fits is for whoever invokes to find out.
    fn gather(&mut self) -> Vec<OwnedRecord> {
        let mut records: Vec<OwnedRecord> = Vec::new();
        let mut bytes = ENVELOPE;
        while let Some((record, _)) = self.waiting.front() {
            let more = record.payload_bytes();
            let full = records.len() >= self.policy.records || bytes + more > self.policy.payload_bytes;
            if full && !records.is_empty() {
                break;
            }
            bytes += more;
            self.waiting_bytes -= more;
            records.extend(self.waiting.pop_front().map(|(record, _)| record));
        }
        records
    }

    /// Takes what became of the group that [`next`](Self::next) gave.
    pub fn settle(&mut self, outcome: &Outcome) -> Settled {
        let mut settled = Settled::default();
        let Some(group) = self.delivered.take() else { return settled };
        let size = group.records.len();
        let whole = group.clone();
        let split = match outcome {
            Outcome::Answered(_) if !self.policy.partial_failures => {
                Some((group.records, DeliveryBatch::new(Vec::new())))
            }
            Outcome::Answered(answer) => group.split(answer),
            Outcome::Failed | Outcome::NotInvoked => None,
        };
        let (done, rest) = split.unwrap_or((Vec::new(), whole));
        settled.done = done.len() as u64;
        cover(&mut settled.commits, &done);
        if rest.records.len() == size {
            self.fail(rest, outcome, &mut settled);
        } else if !rest.records.is_empty() {
            // It went on, so it is a new group: what counts is deliveries without any record done.
            settled.again = rest.records.len() as u64;
            self.again.push_front(DeliveryBatch::new(rest.records));
        }
        let moved = std::mem::take(&mut self.moved);
        if !moved.is_empty() {
            settled.commits.retain(|place, _| !moved.contains(place));
            settled.given_up.retain(|record| !record.is_of(&moved));
            settled.moved = self.forget(moved);
        }
        settled
    }

    fn fail(&mut self, mut group: DeliveryBatch, outcome: &Outcome, settled: &mut Settled) {
        if *outcome == Outcome::NotInvoked {
            group.not_invoked += 1;
            self.send_again(group, settled);
            return;
        }
        // As AWS has it, a bisection is no attempt.
        if self.policy.bisect && group.records.len() > 1 {
            settled.again = group.records.len() as u64;
            let [first, second] = group.bisect();
            self.again.push_front(second);
            self.again.push_front(first);
            return;
        }
        group.attempts += 1;
        // It is there now: the pause is that of its own failures.
        group.not_invoked = 0;
        if self.policy.attempts.is_some_and(|most| group.attempts >= most) {
            cover(&mut settled.commits, &group.records);
            settled.given_up = group.records;
            return;
        }
        self.send_again(group, settled);
    }

    fn send_again(&mut self, group: DeliveryBatch, settled: &mut Settled) {
        (settled.again, settled.in_vain) =
            (group.records.len() as u64, group.attempts.saturating_add(group.not_invoked));
        self.again.push_front(group);
    }
}

/// Says that everything up to these records is done with.
fn cover(commits: &mut BTreeMap<TopicPartition, Offset>, records: &[OwnedRecord]) {
    for record in records {
        let next = commits.entry(TopicPartition::new(&record.topic, record.partition)).or_default();
        *next = record.offset.next().max(*next);
    }
}
