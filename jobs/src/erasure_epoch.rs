//! The epoch of erasures: what a job read before a person was erased must not be published afterwards.
//!
//! A job takes the epoch before it reads anything; an erasure raises it once what it has cleaned cannot be read any more.
//! Whoever writes what it made of the lake's rows holds the epoch that it began in ([`hold`]), which fails in a later one.

use millrace_lake::object_key::Key;
use millrace_lake::store::{LockGuard, Store};
use serde::{Deserialize, Serialize};

use crate::job_error::JobError;

const EPOCH: &str = "_erasures/epoch.json";
const LOCK: &str = "_locks/publish";

/// How many times persons were erased, as far as jobs can tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch(u64);

#[derive(Serialize, Deserialize)]
struct Written {
    epoch: Epoch,
}

/// The epoch now. A job asks for it before it lists or reads anything.
pub async fn epoch(store: &dyn Store) -> Result<Epoch, JobError> {
    let key = Key::new(EPOCH)?;
    match store.get(&key).await {
        Ok(body) => match serde_json::from_slice::<Written>(&body) {
            Ok(written) => Ok(written.epoch),
            Err(source) => Err(JobError::Epoch { key, source }),
        },
        Err(error) if error.is_not_found() => Ok(Epoch::default()),
        Err(error) => Err(error.into()),
    }
}

/// Keeps the epoch from being raised until the guard drops; fails with [`JobError::Erased`] where it is `since` no more.
///
/// Short: every job that publishes, and every erasure, waits for it.
pub async fn hold(store: &dyn Store, since: Epoch) -> Result<Box<dyn LockGuard>, JobError> {
    let lock = store.lock(&Key::new(LOCK)?).await?;
    if epoch(store).await? == since { Ok(lock) } else { Err(JobError::Erased) }
}

/// Begins the next epoch: from now on nobody writes what was read before.
pub(crate) async fn raise(store: &dyn Store) -> Result<(), JobError> {
    let _lock = store.lock(&Key::new(LOCK)?).await?;
    let Epoch(before) = epoch(store).await?;
    let key = Key::new(EPOCH)?;
    let body = serde_json::to_vec(&Written { epoch: Epoch(before + 1) });
    let body = body.map_err(|source| JobError::Epoch { key: key.clone(), source })?;
    Ok(store.put(&key, body.into()).await?)
}

#[cfg(test)]
mod tests {
    use millrace_lake::memory_store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn what_was_begun_before_is_refused_and_what_began_after_is_not() {
        let store = MemoryStore::new();
        let before = epoch(&store).await.unwrap();
        drop(hold(&store, before).await.unwrap());
        raise(&store).await.unwrap();
        assert!(matches!(hold(&store, before).await, Err(JobError::Erased)));
        let after = epoch(&store).await.unwrap();
        drop(hold(&store, after).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_raises_it_while_it_is_held() {
        let store = MemoryStore::new();
        let held = hold(&store, Epoch::default()).await.unwrap();
        let raised = raise(&store);
        tokio::pin!(raised);
        tokio::select! {
            biased;
            _ = &mut raised => panic!("it was raised"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(epoch(&store).await.unwrap(), Epoch::default());
        drop(held);
        raised.await.unwrap();
    }
}
