//! Ends a statement whose rows somebody waits for.

use tokio_util::sync::CancellationToken;

use crate::error::QueryError;

/// Of one statement. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Cancel(CancellationToken);

impl Cancel {
    /// The statement fails from here on, whether it has rows already or not.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// The work's result, unless it is cancelled before: work that has long nothing to say is not waited for.
    pub(crate) async fn until<T>(
        &self,
        work: impl Future<Output = Result<T, QueryError>>,
    ) -> Result<T, QueryError> {
        tokio::select! {
            biased;
            () = self.0.cancelled() => Err(QueryError::Cancelled),
            done = work => done,
        }
    }
}
