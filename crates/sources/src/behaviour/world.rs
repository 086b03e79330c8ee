//! The simulated world: who comes when, and what they do, in the order of time. What is told of it, and how, changes
//! nothing in it.

use std::collections::VecDeque;

use super::campaigns::Campaigns;
use super::population::Population;
use super::random::Random;
use super::session::{Act, Activity, Session};
use super::session_queue::{MOST_OPEN_SESSIONS, SessionQueue};
use super::time_of_day::{MEAN_STARTS, starts_at};

/// Sessions beyond this come from new users alone, so that these always find room.
const MOST_VISITS: usize = MOST_OPEN_SESSIONS / 16 * 15;

/// One act in so many is preceded by the first act of a new user, so that 1 % of all are such.
const ACTS_BEFORE_A_NEW_USER: u64 = 99;

/// Acts of a session, ads included, as measured: with another mean, event time goes faster or slower than asked.
const MEAN_ACTS: f64 = 8.3;

/// Of a hundred sessions, how many are spent in the shop.
const SHOPPERS: u64 = 60;

/// Something that the streams can tell of, at [`World::now`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    NewUser(u64),
    /// By the session in this place of [`World::session`], until the next happening is asked for.
    Act(u16, Act),
}

/// What happens to all users of a seed.
#[derive(Debug)]
pub(super) struct World {
    /// Milliseconds since 1970.
    start: i64,
    /// Milliseconds since the start.
    now: u64,
    /// Users who exist before anybody acts.
    founders: u64,
    population: Population,
    campaigns: Campaigns,
    sessions: SessionQueue,
    random: Random,
    /// When the next user might start a session, in milliseconds since the start.
    next_visit: f64,
    between_visits: f64,
    queue: VecDeque<Happening>,
}

impl World {
    /// Of `population`, of whom at least `founders` exist before anybody acts.
    pub(super) fn new(
        seed: u64,
        start: i64,
        population: Population,
        founders: u64,
        acts_per_second: f64,
    ) -> Self {
        // New users open one session in each hundred acts; the others are visits.
        let visits_per_second =
            acts_per_second * (1.0 / MEAN_ACTS - 1.0 / (ACTS_BEFORE_A_NEW_USER as f64 + 1.0));
        Self {
            start,
            now: 0,
            founders: founders.max(1),
            population,
            campaigns: Campaigns::new(seed),
            sessions: SessionQueue::default(),
            random: Random::new(seed, WORLD),
            next_visit: 0.0,
            between_visits: 1_000.0 * MEAN_STARTS / visits_per_second,
            queue: VecDeque::new(),
        }
    }

    /// Milliseconds since 1970, UTC. Never goes back.
    pub(super) fn now(&self) -> i64 {
        self.start + self.now as i64
    }

    pub(super) fn session(&self, place: u16) -> &Session {
        self.sessions.session(place)
    }

    pub(super) fn campaigns(&self) -> &Campaigns {
        &self.campaigns
    }

    pub(super) fn users(&self) -> u64 {
        self.population.count()
    }

    pub(super) fn open_sessions(&self) -> usize {
        self.sessions.open_sessions()
    }

    /// What happens next. The world never ends.
    pub(super) fn next(&mut self) -> Happening {
        loop {
            if let Some(happening) = self.queue.pop_front() {
                return happening;
            }
            if self.population.grows() && self.population.count() < self.founders {
                self.now += 1;
                self.next_visit = self.now as f64;
                return Happening::NewUser(self.population.found());
            }
            match self.sessions.next_time() {
                Some(time) if time as f64 <= self.next_visit => {
                    self.now = time;
                    if let Some(happening) = self.act() {
                        return happening;
                    }
                }
                _ => {
                    self.now = self.next_visit as u64;
                    self.next_visit += self.random.wait(self.between_visits);
                    self.visit();
                }
            }
        }
    }

    /// A user starts a session, if it is a time of day for it.
    fn visit(&mut self) {
        if self.sessions.open_sessions() >= MOST_VISITS {
            return;
        }
        let Some(user) = self.population.visitor(&mut self.random) else { return };
        let home = self.population.home(user);
        if !self.random.percent(starts_at(self.now(), home.offset)) {
            return;
        }
        let activity =
            if self.random.percent(SHOPPERS) { Activity::shop() } else { Activity::watch(&mut self.random) };
        let session = Session::new(user, home.user_id, activity, &mut self.random);
        self.population.arrive(user);
        self.sessions.open(session, self.now);
    }

    /// The session that is due acts, if it is not over; now and then a new user does the like right before it, and then
    /// all of it is queued.
    fn act(&mut self) -> Option<Happening> {
        let now = self.now();
        let Self { sessions, campaigns, random, .. } = self;
        let (place, act) = match sessions.act(|session| session.act(now, true, campaigns, random)) {
            Some(Ok(acted)) => acted,
            Some(Err(user)) => {
                self.population.leave(user);
                return None;
            }
            None => return None,
        };
        let is_ad = matches!(act, Act::Ad { .. });
        if !is_ad && self.random.below(ACTS_BEFORE_A_NEW_USER) == 0 {
            self.welcome(matches!(act, Act::Interaction { .. }));
            self.queue.push_back(Happening::Act(place, act));
            return None;
        }
        Some(Happening::Act(place, act))
    }

    /// A new user comes and acts at once.
    fn welcome(&mut self, is_shopper: bool) {
        if self.sessions.open_sessions() >= MOST_OPEN_SESSIONS || !self.population.grows() {
            return;
        }
        let activity = if is_shopper { Activity::shop() } else { Activity::watch(&mut self.random) };
        let user = self.population.found();
        let user_id = self.population.home(user).user_id;
        let now = self.now();
        let mut session = Session::new(user, user_id, activity, &mut self.random);
        let Some((act, pause)) = session.act(now, false, &self.campaigns, &mut self.random) else { return };
        self.population.arrive(user);
        let place = self.sessions.open(session, self.now + pause);
        self.queue.push_back(Happening::NewUser(user));
        self.queue.push_back(Happening::Act(place, act));
    }
}

/// The purpose of the world's draws.
const WORLD: u64 = 1;
