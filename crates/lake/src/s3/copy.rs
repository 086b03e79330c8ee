//! Copies that the server makes: no byte of the object comes here.
//!
//! Whether what is at the target already is the same, ETags tell: where both objects have one, or where the target says that it was copied
//! from the source's. A copy has no ETag of its source's otherwise, where one of them came in parts or the bucket has a KMS key. Where ETags
//! don't tell, both are read.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{MetadataDirective, TaggingDirective};

use super::bucket::Bucket;
use super::service_error::{Said, is_absent, is_precondition};
use super::upload::{Condition, Upload};
use crate::object_key::Key;
use crate::store::{Copied, PutNew, Store, StoreError};
use crate::store_copy;

/// The user metadata of a copy: its source's ETag.
const COPIED: &str = "millrace-copied-etag";

/// How often a copy is begun anew because one of the objects came to be another meanwhile.
const TURNS: usize = 5;

/// An object as it is now.
struct Seen {
    size: u64,
    etag: String,
    copied_etag: Option<String>,
}

pub(super) async fn copy_new(
    store: &impl Store,
    bucket: &Bucket,
    from: &Key,
    to: &Key,
) -> Result<Copied, StoreError> {
    for _ in 0..TURNS {
        bucket.fence("copy", to)?;
        let absent = || StoreError::NotFound { store: bucket.shown().to_owned(), key: from.clone() };
        let source = look(bucket, from).await?.ok_or_else(absent)?;
        // Looked at before, as not every server knows conditions of copies.
        if let Some(target) = look(bucket, to).await? {
            return match told_by_etags(&source, &target) {
                Some(copied) => Ok(copied),
                None => store_copy::compared(store, from, to).await,
            };
        }
        let done = if source.size <= bucket.settings().copy_bytes {
            at_once(bucket, from, to, &source).await?
        } else {
            in_parts(bucket, from, to, &source).await?
        };
        if done {
            return Ok(Copied::Created);
        }
    }
    let said = Said(format!("{from} was replaced, or {to} came and went, {TURNS} times meanwhile"));
    Err(bucket.attempted("copy", from).retry(said))
}

/// `None`: there is no such object.
async fn look(bucket: &Bucket, key: &Key) -> Result<Option<Seen>, StoreError> {
    let attempted = bucket.attempted("look at", key);
    let answer =
        match bucket.client().head_object().bucket(bucket.name()).key(bucket.object(key)).send().await {
            Ok(answer) => answer,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(attempted.refused(&error)),
        };
    let HeadObjectOutput { content_length, e_tag, metadata, .. } = answer;
    let size = content_length.and_then(|size| u64::try_from(size).ok());
    let (Some(size), Some(etag)) = (size, e_tag) else {
        let said = Said("its answer has no size or no ETag".to_owned());
        return Err(attempted.stop("copies need both; choose a server that tells them", said));
    };
    let copied_etag = metadata.and_then(|mut all| all.remove(COPIED));
    Ok(Some(Seen { size, etag, copied_etag }))
}

/// `None`: they don't tell.
fn told_by_etags(source: &Seen, target: &Seen) -> Option<Copied> {
    if source.size != target.size {
        return Some(Copied::Taken);
    }
    let is_same = source.etag == target.etag || target.copied_etag.as_deref() == Some(bare(&source.etag));
    is_same.then_some(Copied::AlreadyThere)
}

/// `false`: the source is another by now, or the target came to be.
async fn at_once(bucket: &Bucket, from: &Key, to: &Key, source: &Seen) -> Result<bool, StoreError> {
    let request = bucket.client().copy_object().bucket(bucket.name()).key(bucket.object(to));
    let request = request.copy_source(address(bucket, from)).copy_source_if_match(&source.etag);
    let request = request.metadata_directive(MetadataDirective::Replace).metadata(COPIED, bare(&source.etag));
    // Tags are a right of their own to read, and say nothing of ours.
    let request = request.tagging_directive(TaggingDirective::Replace);
    match request.if_none_match("*").send().await {
        Ok(_) => Ok(true),
        Err(error) if is_precondition(&error) => Ok(false),
        Err(error) => Err(bucket.attempted("copy", from).not_found(from, &error)),
    }
}

/// As [`at_once`], for what one request can't copy in its time, or at all: S3 takes up to 5 GB.
async fn in_parts(bucket: &Bucket, from: &Key, to: &Key, source: &Seen) -> Result<bool, StoreError> {
    let mut upload = Upload::begin_with(bucket, to, &[(COPIED, bare(&source.etag))]).await?;
    let (address, part) = (address(bucket, from), bucket.settings().copy_bytes);
    let mut start = 0;
    while start < source.size {
        let end = source.size.min(start + part);
        if !upload.part_of(&address, &source.etag, start..end).await? {
            return Ok(false);
        }
        start = end;
    }
    bucket.fence("copy", to)?;
    Ok(upload.complete(Condition::New).await? == PutNew::Created)
}

/// An ETag without its quotes, which not every server keeps in metadata.
fn bare(etag: &str) -> &str {
    etag.trim_matches('"')
}

/// A source as a header names it: `bucket/key`, whose bytes but for the plainest are written `%XX`.
fn address(bucket: &Bucket, key: &Key) -> String {
    escaped(&format!("{}/{}", bucket.name(), bucket.object(key)))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            escaped.push(byte.into());
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_named_in_ascii() {
        assert_eq!(escaped("lake/dev/t/day=1/a b+é.parquet"), "lake/dev/t/day%3D1/a%20b%2B%C3%A9.parquet");
    }

    #[test]
    fn etags_tell_the_same_and_sizes_tell_another() {
        let seen = |size, etag: &str, copied: Option<&str>| Seen {
            size,
            etag: format!("\"{etag}\""),
            copied_etag: copied.map(str::to_owned),
        };
        let source = seen(3, "a-2", None);
        assert_eq!(told_by_etags(&source, &seen(3, "a-2", None)), Some(Copied::AlreadyThere));
        assert_eq!(told_by_etags(&source, &seen(3, "b", Some("a-2"))), Some(Copied::AlreadyThere));
        assert_eq!(told_by_etags(&source, &seen(4, "b", Some("a-2"))), Some(Copied::Taken));
        assert_eq!(told_by_etags(&source, &seen(3, "b", Some("c"))), None);
        assert_eq!(told_by_etags(&source, &seen(3, "b", None)), None);
    }
}
