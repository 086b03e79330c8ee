//! The randomuser API, live.

mod call;
mod call_error;
mod names;
mod paging;
mod retry;
mod settings;

pub use self::call_error::CallError;
pub use self::names::Unresolved;
pub use self::paging::{ApiSource, Retrying};
pub use self::retry::RetryPolicy;
pub use self::settings::{ApiSettings, Gender, LARGEST_PAGE, LAST_PAGE, Nationality, UnknownNationality};
