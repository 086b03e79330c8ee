//! Listing objects, however many pages they fill.

use super::bucket::Bucket;
use super::service_error::Attempted;
use crate::object_key::Key;
use crate::store::{ObjectMeta, StoreError};

/// Every object whose key begins with `prefix`, in bytewise key order.
pub(super) async fn all(bucket: &Bucket, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
    let attempted = Attempted { store: bucket.shown(), setup: bucket.setup(), action: "list", key: prefix };
    let mut objects = Vec::new();
    let request = bucket.client().list_objects_v2().bucket(bucket.name()).prefix(bucket.prefix(prefix));
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| attempted.refused(&error))?;
        // What is no key (a lock, a folder that a console made) is no object of the lake.
        objects.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| {
            let size = u64::try_from(object.size?).ok()?;
            Some(ObjectMeta { key: bucket.key(&object.key?)?, size })
        }));
    }
    // S3 lists in this order; not every server that speaks its protocol does.
    objects.sort_unstable_by(|left, right| left.key.cmp(&right.key));
    Ok(objects)
}

/// The size of one object, by a listing of one: whoever may list a bucket is told "there is none", and a request for the object's head
/// would want a right more. Its name sorts before all that begin with it.
pub(super) async fn size(bucket: &Bucket, key: &Key) -> Result<Option<u64>, StoreError> {
    let name = bucket.object(key);
    let request = bucket.client().list_objects_v2().bucket(bucket.name()).prefix(&name).max_keys(1);
    let page = request.send().await.map_err(|error| bucket.attempted("look at", key).refused(&error))?;
    let found =
        page.contents.unwrap_or_default().into_iter().find(|object| object.key.as_deref() == Some(&*name));
    Ok(found.and_then(|object| u64::try_from(object.size?).ok()))
}
