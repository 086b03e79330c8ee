//! Listing objects, however many pages they fill.

use super::S3Store;
use super::service_error::Attempted;
use crate::store::{ObjectMeta, StoreError};

/// Every object whose key begins with `prefix`, in bytewise key order.
pub(super) async fn all(store: &S3Store, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
    let attempted = Attempted { store: store.shown(), setup: store.setup(), action: "list", key: prefix };
    let mut objects = Vec::new();
    let request = store.client().list_objects_v2().bucket(store.bucket()).prefix(store.prefix(prefix));
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| attempted.refused(&error))?;
        // What is no key (a lock, a folder that a console made) is no object of the lake.
        objects.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| {
            let size = u64::try_from(object.size?).ok()?;
            Some(ObjectMeta { key: store.key(&object.key?)?, size })
        }));
    }
    // S3 lists in this order; not every server that speaks its protocol does.
    objects.sort_unstable_by(|left, right| left.key.cmp(&right.key));
    Ok(objects)
}
