//! Whether two objects are the same, where only their bytes tell.

use crate::object_key::Key;
use crate::store::{Copied, Store, StoreError};

/// Bytes of each object that are held while two are compared.
const PIECE: u64 = 4 << 20;

/// What is at `to` beside `from`, by reading both where their sizes are the same.
pub(crate) async fn compared<S: Store + ?Sized>(
    store: &S,
    from: &Key,
    to: &Key,
) -> Result<Copied, StoreError> {
    let (source, target) = (store.open(from).await?, store.open(to).await?);
    if source.size() != target.size() {
        return Ok(Copied::Taken);
    }
    let mut start = 0;
    while start < source.size() {
        let end = source.size().min(start + PIECE);
        if source.read(start..end).await? != target.read(start..end).await? {
            return Ok(Copied::Taken);
        }
        start = end;
    }
    Ok(Copied::AlreadyThere)
}
