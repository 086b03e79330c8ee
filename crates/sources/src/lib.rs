//! Where events come from. Users: the randomuser API, its recorded answers, and a seeded simulator; all three yield
//! answers of the API's shape, read by one reader into the same events. What users do: a seeded simulator of their
//! [`Behaviour`], paced by a [`Pace`].

#![warn(missing_docs)]

mod api;
mod behaviour;
mod clock;
mod error;
mod natural_order;
mod pace;
mod recorded;
mod share;
mod simulator;
mod source;

pub use api::{
    ApiSettings, ApiSource, CallError, Gender, LARGEST_PAGE, LAST_PAGE, Nationality, RetryPolicy, Retrying,
    UnknownNationality, Unresolved,
};
pub use behaviour::{
    Batch, Behaviour, BehaviourSettings, Counts, Id, MOST_ACTIVE_USERS, MOST_OPEN_SESSIONS, Record,
    RecordFault, Stream, Streams, UnknownStream,
};
pub use clock::Clock;
pub use error::SourceError;
pub use pace::{Allowance, Pace};
pub use recorded::RecordedSource;
pub use share::{Share, ShareError};
pub use simulator::{
    CHANGED_DETAILS, Fault, Flaw, SIMULATED_PAGE, Simulation, SimulatorSettings, SimulatorSource,
};
pub use source::Source;
