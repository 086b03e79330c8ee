//! Earlier versions of objects, in buckets that keep them: deleted by their ids, nobody can bring them back.
//!
//! A removal that gives no version id leaves a mark on top of what was there. Such a mark goes last, once nothing lies below it:
//! without it the version below would be the object again.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::bucket::Bucket;
use super::service_error::{Attempted, Said};
use crate::store::{EarlierVersions, StoreError, Versions};

/// What S3 deletes in a request.
const AT_ONCE: usize = 1_000;

/// Counts, or removes, what lies below or instead of the objects that are there now: a page at a time, as a bucket that is compacted each
/// day keeps millions of versions.
pub(super) async fn earlier(
    bucket: &Bucket,
    prefix: &str,
    task: Versions,
) -> Result<EarlierVersions, StoreError> {
    let mut found = EarlierVersions::default();
    let mut pages = Pages::of(bucket, prefix);
    while let Some(page) = pages.next().await? {
        found.versions += page.versions.len() as u64;
        found.bytes += page.bytes;
        found.marks += (page.marks.len() + page.top_marks.len()) as u64;
        if task == Versions::Remove {
            delete(bucket, pages.to_delete(), page.versions.into_iter().chain(page.marks)).await?;
        }
    }
    if task == Versions::Count || found.marks == 0 {
        return Ok(found);
    }
    // The marks that have come to lie on nothing. One under which a version is, somebody has just removed: it is another's.
    let mut pages = Pages::of(bucket, prefix);
    let mut last = None::<Version>;
    while let Some(page) = pages.next().await? {
        let is_covered = |name: &str| page.versions.iter().chain(&page.marks).any(|it| it.name == name);
        let mut bare: Vec<_> = last.take().into_iter().chain(page.top_marks).collect();
        bare.retain(|mark| !is_covered(&mark.name));
        // What lies below the page's last mark may be on the next one.
        if page.is_truncated {
            last = bare.pop();
        }
        delete(bucket, pages.to_delete(), bare).await?;
    }
    Ok(found)
}

/// A version or a mark.
struct Version {
    name: String,
    id: String,
}

#[derive(Default)]
struct Page {
    /// With something newer above them.
    versions: Vec<Version>,
    bytes: u64,
    /// Marks with something newer above them.
    marks: Vec<Version>,
    /// Marks that are the object's latest: it is removed. In the order of their names.
    top_marks: Vec<Version>,
    is_truncated: bool,
}

/// The versions below a prefix.
struct Pages<'a> {
    bucket: &'a Bucket,
    prefix: &'a str,
    key_marker: Option<String>,
    id_marker: Option<String>,
    ended: bool,
}

impl<'a> Pages<'a> {
    fn of(bucket: &'a Bucket, prefix: &'a str) -> Self {
        Self { bucket, prefix, key_marker: None, id_marker: None, ended: false }
    }

    fn attempted(&self, action: &'static str) -> Attempted<'a> {
        Attempted { store: self.bucket.shown(), setup: self.bucket.setup(), action, key: self.prefix }
    }

    fn to_delete(&self) -> Attempted<'a> {
        self.attempted("delete earlier versions of")
    }

    /// `None` behind the last, and at once where the server keeps no versions and says so.
    async fn next(&mut self) -> Result<Option<Page>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        let bucket = self.bucket;
        let request = bucket.client().list_object_versions().bucket(bucket.name());
        let request = request.prefix(bucket.prefix(self.prefix));
        let request = request.set_key_marker(self.key_marker.take());
        let told = match request.set_version_id_marker(self.id_marker.take()).send().await {
            Ok(told) => told,
            Err(error) if super::service_error::is_not_implemented(&error) => return Ok(None),
            Err(error) => return Err(self.attempted("list the versions of").refused(&error)),
        };
        let mut page = Page { is_truncated: told.is_truncated == Some(true), ..Page::default() };
        for version in told.versions.unwrap_or_default() {
            if let (Some(name), Some(id), Some(false)) = (version.key, version.version_id, version.is_latest)
            {
                page.bytes += version.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
                page.versions.push(Version { name, id });
            }
        }
        for mark in told.delete_markers.unwrap_or_default() {
            if let (Some(name), Some(id)) = (mark.key, mark.version_id) {
                let is_top = mark.is_latest == Some(true);
                if is_top { &mut page.top_marks } else { &mut page.marks }.push(Version { name, id });
            }
        }
        self.ended = !page.is_truncated;
        (self.key_marker, self.id_marker) = (told.next_key_marker, told.next_version_id_marker);
        Ok(Some(page))
    }
}

async fn delete(
    bucket: &Bucket,
    attempted: Attempted<'_>,
    versions: impl IntoIterator<Item = Version>,
) -> Result<(), StoreError> {
    let mut versions = versions.into_iter().peekable();
    while versions.peek().is_some() {
        let some = versions.by_ref().take(AT_ONCE);
        let objects: Result<Vec<_>, _> =
            some.map(|it| ObjectIdentifier::builder().key(it.name).version_id(it.id).build()).collect();
        let delete =
            objects.and_then(|objects| Delete::builder().set_objects(Some(objects)).quiet(true).build());
        let delete = delete.map_err(|error| attempted.stop("this is a bug", Said(error.to_string())))?;
        let request = bucket.client().delete_objects().bucket(bucket.name()).delete(delete);
        let answer = request.send().await.map_err(|error| attempted.refused(&error))?;
        // The request goes well though none of its versions may be deleted.
        let Some(refused) = answer.errors.unwrap_or_default().into_iter().next() else { continue };
        let (code, name) = (refused.code.unwrap_or_default(), refused.key.unwrap_or_default());
        let said = Said(format!("{name}: {code}: {}", refused.message.unwrap_or_default()));
        return Err(match code.as_str() {
            "AccessDenied" => attempted.stop(
                "allow s3:DeleteObjectVersion, and see whether an object lock keeps the version; until then it can be restored",
                said,
            ),
            _ => attempted.retry(said),
        });
    }
    Ok(())
}
