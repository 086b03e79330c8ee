//! The seeded simulator of behaviour: who comes to be, what they do in the shop, watch and are shown.
//!
//! A [`world`] happens in the order of time, the same whatever is told of it. For each wanted stream an [`stream_output`]
//! makes records of its part, and breaks, repeats and delays as many as asked.

mod batch;
mod campaigns;
mod duplicates;
mod message;
mod population;
mod random;
mod record_fault;
mod session;
mod session_queue;
mod shop;
mod stream;
mod stream_output;
mod time_of_day;
mod user_record;
mod uuid_text;
mod watch;
mod world;

pub use self::batch::{Batch, Record};
pub use self::population::MOST_ACTIVE_USERS;
use self::population::Population;
pub use self::record_fault::{Id, RecordFault};
use self::session::Act;
pub use self::session_queue::MOST_OPEN_SESSIONS;
pub use self::stream::{Stream, Streams, UnknownStream};
pub use self::stream_output::Counts;
use self::stream_output::{Shares, StreamOutput};
use self::user_record::UserRecords;
use self::world::{Happening, World};
use crate::error::SourceError;
use crate::share::Share;
use millrace_events::instant::Millis;

/// What a simulation of behaviour does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BehaviourSettings {
    /// The same settings give the same records, byte for byte, however many are drawn at a time.
    pub seed: u64,
    /// When the event time starts, in milliseconds since 1970, UTC. From there it goes on with what happens.
    pub start: Millis,
    /// Each stream's records are the same with others beside it as alone: choosing changes what is told, not what
    /// happens. So a user of one run's events exists in another run's users, and a stream alone costs more a record.
    pub streams: Streams,
    /// The probability of each new record to be broken.
    pub broken: Share,
    /// The probability of each other new record to be sent twice, the copy within 64 new records of its stream.
    pub repeat: Share,
    /// The probability of each other new record but users to be late: it arrives in its turn, its event's timestamp
    /// lies 1 minute to 48 hours before.
    pub late: Share,
    /// Whether users are as untidy as real ones, by the shares of [`Flaw`](crate::Flaw), but that all have ids. A share
    /// of them, [`CHANGED_DETAILS`](crate::CHANGED_DETAILS), is then told of again, with details that changed. What they
    /// do is the same either way.
    pub untidy: bool,
    /// Users who exist before anybody does anything, at least one. They come first, 1 ms apart. Where users alone are
    /// wanted, `u64::MAX` gives the same ones without a hundred acts happening unseen for each.
    pub first_users: u64,
    /// How fast event time goes: acts of all streams in a second of it, averaged over a day, 0.001 to 2,000. It takes
    /// about fifteen minutes of event time and ten users for each open session to come up to it.
    pub acts_per_second: f64,
}

impl BehaviourSettings {
    /// Nothing broken, repeated, late or untidy; 1,000 first users, 10 acts a second.
    pub fn new(seed: u64, start: Millis, streams: Streams) -> Self {
        let (broken, repeat, late) = (Share::NONE, Share::NONE, Share::NONE);
        let (untidy, first_users, acts_per_second) = (false, 1_000, 10.0);
        Self { seed, start, streams, broken, repeat, late, untidy, first_users, acts_per_second }
    }

    /// First users for a run of this many records: a twentieth of them, at most 1,000, so that a short run is not all
    /// users.
    pub fn for_records(self, records: u64) -> Self {
        Self { first_users: (records / 20).clamp(1, 1_000), ..self }
    }
}

const SLOWEST: f64 = 0.001;
const FASTEST: f64 = 2_000.0;

/// Gives the records of a simulated world in the order in which they arrive, without end.
///
/// Memory: at most [`MOST_OPEN_SESSIONS`] open sessions and 64 kept copies a stream, however long it runs.
#[derive(Debug)]
pub struct Behaviour {
    world: World,
    users: UserRecords,
    outputs: [Option<StreamOutput>; 4],
    /// The stream whose turn it is to send a copy.
    repeats: Option<Stream>,
}

impl Behaviour {
    /// # Errors
    /// `acts_per_second` out of range.
    pub fn new(settings: BehaviourSettings) -> Result<Self, SourceError> {
        Self::of(settings, Population::new(settings.seed))
    }

    /// What users do who exist already, known by their ids: `first_users` is theirs, and nobody new comes. Ids that are no
    /// uuids are passed over.
    ///
    /// # Errors
    /// `acts_per_second` out of range, or nobody is left.
    pub fn among(settings: BehaviourSettings, ids: &[String]) -> Result<Self, SourceError> {
        let ids: Vec<_> = ids.iter().filter_map(|id| uuid_text::uuid_bytes(id)).collect();
        if ids.is_empty() {
            let reason = "none is a uuid: nobody is there to do something".to_owned();
            return Err(SourceError::Setting { setting: "users", reason });
        }
        Self::of(settings, Population::of(settings.seed, ids))
    }

    fn of(settings: BehaviourSettings, population: Population) -> Result<Self, SourceError> {
        let BehaviourSettings { seed, start, streams, first_users, acts_per_second, .. } = settings;
        if !(SLOWEST..=FASTEST).contains(&acts_per_second) {
            let reason = format!("is {acts_per_second}; it has to be from {SLOWEST} to {FASTEST}");
            return Err(SourceError::Setting { setting: "acts_per_second", reason });
        }
        let shares = Shares { broken: settings.broken, repeat: settings.repeat, late: settings.late };
        let output = |stream| streams.contains(stream).then(|| StreamOutput::new(seed, stream, shares));
        Ok(Self {
            world: World::new(seed, start.get(), population, first_users, acts_per_second),
            users: UserRecords::new(seed, settings.untidy),
            outputs: Stream::ALL.map(output),
            repeats: None,
        })
    }

    /// Appends this many records to `batch`.
    ///
    /// # Errors
    /// [`SourceError::Simulated`], which is a bug; what was appended before stays good.
    pub fn fill(&mut self, batch: &mut Batch, records: usize) -> Result<(), SourceError> {
        let end = batch.len().saturating_add(records);
        while batch.len() < end {
            self.tell_next(batch)?;
        }
        Ok(())
    }

    /// How many records of a stream were given so far.
    pub fn counts(&self, stream: Stream) -> Counts {
        self.outputs[stream as usize].as_ref().map(|output| output.counts).unwrap_or_default()
    }

    /// The event time that was reached, in milliseconds since 1970, UTC.
    pub fn now(&self) -> Millis {
        Millis(self.world.now())
    }

    /// Sessions open now.
    pub fn open_sessions(&self) -> usize {
        self.world.open_sessions()
    }

    /// Users who exist by now. They are derived from their numbers, not stored, and the newest
    /// [`MOST_ACTIVE_USERS`] come back.
    pub fn users(&self) -> u64 {
        self.world.users()
    }

    /// Appends one record, or none where what happens belongs to no wanted stream.
    fn tell_next(&mut self, batch: &mut Batch) -> Result<(), SourceError> {
        if let Some(stream) = self.repeats.take() {
            if let Some(output) = &mut self.outputs[stream as usize] {
                output.tell_again(batch);
            }
            return Ok(());
        }
        if self.users.is_expected() {
            let Some(output) = &mut self.outputs[Stream::Users as usize] else { return Ok(()) };
            let is_repeated = self.users.tell(output, batch)?;
            self.repeats = is_repeated.then_some(Stream::Users);
            return Ok(());
        }
        match self.world.next() {
            Happening::NewUser(user) => {
                if self.outputs[Stream::Users as usize].is_some() {
                    self.users.expect(user, self.world.now());
                }
            }
            Happening::Act(place, act) => {
                let stream = match act {
                    Act::Interaction { .. } => Stream::Interactions,
                    Act::Video { .. } => Stream::Videos,
                    Act::Ad { .. } => Stream::Ads,
                };
                let Some(output) = &mut self.outputs[stream as usize] else { return Ok(()) };
                let world = &self.world;
                let is_repeated =
                    output.tell_act(batch, world.now(), world.session(place), act, world.campaigns());
                self.repeats = is_repeated.then_some(stream);
            }
        }
        Ok(())
    }
}
