//! Who there is: users known by their number alone, everything else derived again when it is asked for.

use std::collections::HashSet;

use super::chance::{Chance, scatter};
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
    seed: u64,
    count: u64,
    /// Who has a session open now: nobody has two.
    busy: HashSet<u64>,
    scratch: Vec<u8>,
}

impl Population {
    pub(super) fn new(seed: u64) -> Self {
        let people = Simulation::new(seed, Share::NONE, Share::NONE);
        Self { people, given: None, seed, count: 0, busy: HashSet::new(), scratch: Vec::new() }
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
    pub(super) fn visitor(&self, chance: &mut Chance) -> Option<u64> {
        let oldest = self.count.saturating_sub(MOST_ACTIVE_USERS);
        let mut visitor = None;
        for _ in 0..LOOKS {
            let user = oldest + chance.below(self.count - oldest);
            if chance.number() < self.weight(user) {
                visitor = Some(user);
                break;
            }
        }
        visitor.filter(|user| !self.busy.contains(user))
    }

    /// How likely a user is to start a session, of all of `u64`: `1/u` for an even draw `u`, cut at [`HEAVIEST`]. One
    /// in a hundred is among the heaviest, half are below twice the lightest.
    fn weight(&self, user: u64) -> u64 {
        const LIGHTEST: u64 = u64::MAX / HEAVIEST;
        // The upper half of the bits is draw enough, and its quotient fits.
        let drawn = (scatter(self.seed ^ scatter(user)) >> 32) + 1;
        (LIGHTEST >> 32).saturating_mul((1 << 32) / drawn.max((1 << 32) / HEAVIEST)) << 32
    }

    pub(super) fn arrive(&mut self, user: u64) {
        self.busy.insert(user);
    }

    pub(super) fn leave(&mut self, user: u64) {
        self.busy.remove(&user);
    }

    pub(super) fn id(&self, user: u64) -> [u8; 16] {
        let given = self.given.as_ref().and_then(|ids| ids.get(usize::try_from(user).ok()?));
        given.copied().unwrap_or_else(|| self.people.user_id(user))
    }

    /// How many minutes the user's clock is ahead of UTC.
    pub(super) fn home_offset(&mut self, user: u64) -> i32 {
        self.people.home_offset(user, &mut self.scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_heavy_and_most_are_light() {
        let mut population = Population::new(5);
        (0..10_000).for_each(|_| _ = population.found());
        let mut weights: Vec<u64> = (0..10_000).map(|user| population.weight(user)).collect();
        weights.sort_unstable();
        assert!(weights[9_950] / weights[0] >= 90, "{} {}", weights[9_950], weights[0]);
        assert!(weights[4_900] / weights[0] <= 2);
        let sum: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
        let heaviest: u128 = weights[9_000..].iter().map(|&weight| u128::from(weight)).sum();
        assert!((50..70).contains(&(100 * heaviest / sum)), "the tenth that is heaviest does most");
    }

    #[test]
    fn nobody_visits_twice_at_once() {
        let mut population = Population::new(5);
        population.found();
        let mut chance = Chance::new(1, 1);
        assert_eq!(population.visitor(&mut chance), Some(0));
        population.arrive(0);
        assert!((0..100).all(|_| population.visitor(&mut chance).is_none()));
        population.leave(0);
        assert!((0..10).any(|_| population.visitor(&mut chance) == Some(0)));
    }
}
