//! Which users a seed gives: each one a function of the seed, its number and the shares alone.

use super::draw::{Draw, Purpose};
use super::invalid_users::{FAULTS, Fault};
use super::untidy_shares::{CHANGED_DETAILS, Flaw};
use super::{person, untidy_users, user};
use crate::share::Share;

/// The users of one seed, counted from 0. Nothing is remembered, so any user can be asked for at any time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Simulation {
    seed: u64,
    broken: Share,
    repeat: Share,
    manners: Manners,
}

/// How users fill in forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manners {
    /// As the API's, without a flaw.
    Tidy,
    /// With the flaws of [`Flaw`], and with changed details where they are given again.
    Untidy,
    /// The same, but all have ids: others refer to them.
    UntidyWithIds,
}

/// How often a repeated user looks for one to repeat that is not broken, before it is a new one after all. Changing
/// it changes simulations that have both.
const LOOKS_BACK: usize = 8;

struct Fate {
    fault: Option<&'static Fault>,
    /// Users given before, one of which is given again.
    repeats: Option<[u64; LOOKS_BACK]>,
    /// Whether the user is given without an id, so that nobody can repeat them.
    no_id: bool,
}

impl Simulation {
    /// Tidy users.
    pub fn new(seed: u64, broken: Share, repeat: Share) -> Self {
        Self { seed, broken, repeat, manners: Manners::Tidy }
    }

    /// The same users, as untidy as real ones. Who is broken and who repeats whom stays, but that nobody repeats one
    /// without an id.
    #[must_use]
    pub fn untidy(self) -> Self {
        Self { manners: Manners::Untidy, ..self }
    }

    /// [`Self::untidy_users`], but that nobody is without an id.
    #[must_use]
    pub(crate) fn untidy_with_ids(self) -> Self {
        Self { manners: Manners::UntidyWithIds, ..self }
    }

    /// What is wrong with a user; `None` for one that can be an event.
    pub fn fault(&self, user: u64) -> Option<&'static Fault> {
        self.fate(user).fault
    }

    /// What is untidy about a user; nothing about a broken one.
    pub fn flaws(&self, user: u64) -> Vec<Flaw> {
        self.draw_flaws(user, self.origin(user)).0
    }

    fn draw_flaws(&self, user: u64, origin: Option<u64>) -> (Vec<Flaw>, Draw) {
        let mut draw = Draw::new(self.seed, Purpose::Flaws, user);
        let flaws = match (self.manners, origin) {
            (Manners::Tidy, _) | (_, None) => Vec::new(),
            _ => Flaw::draw(&mut draw, !self.fate(user).no_id),
        };
        (flaws, draw)
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
                if found.fault.is_none() && !found.no_id {
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
        match origin {
            Some(first) if first != number && self.manners != Manners::Tidy => {
                untidy_users::write_changed(self.seed, first, number, out);
            }
            _ => user::write(self.seed, origin.unwrap_or(number), number, out),
        }
        if let (None, Some(fault)) = (origin, self.fault(number)) {
            fault.apply(out, start);
        }
        self.spoil(number, origin, out, start);
    }

    fn spoil(&self, number: u64, origin: Option<u64>, out: &mut Vec<u8>, start: usize) {
        if self.manners != Manners::Tidy {
            let (flaws, draw) = self.draw_flaws(number, origin);
            untidy_users::spoil(&flaws, draw, out, start);
        }
    }

    /// Somebody who came to be before `user` and comes again behind them, with changed details.
    pub(crate) fn returning(&self, user: u64) -> Option<u64> {
        let mut draw = Draw::new(self.seed, Purpose::Return, user);
        let comes = self.manners != Manners::Tidy && CHANGED_DETAILS.covers(draw.number());
        (comes && user > 0).then(|| draw.long_below(user))
    }

    /// The id of a user, and how many minutes their clock is ahead of UTC, without the rest of them. `scratch` is
    /// emptied and written to.
    pub(crate) fn id_and_offset(&self, number: u64, scratch: &mut Vec<u8>) -> ([u8; 16], i32) {
        scratch.clear();
        person::id_and_offset(self.seed, self.origin(number).unwrap_or(number), number, scratch)
    }

    /// Appends an answer as the API gives it: `size` users from number `first` on.
    pub fn write_answer(&self, first: u64, size: usize, page: u64, out: &mut Vec<u8>) {
        self.enclose(size, page, out, |index, out| self.write_user(first.saturating_add(index), out));
    }

    /// Appends an answer of user `first` alone, who comes again behind `user`.
    pub(crate) fn write_return(&self, first: u64, user: u64, out: &mut Vec<u8>) {
        // Nobody else has such a number.
        let number = u64::MAX - user;
        self.enclose(1, 1, out, |_, out| {
            let start = out.len();
            untidy_users::write_changed(self.seed, first, number, out);
            self.spoil(number, Some(first), out, start);
        });
    }

    fn enclose(&self, size: usize, page: u64, out: &mut Vec<u8>, write: impl Fn(u64, &mut Vec<u8>)) {
        out.extend_from_slice(br#"{"results":["#);
        for index in 0..size as u64 {
            if index > 0 {
                out.push(b',');
            }
            write(index, out);
        }
        let info = format!(
            r#"],"info":{{"seed":"{:016x}","results":{size},"page":{page},"version":"1.4"}}}}"#,
            self.seed
        );
        out.extend_from_slice(info.as_bytes());
    }

    fn fate(&self, user: u64) -> Fate {
        // Who repeats another one has the other one's id.
        let no_id = |repeats: bool| {
            let draws = || Flaw::draws_no_id(&mut Draw::new(self.seed, Purpose::Flaws, user));
            !repeats && self.manners == Manners::Untidy && draws()
        };
        if self.broken == Share::NONE && self.repeat == Share::NONE {
            return Fate { fault: None, repeats: None, no_id: no_id(false) };
        }
        let mut draw = Draw::new(self.seed, Purpose::Fate, user);
        let (broken, repeated) = (draw.number(), draw.number());
        let fault = self.broken.covers(broken).then(|| draw.pick(FAULTS));
        let repeats = user > 0 && fault.is_none() && self.repeat.covers(repeated);
        let no_id = no_id(repeats || fault.is_some());
        Fate { fault, repeats: repeats.then(|| std::array::from_fn(|_| draw.long_below(user))), no_id }
    }
}
