//! The object of a lock: how it is named, written and read.

use aws_sdk_s3::primitives::DateTime;

use super::bucket::Bucket;
use super::lease_record::LeaseRecord;
use super::service_error::{Said, is_absent, is_precondition};
use crate::object_key::Key;
use crate::root_names::LEASES;
use crate::store::StoreError;

/// The lock's object as it was read.
pub(super) struct Found {
    pub(super) record: LeaseRecord,
    pub(super) etag: String,
    pub(super) modified: Option<DateTime>,
}

pub(super) fn record(bucket: &Bucket, holder: &str, renewal: u64) -> LeaseRecord {
    let lease_millis = u64::try_from(bucket.settings().lease.as_millis()).unwrap_or(u64::MAX);
    LeaseRecord { holder: holder.to_owned(), renewal, lease_millis }
}

/// Writes the lock's object where it has `etag`, or where there is none; answers its new ETag. `None`: it is otherwise.
pub(super) async fn write(
    bucket: &Bucket,
    key: &Key,
    record: &LeaseRecord,
    etag: Option<&str>,
) -> Result<Option<String>, StoreError> {
    let request = bucket.client().put_object().bucket(bucket.name()).key(name(bucket, key));
    let request = request.body(record.to_json().into());
    let request = match etag {
        Some(etag) => request.if_match(etag),
        None => request.if_none_match("*"),
    };
    match request.send().await {
        Ok(written) => match written.e_tag {
            Some(etag) => Ok(Some(etag)),
            None => Err(bucket.attempted("lock", key).stop(NO_ETAG, Said("it wrote one without".to_owned()))),
        },
        Err(error) if is_precondition(&error) || is_absent(&error) => Ok(None),
        Err(error) => Err(bucket.attempted("lock", key).refused(&error)),
    }
}

const NO_ETAG: &str = "the server gives its objects no ETag, which locks need; choose a server that does";

/// The lock's object as it is.
pub(super) async fn read(bucket: &Bucket, key: &Key) -> Result<Option<Found>, StoreError> {
    let attempted = bucket.attempted("lock", key);
    let request = bucket.client().get_object().bucket(bucket.name()).key(name(bucket, key));
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(attempted.refused(&error)),
    };
    let (etag, modified) = (answer.e_tag.clone(), answer.last_modified);
    let body = answer.body.collect().await.map_err(|error| attempted.retry(Said(error.to_string())))?;
    let Some(record) = LeaseRecord::from_json(&body.into_bytes()) else {
        let hint = "the lock's object is none of ours; when nothing works on the lake, remove it";
        return Err(attempted.stop(hint, Said(format!("it is {}", name(bucket, key)))));
    };
    match etag {
        Some(etag) => Ok(Some(Found { record, etag, modified })),
        None => Err(attempted.stop(NO_ETAG, Said("it read one without".to_owned()))),
    }
}

/// The name of the lock's object.
pub(super) fn name(bucket: &Bucket, key: &Key) -> String {
    bucket.prefix(&format!("{LEASES}/{key}"))
}
