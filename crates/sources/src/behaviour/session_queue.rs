//! The open sessions, and which of them acts next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::session::Session;

/// How many sessions are open at most; a place's number has to fit in `PLACE_BITS`.
pub const MOST_OPEN_SESSIONS: usize = 1 << PLACE_BITS;

const PLACE_BITS: u32 = 16;

/// Open sessions by place, each due at one time. Memory: a place for each session of the busiest moment so far.
#[derive(Debug, Default)]
pub(super) struct SessionQueue {
    sessions: Vec<Session>,
    free: Vec<u16>,
    /// The time, then the place, in one number: the smallest is next, and equal times keep one order.
    due: BinaryHeap<Reverse<u64>>,
}

impl SessionQueue {
    pub(super) fn open_sessions(&self) -> usize {
        self.due.len()
    }

    pub(super) fn session(&self, place: u16) -> &Session {
        &self.sessions[usize::from(place)]
    }

    /// When the next session acts.
    pub(super) fn next_time(&self) -> Option<u64> {
        self.due.peek().map(|&Reverse(due)| due >> PLACE_BITS)
    }

    /// Opens a session that acts at `time`. There has to be room.
    pub(super) fn open(&mut self, session: Session, time: u64) -> u16 {
        let place = match self.free.pop() {
            Some(place) => {
                self.sessions[usize::from(place)] = session;
                place
            }
            None => {
                self.sessions.push(session);
                (self.sessions.len() - 1) as u16
            }
        };
        self.due.push(Reverse(time << PLACE_BITS | u64::from(place)));
        place
    }

    /// Lets the next session act: `act` answers what it did and in how long it acts again, or `None` where it is over,
    /// which closes it. Answers the session's place with what it did, or else its user.
    pub(super) fn act<A>(
        &mut self,
        act: impl FnOnce(&mut Session) -> Option<(A, u64)>,
    ) -> Option<Result<(u16, A), u64>> {
        let mut next = self.due.peek_mut()?;
        let Reverse(due) = *next;
        let place = due as u16;
        let session = &mut self.sessions[usize::from(place)];
        Some(match act(session) {
            Some((act, pause)) => {
                *next = Reverse(due + (pause << PLACE_BITS));
                Ok((place, act))
            }
            None => {
                let user = session.user;
                PeekMut::pop(next);
                self.free.push(place);
                Err(user)
            }
        })
    }
}
