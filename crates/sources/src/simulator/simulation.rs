//! Which users a seed gives: each one a function of the seed, its number and the shares alone.

use super::draw::{Draw, Purpose};
use super::faults::{FAULTS, Fault};
use super::{person, user};
use crate::share::Share;

/// The users of one seed, counted from 0. Nothing is remembered, so any user can be asked for at any time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Simulation {
    seed: u64,
    broken: Share,
    repeat: Share,
}

/// How often a repeated user looks for one to repeat that is not broken, before it is a new one after all. Changing
/// it changes simulations that have both.
const LOOKS_BACK: usize = 8;

struct Fate {
    fault: Option<&'static Fault>,
    /// Users given before, one of which is given again.
    repeats: Option<[u64; LOOKS_BACK]>,
}

impl Simulation {
    pub fn new(seed: u64, broken: Share, repeat: Share) -> Self {
        Self { seed, broken, repeat }
    }

    /// What is wrong with a user; `None` for one that can be an event.
    pub fn fault(&self, user: u64) -> Option<&'static Fault> {
        self.fate(user).fault
    }

    /// The first user with the id of this one: itself, unless it is a repeated one. `None` for a broken user.
    ///
    /// So of the first n users, as many distinct ids can be events as there are users that are their own origin.
    pub fn origin(&self, user: u64) -> Option<u64> {
        let mut fate = self.fate(user);
        if fate.fault.is_some() {
            return None;
        }
        let mut origin = user;
        while let Some(earlier) = fate.repeats.take() {
            for candidate in earlier {
                let found = self.fate(candidate);
                if found.fault.is_none() {
                    (origin, fate) = (candidate, found);
                    break;
                }
            }
        }
        Some(origin)
    }

    /// Appends a user's JSON. A broken one need not be what the API could give, but is always JSON.
    pub fn write_user(&self, number: u64, out: &mut Vec<u8>) {
        let origin = self.origin(number);
        let start = out.len();
        user::write(self.seed, origin.unwrap_or(number), number, out);
        if let (None, Some(fault)) = (origin, self.fault(number)) {
            fault.apply(out, start);
        }
    }

    /// The id of a user, and how many minutes their clock is ahead of UTC, without the rest of them. `scratch` is
    /// emptied and written to.
    pub(crate) fn id_and_offset(&self, number: u64, scratch: &mut Vec<u8>) -> ([u8; 16], i32) {
        scratch.clear();
        person::id_and_offset(self.seed, self.origin(number).unwrap_or(number), number, scratch)
    }

    /// Appends an answer as the API gives it: `size` users from number `first` on.
    pub fn write_answer(&self, first: u64, size: usize, page: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"results":["#);
        for index in 0..size as u64 {
            if index > 0 {
                out.push(b',');
            }
            self.write_user(first.saturating_add(index), out);
        }
        let info = format!(
            r#"],"info":{{"seed":"{:016x}","results":{size},"page":{page},"version":"1.4"}}}}"#,
            self.seed
        );
        out.extend_from_slice(info.as_bytes());
    }

    fn fate(&self, user: u64) -> Fate {
        if self.broken == Share::NONE && self.repeat == Share::NONE {
            return Fate { fault: None, repeats: None };
        }
        let mut draw = Draw::new(self.seed, Purpose::Fate, user);
        let (broken, repeated) = (draw.number(), draw.number());
        let fault = self.broken.covers(broken).then(|| draw.pick(FAULTS));
        let repeats = user > 0 && fault.is_none() && self.repeat.covers(repeated);
        Fate { fault, repeats: repeats.then(|| std::array::from_fn(|_| draw.long_below(user))) }
    }
}
