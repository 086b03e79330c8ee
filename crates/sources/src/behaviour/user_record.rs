//! Users as records: written in the API's own shape and read by the one reader of its answers, as every source's are.

use millrace_events::instant::Millis;
use millrace_events::randomuser::{AnswerContext, PageUser, SIMULATOR, SourceClock, UserPage, read_answer};

use super::batch::{Batch, Facts};
use super::record_fault::RecordFault;
use super::stream::Stream;
use super::stream_output::StreamOutput;
use crate::error::SourceError;
use crate::share::Share;
use crate::simulator::Simulation;

/// At most this many broken users come before a fine one, so that there is one for every event even where all are to
/// be broken. A share above 98 % is not reached therefore.
const MOST_BROKEN: u64 = 64;

/// Sets the seed of broken users apart: they are nobody who acts.
const BROKEN: u64 = 0x6272_6f6b_656e;

/// Makes the records of users.
#[derive(Debug)]
pub(super) struct UserRecords {
    seed: u64,
    people: Simulation,
    broken: Simulation,
    /// The user to be told of next, and the time.
    expected: Option<(u64, i64)>,
    /// Who comes again behind which user, and the time.
    returning: Option<(u64, u64, i64)>,
    /// Broken users so far, and those of them right before the expected one.
    told_broken: u64,
    in_a_row: u64,
    answer: Vec<u8>,
}

impl UserRecords {
    pub(super) fn new(seed: u64, untidy: bool) -> Self {
        let tidy = Simulation::new(seed, Share::NONE, Share::NONE);
        Self {
            seed,
            people: if untidy { tidy.untidy_with_ids() } else { tidy },
            broken: Simulation::new(seed ^ BROKEN, Share::ALL, Share::NONE),
            expected: None,
            returning: None,
            told_broken: 0,
            in_a_row: 0,
            answer: Vec::new(),
        }
    }

    /// A user came to be, `now` in milliseconds since 1970.
    pub(super) fn expect(&mut self, user: u64, now: i64) {
        self.expected = Some((user, now));
    }

    pub(super) fn is_expected(&self) -> bool {
        self.expected.is_some() || self.returning.is_some()
    }

    /// Appends who comes again, or the expected user, or a broken one before. Answers whether a copy is to be sent behind
    /// it.
    pub(super) fn tell(&mut self, output: &mut StreamOutput, batch: &mut Batch) -> Result<bool, SourceError> {
        if let Some((first, user, now)) = self.returning.take() {
            output.counts.changed += 1;
            let page = self.read(user, now, |people, out| people.write_return(first, user, out))?;
            return Ok(tell_of(&page, None, now, output, batch));
        }
        let Some((user, now)) = self.expected else { return Ok(false) };
        let is_broken = self.in_a_row < MOST_BROKEN && output.draws_broken();
        let (simulation, number) =
            if is_broken { (self.broken, self.told_broken) } else { (self.people, user) };
        let page = self.read(number, now, |_, out| simulation.write_answer(number, 1, 1, out))?;
        if is_broken {
            self.told_broken += 1;
            self.in_a_row += 1;
        } else {
            self.expected = None;
            self.in_a_row = 0;
            self.returning = self.people.returning(user).map(|first| (first, user, now));
        }
        let fault = is_broken.then(|| simulation.fault(number).map(RecordFault::User)).flatten();
        Ok(tell_of(&page, fault, now, output, batch))
    }

    /// Reads what `write` makes an answer of.
    fn read(
        &mut self,
        number: u64,
        now: i64,
        write: impl FnOnce(&Simulation, &mut Vec<u8>),
    ) -> Result<UserPage, SourceError> {
        self.answer.clear();
        write(&self.people, &mut self.answer);
        let clock = SourceClock::Answered(Millis(now).micros());
        let context = AnswerContext { source: SIMULATOR, page: 1, clock, limit: 1 };
        let seed = self.seed;
        read_answer(&self.answer, &context).map_err(|source| SourceError::Simulated {
            seed,
            page: number,
            source,
        })
    }
}

/// Appends the user of a page of one. Answers whether a copy is to be sent behind it.
fn tell_of(
    page: &UserPage,
    fault: Option<RecordFault>,
    timestamp: i64,
    output: &mut StreamOutput,
    batch: &mut Batch,
) -> bool {
    let facts = Facts { stream: Stream::Users, timestamp, fault, is_repeat: false, is_late: false };
    match page.users.first() {
        Some(PageUser::Event { value, key, .. }) => {
            let key = key.as_ref().map_or(&[][..], |key| page.bytes(key));
            output.tell(batch, facts, key, |out| out.extend_from_slice(page.bytes(value)))
        }
        Some(PageUser::Refused(refused)) => {
            let key = refused.user_id.as_deref().unwrap_or_default();
            output.tell(batch, facts, key.as_bytes(), |out| out.extend_from_slice(&refused.json))
        }
        None => false,
    }
}
