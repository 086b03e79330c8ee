//! Where users come from: the randomuser API, its recorded answers, and a seeded simulator. All three yield answers
//! of the API's shape, read by one reader into the same events.

mod api;
mod clock;
mod error;
mod natural_order;
mod recorded;
mod share;
mod simulator;
mod source;

pub use api::{
    ApiSettings, ApiSource, CallError, Gender, LARGEST_PAGE, LAST_PAGE, Nationality, RetryPolicy, Retrying,
    UnknownNationality,
};
pub use clock::Clock;
pub use error::SourceError;
pub use recorded::RecordedSource;
pub use share::{Share, ShareError};
pub use simulator::{Fault, SIMULATED_PAGE, Simulation, SimulatorSettings, SimulatorSource};
pub use source::Source;
