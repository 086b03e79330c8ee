//! Data files come to lie below the table: named by the run that made them, so that a snapshot's files are never written over.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use millrace_lake::root_names::ICEBERG;
use millrace_lake::{Copied, Key, Store};

use crate::failure::IcebergError;
use crate::partitioning;
use crate::table_metadata::TableMetadata;

/// How the start of a run stands in a file's name.
const STARTED: &str = "%Y%m%dT%H%M%S%6fZ";

/// Where the `n`th file of a run for one day of `table` belongs:
/// `iceberg/<table>/data/<partition>/<started>-<run>-<n>.parquet`. Its start tells how old a file is that nothing refers to.
///
/// # Errors
/// `run` can't be a part of a name, or rows of the table are parted by something else than a date.
pub fn data_key(
    table: &str,
    metadata: &TableMetadata,
    day: NaiveDate,
    started: DateTime<Utc>,
    run: &str,
    n: usize,
) -> Result<Key, IcebergError> {
    let folder = partitioning::folder(metadata.spec(metadata.default_spec_id)?.day_field(table)?, day);
    let refused = |reason: &str| IcebergError::DataFile {
        file: run.to_owned(),
        partition: folder.clone(),
        reason: format!("{reason}; name the run with letters, digits and '-'"),
    };
    if run.is_empty() || !run.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(refused("this can't stand in a file's name"));
    }
    let started = started.format(STARTED);
    let key = format!("{ICEBERG}/{table}/data/{folder}/{started}-{run}-{n:05}.parquet");
    Key::new(key).map_err(|bad| refused(&bad.to_string()))
}

/// When the run of a data file's name began.
pub(crate) fn started(name: &str) -> Option<DateTime<Utc>> {
    let (begin, _) = name.split_once('-')?;
    NaiveDateTime::parse_from_str(begin, STARTED).ok().map(|began| began.and_utc())
}

/// Makes `to` the same object as `from`, by the store's own means: in a folder a second name of the same file, on S3 a copy by the server.
/// `from` may be replaced or removed afterwards. What is at `to` already is left there if it is the same: a run that is tried again places
/// the same files.
///
/// # Errors
/// There is no `from`, `to` is something else, or the store refuses.
pub async fn place(store: &dyn Store, from: &Key, to: &Key) -> Result<(), IcebergError> {
    match store.copy_new(from, to).await? {
        Copied::Created | Copied::AlreadyThere => Ok(()),
        Copied::Taken => Err(IcebergError::damaged(
            to.as_str(),
            "another file has this name; no two runs have one id and one start",
        )),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use millrace_lake::FolderStore;
    use millrace_lake::memory_store::MemoryStore;

    use super::*;

    async fn places(store: &dyn Store) {
        let key = |text: &str| Key::new(text).unwrap();
        let (from, to) = (key("curated/t/part-00000.parquet"), key("iceberg/t/data/d=1/run.parquet"));
        store.put(&from, Bytes::from_static(b"one")).await.unwrap();
        place(store, &from, &to).await.unwrap();
        place(store, &from, &to).await.unwrap();
        store.put(&from, Bytes::from_static(b"two")).await.unwrap();
        assert_eq!(
            store.get(&to).await.unwrap(),
            "one",
            "what was published anew left the placed file alone"
        );
        assert!(place(store, &from, &to).await.is_err());
        assert!(place(store, &key("gone"), &key("iceberg/x")).await.is_err());
    }

    #[tokio::test]
    async fn a_placed_file_outlives_what_it_was_placed_from() {
        places(&MemoryStore::new()).await;
        let folder = tempfile::tempdir().unwrap();
        places(&FolderStore::new(folder.path())).await;
    }

    #[test]
    fn a_name_tells_when_its_run_began() {
        let began: DateTime<Utc> = "2026-02-01T03:04:05.000006Z".parse().unwrap();
        let name = format!("{}-run-1-00000.parquet", began.format(STARTED));
        assert_eq!(started(&name), Some(began));
        assert_eq!(started("00000-1-abc.parquet"), None);
    }
}
