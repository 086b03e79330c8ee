//! Who there is: users known by their number alone, everything else derived again when it is asked for.

use std::collections::HashSet;

use super::random::{Random, scatter};
use crate::share::Share;
use crate::simulator::Simulation;

/// How many of the newest users still come back; older ones have left. Changing it changes longer simulations.
pub const MOST_ACTIVE_USERS: u64 = 100_000;

/// The heaviest users start as many sessions as this many of the lightest.
const HEAVIEST: u64 = 100;

/// How often a visitor is looked for. About one draw in 18 finds one, so that this many fail once in 10,000 times.
const LOOKS: usize = 160;

/// The users of a seed who exist so far: those below [`Population::count`].
#[derive(Debug)]
pub(super) struct Population {
    people: Simulation,
    /// The ids of people who exist elsewhere; nobody else comes then.
    given: Option<Vec<[u8; 16]>>,
    /// Where the users' weights start.
    weights: u64,
    count: u64,
    /// Who has a session open now: nobody has two.
    busy: HashSet<u64>,
    /// Users derived lately, each in the place of its number's last digits.
    derived: Vec<(u64, Home)>,
    scratch: Vec<u8>,
}

/// What of a user matters for what they do.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Home {
    pub(super) user_id: [u8; 16],
    /// How many minutes the user's clock is ahead of UTC.
    pub(super) offset: i32,
}

/// Users kept derived: those who come often are derived seldom.
const DERIVED: usize = 4_096;

impl Population {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            people: Simulation::new(seed, Share::NONE, Share::NONE),
            given: None,
            weights: scatter(seed),
            count: 0,
            busy: HashSet::new(),
            derived: vec![(u64::MAX, Home::default()); DERIVED],
            scratch: Vec::new(),
        }
    }

    /// These people and nobody else, all of whom exist already.
    pub(super) fn of(seed: u64, ids: Vec<[u8; 16]>) -> Self {
        Self { count: ids.len() as u64, given: Some(ids), ..Self::new(seed) }
    }

    /// Whether somebody new can come.
    pub(super) fn grows(&self) -> bool {
        self.given.is_none()
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// One more user exists.
    pub(super) fn found(&mut self) -> u64 {
        self.count += 1;
        self.count - 1
    }

    /// A user who might start a session, the heavier the likelier; `None` where the one found has one open.
    pub(super) fn visitor(&self, random: &mut Random) -> Option<u64> {
        let oldest = self.count.saturating_sub(MOST_ACTIVE_USERS);
        let mut visitor = None;
        for _ in 0..LOOKS {
            let user = oldest + random.below(self.count - oldest);
            if self.comes(user, random.number()) {
                visitor = Some(user);
                break;
            }
        }
        visitor.filter(|user| !self.busy.contains(user))
    }

    /// Whether a user comes, for an even draw: with the probability `1 / (HEAVIEST * u)`, cut at 1, where `u` is the
    /// user's own even draw. One in a hundred always comes, half come less than twice as likely as the lightest.
    fn comes(&self, user: u64, drawn: u64) -> bool {
        const LIGHTEST: u64 = u64::MAX / HEAVIEST;
        (drawn >> 32) * self.own_draw(user) < LIGHTEST
    }

    /// Evenly from all of `u32`, always the same for a user.
    fn own_draw(&self, user: u64) -> u64 {
        scatter(self.weights.wrapping_add(user)) >> 32
    }

    pub(super) fn arrive(&mut self, user: u64) {
        self.busy.insert(user);
    }

    pub(super) fn leave(&mut self, user: u64) {
        self.busy.remove(&user);
    }

    pub(super) fn home(&mut self, user: u64) -> Home {
        let place = user as usize % DERIVED;
        let (derived, home) = self.derived[place];
        if derived == user {
            return home;
        }
        let (drawn, offset) = self.people.id_and_offset(user, &mut self.scratch);
        let given = self.given.as_ref().and_then(|ids| ids.get(usize::try_from(user).ok()?));
        let home = Home { user_id: given.copied().unwrap_or(drawn), offset };
        self.derived[place] = (user, home);
        home
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_heavy_and_most_are_light() {
        let mut population = Population::new(5);
        (0..10_000).for_each(|_| _ = population.found());
        let mut random = Random::new(1, 1);
        let mut visits = vec![0_u32; 10_000];
        for _ in 0..200_000 {
            visits[population.visitor(&mut random).unwrap_or_default() as usize] += 1;
        }
        visits.sort_unstable();
        let heaviest: u32 = visits[9_000..].iter().sum();
        assert!((100_000..140_000).contains(&heaviest), "a tenth makes {heaviest} of 200000 visits");
        assert!(visits[9_950] > 50 * visits[3_000].max(1), "{} {}", visits[9_950], visits[3_000]);
    }

    #[test]
    fn nobody_visits_twice_at_once() {
        let mut population = Population::new(5);
        population.found();
        let mut random = Random::new(1, 1);
        assert_eq!(population.visitor(&mut random), Some(0));
        population.arrive(0);
        assert!((0..100).all(|_| population.visitor(&mut random).is_none()));
        population.leave(0);
        assert!((0..10).any(|_| population.visitor(&mut random) == Some(0)));
    }
}
