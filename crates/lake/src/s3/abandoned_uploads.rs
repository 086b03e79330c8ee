//! Uploads in parts that the dead left behind: nobody sees them, but they are paid for.
//!
//! S3 does not know whether a writer lives. So a writer shows it: each quarter of `abandoned_after` it uploads a part of one
//! byte under a number that no real part has, and completes the upload without that part, which S3 then drops. The sweep
//! aborts an upload that was begun, and whose sign of life was written, longer than `abandoned_after` ago by S3's clock.
//!
//! A process that was stopped for so long (a machine that slept, a frozen function) has its upload aborted. Its writer
//! then fails with Retry; no reader ever sees half of its object.
//!
//! A rule of the bucket that aborts incomplete uploads after some days does the same where nobody sweeps. It goes by the
//! time an upload was begun, so its days must be more than the longest write.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::DateTime;

use super::bucket::Bucket;
use super::service_error::Attempted;
use crate::store::StoreError;

/// The number of the part that is a sign of life: the last that S3 has.
pub(super) const SIGN_OF_LIFE: i32 = 10_000;

/// Aborts the uploads of the dead; answers how many they were.
pub(super) async fn sweep(bucket: &Bucket) -> Result<usize, StoreError> {
    let attempted =
        Attempted { store: bucket.shown(), setup: bucket.setup(), action: "sweep", key: "leftovers" };
    let span = bucket.settings().abandoned_after;
    let mut aborted = 0;
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let request =
            bucket.client().list_multipart_uploads().bucket(bucket.name()).prefix(bucket.prefix(""));
        let request = request.set_key_marker(key_marker).set_upload_id_marker(id_marker);
        let page = request.send().await.map_err(|error| attempted.refused(&error))?;
        for upload in page.uploads.unwrap_or_default() {
            let (Some(name), Some(id), Some(begun)) = (upload.key, upload.upload_id, upload.initiated) else {
                continue;
            };
            // What is no key is somebody else's.
            let is_old = |then| bucket.clock().is_past(then, span);
            if bucket.key(&name).is_none() || !is_old(begun) {
                continue;
            }
            if last_sign(bucket, attempted, &name, &id).await?.is_some_and(is_old) {
                aborted += usize::from(abort(bucket, attempted, &name, &id).await?);
            }
        }
        if page.is_truncated != Some(true) {
            return Ok(aborted);
        }
        (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
    }
}

/// When the upload showed life for the last time, 1970 where it never did. `None`: it has ended meanwhile.
async fn last_sign(
    bucket: &Bucket,
    attempted: Attempted<'_>,
    name: &str,
    id: &str,
) -> Result<Option<DateTime>, StoreError> {
    let request = bucket.client().list_parts().bucket(bucket.name()).key(name).upload_id(id);
    match request.part_number_marker((SIGN_OF_LIFE - 1).to_string()).send().await {
        Ok(page) => {
            let sign = page.parts().iter().find(|part| part.part_number() == Some(SIGN_OF_LIFE));
            Ok(Some(sign.and_then(|part| part.last_modified).unwrap_or(DateTime::from_secs(0))))
        }
        Err(error) if has_ended(&error) => Ok(None),
        Err(error) => Err(attempted.refused(&error)),
    }
}

async fn abort(bucket: &Bucket, attempted: Attempted<'_>, name: &str, id: &str) -> Result<bool, StoreError> {
    let request = bucket.client().abort_multipart_upload().bucket(bucket.name()).key(name).upload_id(id);
    match request.send().await {
        Ok(_) => Ok(true),
        Err(error) if has_ended(&error) => Ok(false),
        Err(error) => Err(attempted.refused(&error)),
    }
}

fn has_ended<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.code() == Some("NoSuchUpload")
}
