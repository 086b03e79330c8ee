//! The port that every source of users fulfils.

use std::fmt::Debug;

use async_trait::async_trait;
use millrace_events::randomuser::UserPage;

use crate::error::SourceError;

/// Gives users, a page at a time, in one order.
///
/// Nothing is given twice and nothing skipped: a call that fails, or whose future is dropped, leaves the source where
/// it was, and the next call asks for the same page. A page that was given stays given.
#[async_trait]
pub trait Source: Debug + Send {
    /// What the events carry as their `source`: `randomuser_api` (recorded answers too) or `simulator`.
    fn name(&self) -> &'static str;

    /// How many users it gives in all, refused ones included, where that is known; recorded answers may hold fewer.
    fn expected(&self) -> Option<u64>;

    /// The next page, `None` after the last. At most one page is in memory.
    ///
    /// # Errors
    /// By the class of [`SourceError`]: `Retry` for what may pass (it was already tried again for as long as the settings
    /// say), `Stop` for what somebody has to mend.
    async fn next_page(&mut self) -> Result<Option<UserPage>, SourceError>;
}
