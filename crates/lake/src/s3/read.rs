//! Reading an object.

use bytes::Bytes;

use super::bucket::Bucket;
use super::service_error::{Said, causes};
use crate::object_key::Key;
use crate::random;
use crate::store::StoreError;

/// How often an object is asked for again whose body was cut off. The SDK tries again what fails before the body only.
const TRIES: u32 = 4;

/// The whole object.
pub(super) async fn whole(bucket: &Bucket, key: &Key) -> Result<Bytes, StoreError> {
    let attempted = bucket.attempted("read", key);
    let mut tries = 0;
    loop {
        let request = bucket.client().get_object().bucket(bucket.name()).key(bucket.object(key));
        let answer = request.send().await.map_err(|error| attempted.not_found(key, &error))?;
        tries += 1;
        match answer.body.collect().await {
            Ok(body) => return Ok(body.into_bytes()),
            Err(error) if tries == TRIES => {
                let causes: Vec<_> = causes(&error).map(ToString::to_string).collect();
                let said = format!("the object was cut off, {TRIES} times; at last: {}", causes.join(": "));
                return Err(attempted.retry(Said(said)));
            }
            Err(_) => {
                tokio::time::sleep(random::up_to(bucket.settings().backoff * 2_u32.pow(tries - 1))).await;
            }
        }
    }
}
