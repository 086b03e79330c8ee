//! Reading an object, whole or in parts.

use std::ops::Range;

use async_trait::async_trait;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use bytes::Bytes;

use super::bucket::Bucket;
use super::service_error::{Said, causes, is_precondition, status};
use crate::object_key::Key;
use crate::random;
use crate::store::{ObjectReader, StoreError};

/// How often an object is asked for again whose body was cut off. The SDK tries again what fails before the body only.
const TRIES: u32 = 4;

/// Bytes at an object's end that opening it brings: the footers of most Parquet files are within them.
const TAIL: u64 = 64 * 1024;

/// The whole object.
pub(super) async fn whole(bucket: &Bucket, key: &Key) -> Result<Bytes, StoreError> {
    match fetch(bucket, key, |request| request).await? {
        Ok((_, body)) => Ok(body),
        Err(error) => Err(bucket.attempted("read", key).not_found(key, &error)),
    }
}

/// Opens the object by reading its end.
pub(super) async fn open(bucket: &Bucket, key: &Key) -> Result<OpenObject, StoreError> {
    let fetched = fetch(bucket, key, |request| request.range(format!("bytes=-{TAIL}"))).await?;
    let (size, e_tag, tail) = match fetched {
        Ok((answer, tail)) => {
            let told = answer.content_range().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
            // A server that knows no ranges sends all of it.
            let size: u64 = told.unwrap_or(tail.len() as u64);
            (size, answer.e_tag().map(str::to_owned), tail)
        }
        // There is no last byte.
        Err(error) if status(&error) == Some(416) => (0, None, Bytes::new()),
        Err(error) => return Err(bucket.attempted("open", key).not_found(key, &error)),
    };
    Ok(OpenObject { bucket: bucket.clone(), key: key.clone(), size, e_tag, tail })
}

/// One state of an object, told from others by its ETag.
#[derive(Debug)]
pub(super) struct OpenObject {
    bucket: Bucket,
    key: Key,
    size: u64,
    e_tag: Option<String>,
    /// Its last bytes.
    tail: Bytes,
}

#[async_trait]
impl ObjectReader for OpenObject {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let tail_begins = self.size - self.tail.len() as u64;
        if let Some(start) = range.start.checked_sub(tail_begins) {
            return Ok(self.tail.slice(start as usize..(range.end - tail_begins) as usize));
        }
        let part = |request: GetObjectFluentBuilder| {
            let request = request.range(format!("bytes={}-{}", range.start, range.end - 1));
            request.set_if_match(self.e_tag.clone())
        };
        match fetch(&self.bucket, &self.key, part).await? {
            Ok((answer, body)) if answer.content_range().is_some() => Ok(body),
            Ok((_, body)) => Ok(body.slice(range.start as usize..range.end as usize)),
            Err(error) if is_precondition(&error) => {
                Err(StoreError::NotFound { store: self.bucket.shown().to_owned(), key: self.key.clone() })
            }
            Err(error) => Err(self.bucket.attempted("read", &self.key).not_found(&self.key, &error)),
        }
    }
}

type Fetched = Result<(GetObjectOutput, Bytes), SdkError<GetObjectError>>;

/// The answer to a request with its body. The outer error is a body that was cut off again and again.
async fn fetch(
    bucket: &Bucket,
    key: &Key,
    with: impl Fn(GetObjectFluentBuilder) -> GetObjectFluentBuilder,
) -> Result<Fetched, StoreError> {
    let mut tries = 0;
    loop {
        let request = with(bucket.client().get_object().bucket(bucket.name()).key(bucket.object(key)));
        let mut answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error)),
        };
        tries += 1;
        let body = std::mem::take(&mut answer.body);
        match body.collect().await {
            Ok(body) => return Ok(Ok((answer, body.into_bytes()))),
            Err(error) if tries == TRIES => {
                let causes: Vec<_> = causes(&error).map(ToString::to_string).collect();
                let said = format!("the object was cut off, {TRIES} times; at last: {}", causes.join(": "));
                return Err(bucket.attempted("read", key).retry(Said(said)));
            }
            Err(_) => {
                tokio::time::sleep(random::up_to(bucket.settings().backoff * 2_u32.pow(tries - 1))).await;
            }
        }
    }
}
