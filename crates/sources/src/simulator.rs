//! The seeded simulator: answers in the API's own shape, without the API.

mod ascii;
mod draw;
mod invalid_users;
mod json_text;
mod location;
mod member;
mod nations;
mod person;
mod simulation;
mod untidy_shares;
mod untidy_users;
mod user;

use async_trait::async_trait;
use millrace_events::randomuser::{AnswerContext, SIMULATOR, UserPage, read_answer};

pub use self::invalid_users::Fault;
pub use self::simulation::Simulation;
pub use self::untidy_shares::{CHANGED_DETAILS, Flaw};
use crate::clock::Clock;
use crate::error::SourceError;
use crate::share::Share;
use crate::source::Source;

/// Users on a simulated page where the settings don't say otherwise: about 1 MB of JSON.
pub const SIMULATED_PAGE: usize = 1_000;

/// The largest page, in users: about 20 MB of JSON.
const LARGEST_SIMULATED_PAGE: usize = 20_000;

/// What a simulator does.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatorSettings {
    /// The same seed and shares give the same users, byte for byte, whatever the page size.
    pub seed: u64,
    /// How many users, broken ones included; `None` never ends.
    pub users: Option<u64>,
    /// Users on a page, 1 to 20,000.
    pub page_size: usize,
    /// The probability of each user to be one that cannot be an event.
    pub broken: Share,
    /// The probability of each other user to be one that was given before, with some fields changed.
    pub repeat: Share,
    /// Whether the users are as untidy as real ones, by the shares of [`Flaw`].
    pub untidy: bool,
    /// What stamps the users as fetched.
    pub clock: Clock,
}

/// Gives the users of a [`Simulation`] in order. Memory: one page.
#[derive(Debug)]
pub struct SimulatorSource {
    simulation: Simulation,
    settings: SimulatorSettings,
    pages: u64,
    given: u64,
    answer: Vec<u8>,
}

impl SimulatorSource {
    /// # Errors
    /// A page size out of range.
    pub fn new(settings: SimulatorSettings) -> Result<Self, SourceError> {
        if !(1..=LARGEST_SIMULATED_PAGE).contains(&settings.page_size) {
            let reason =
                format!("is {}; it has to be from 1 to {LARGEST_SIMULATED_PAGE} users", settings.page_size);
            return Err(SourceError::Setting { setting: "page_size", reason });
        }
        let tidy = Simulation::new(settings.seed, settings.broken, settings.repeat);
        let simulation = if settings.untidy { tidy.untidy() } else { tidy };
        Ok(Self { simulation, settings, pages: 0, given: 0, answer: Vec::new() })
    }

    /// Users left to give on the next page; none after the last.
    fn next_size(&self) -> usize {
        let left = self.settings.users.map_or(u64::MAX, |users| users.saturating_sub(self.given));
        usize::try_from(left).unwrap_or(usize::MAX).min(self.settings.page_size)
    }
}

#[async_trait]
impl Source for SimulatorSource {
    fn name(&self) -> &'static str {
        SIMULATOR
    }

    fn expected(&self) -> Option<u64> {
        self.settings.users
    }

    async fn next_page(&mut self) -> Result<Option<UserPage>, SourceError> {
        let size = self.next_size();
        if size == 0 {
            return Ok(None);
        }
        let page = self.pages + 1;
        self.answer.clear();
        self.simulation.write_answer(self.given, size, page, &mut self.answer);
        let context = AnswerContext {
            source: SIMULATOR,
            page: i32::try_from(page).unwrap_or(i32::MAX),
            clock: self.settings.clock.of_answer(self.given),
            limit: size,
        };
        let users = read_answer(&self.answer, &context).map_err(|source| SourceError::Simulated {
            seed: self.settings.seed,
            page,
            source,
        })?;
        self.pages = page;
        self.given += size as u64;
        Ok(Some(users))
    }
}
