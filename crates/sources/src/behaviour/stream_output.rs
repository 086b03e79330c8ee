//! One stream's view of the world: its records, those of them that are broken, repeated or late, and their numbers.

use super::batch::{Batch, Facts};
use super::campaigns::Campaigns;
use super::duplicates::Copies;
use super::message::{AdEvent, Ids, Interaction, Video};
use super::random::Random;
use super::record_fault::RecordFault;
use super::session::{APP_VERSIONS, Act, Response, Session};
use super::stream::Stream;
use super::uuid_text::uuid_text;
use crate::share::Share;

/// How many records of a stream were given.
///
/// Once everything is delivered and duplicates are dropped, a table has `records - broken - repeated - changed` of them,
/// and its dead letters are `broken`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub records: u64,
    /// With a fault; never repeated nor late.
    pub broken: u64,
    /// Copies of earlier ones.
    pub repeated: u64,
    /// Users told of before, now with changed details.
    pub changed: u64,
    /// Whose event lies long before; copies don't count again.
    pub late: u64,
}

/// Shares of a stream's records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    pub(super) broken: Share,
    pub(super) repeat: Share,
    pub(super) late: Share,
}

/// How late a late event arrives at least and at most, in milliseconds.
const LEAST_DELAY: u64 = 60_000;
const MOST_DELAY: u64 = 48 * 3_600_000;

const SUCCESS: u64 = 1;
const ERROR: u64 = 2;

/// The purpose of the first stream's draws; the others' follow.
const OUTPUTS: u64 = 16;

/// Tells a stream's part of the world. Its draws are its own, so that it says the same whoever else tells.
#[derive(Debug)]
pub(super) struct StreamOutput {
    stream: Stream,
    shares: Shares,
    random: Random,
    copies: Copies,
    pub(super) counts: Counts,
}

impl StreamOutput {
    pub(super) fn new(seed: u64, stream: Stream, shares: Shares) -> Self {
        let random = Random::new(seed, OUTPUTS + stream as u64);
        Self { stream, shares, random, copies: Copies::new(), counts: Counts::default() }
    }

    /// Whether the next record is broken.
    pub(super) fn draws_broken(&mut self) -> bool {
        self.random.within_share(self.shares.broken)
    }

    /// Appends a record that is ready. Answers whether a copy is to be sent behind it.
    pub(super) fn tell(
        &mut self,
        batch: &mut Batch,
        facts: Facts,
        key: &[u8],
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        batch.push(facts, key, write);
        self.counts.records += 1;
        self.counts.broken += u64::from(facts.fault.is_some());
        self.counts.late += u64::from(facts.is_late);
        if facts.fault.is_none() && self.random.within_share(self.shares.repeat) {
            self.copies.keep_last(batch, self.random.below(1 << 16) as usize);
        }
        self.copies.end_turn()
    }

    /// Appends the copy that is to be sent now.
    pub(super) fn tell_again(&mut self, batch: &mut Batch) {
        self.copies.send(batch);
        self.counts.records += 1;
        self.counts.repeated += 1;
    }

    /// Appends what a session did at `now`. Answers whether a copy is to be sent behind it.
    pub(super) fn tell_act(
        &mut self,
        batch: &mut Batch,
        now: i64,
        session: &Session,
        act: Act,
        campaigns: &Campaigns,
    ) -> bool {
        let fault = self.draws_broken().then(|| self.random.pick(RecordFault::of(self.stream)));
        let is_late = fault.is_none() && self.random.within_share(self.shares.late);
        let delay = if is_late { self.random.within(LEAST_DELAY, MOST_DELAY) } else { 0 };
        let event_timestamp = now - delay as i64;
        let ids = Ids {
            event: uuid_text(self.random.uuid()),
            user: &session.user_text,
            session: &session.session_text,
            missing: match fault {
                Some(RecordFault::Missing(id)) => Some(id),
                _ => None,
            },
        };
        let facts = |fault| Facts { stream: self.stream, timestamp: now, fault, is_repeat: false, is_late };
        match act {
            Act::Interaction { deed, product } => {
                let mut interaction = Interaction {
                    event_type: deed as u64,
                    event_timestamp,
                    // 50 to 1500, most of them quick.
                    request_latency_ms: 50 + self.random.skewed_below(1_451),
                    status: SUCCESS,
                    error_code: None,
                    product_id: product.map(u64::from),
                };
                interaction.draw_error(&mut self.random);
                let fault = fault.map(|fault| interaction.suffer(fault, &mut self.random));
                self.tell(batch, facts(fault), &session.user_id, |out| interaction.write(&ids, out))
            }
            Act::Video { cue, video, position, length } => {
                let mut engagement = Video {
                    video,
                    action: cue as u64,
                    position_ms: position as u64,
                    video_length_ms: length as u64,
                    event_timestamp,
                    device: u64::from(session.device),
                    app_version: APP_VERSIONS[usize::from(session.app_version)],
                };
                match fault {
                    Some(RecordFault::UnknownSymbol("device")) => engagement.device = RecordFault::UNKNOWN,
                    Some(RecordFault::UnknownSymbol(_)) => engagement.action = RecordFault::UNKNOWN,
                    _ => {}
                }
                self.tell(batch, facts(fault), &session.session_text, |out| engagement.write(&ids, out))
            }
            Act::Ad { ad, response } => {
                let (impression, click) = campaigns.costs(ad);
                let mut event = AdEvent {
                    ad,
                    placement: ad.placement as u64,
                    action: response as u64,
                    cost_micros: 0,
                    revenue_micros: 0,
                    event_timestamp,
                };
                match response {
                    Response::Impression => event.cost_micros = impression as u64,
                    Response::Click => event.cost_micros = click as u64,
                    Response::Conversion => {
                        event.revenue_micros = 4_990_000 + 10_000 * self.random.skewed_below(12_000);
                    }
                }
                match fault {
                    Some(RecordFault::UnknownSymbol("placement")) => event.placement = RecordFault::UNKNOWN,
                    Some(RecordFault::UnknownSymbol(_)) => event.action = RecordFault::UNKNOWN,
                    _ => {}
                }
                self.tell(batch, facts(fault), &session.session_text, |out| event.write(&ids, out))
            }
        }
    }
}

impl Interaction {
    /// The probability of an error is drawn for each event, evenly up to a half.
    fn draw_error(&mut self, random: &mut Random) {
        let probability = random.number() / 2;
        if random.number() < probability {
            self.status = ERROR;
            self.error_code = Some(random.within(400, 599));
        }
    }

    /// Breaks one of its rules, and says which: only an event type without a product can have one too many.
    fn suffer(&mut self, fault: RecordFault, random: &mut Random) -> RecordFault {
        match fault {
            RecordFault::UnknownSymbol("status") => {
                self.status = RecordFault::UNKNOWN;
                self.error_code = None;
            }
            RecordFault::UnknownSymbol(_) => {
                self.event_type = RecordFault::UNKNOWN;
                self.product_id = None;
            }
            RecordFault::ErrorCodeWithoutError => {
                self.status = SUCCESS;
                self.error_code = Some(random.within(400, 599));
            }
            RecordFault::ErrorCodeOutOfRange => {
                self.status = ERROR;
                self.error_code = Some(random.pick(&[0, 200, 399, 600, 1_000]));
            }
            RecordFault::ProductOutOfRange if self.product_id.is_some() => {
                self.product_id = Some(random.pick(&[0, 10_001, 1_000_000]));
            }
            RecordFault::ProductOutOfRange => {
                self.product_id = Some(random.within(1, 10_000));
                return RecordFault::ProductElsewhere;
            }
            _ => {}
        }
        fault
    }
}
