//! Rows of persons out of raw objects.

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, RowFilter};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::refused_ids::RefusedIds;
use super::{Matches, Subjects};
use crate::object_key::Key;
use crate::raw_object_reader::{RawFile, RawFileError};
use crate::raw_object_writer::RawObject;
use crate::store::Store;

/// The rows of the raw object `key` that are about `subjects`, whose ids stand in the column `subject`.
pub async fn find(
    store: &Arc<dyn Store>,
    key: &Key,
    subject: &'static str,
    subjects: &Arc<Subjects>,
) -> Result<Matches, RawFileError> {
    let file = RawFile::open(store.as_ref(), key).await?;
    let (subjects, object) = (Arc::clone(subjects), key.clone());
    let found = tokio::task::spawn_blocking(move || {
        let mut matches = Matches::default();
        for batch in file.reader(|name| name == subject, |builder, mask| builder.with_projection(mask))? {
            let batch = batch.map_err(|source| RawFileError::Rows { object: object.clone(), source })?;
            // An object may lack the column: then it is about nobody.
            if batch.num_columns() > 0 {
                let ids = batch.column(0).as_string_opt::<i32>().ok_or_else(|| no_text(&object, subject))?;
                for id in ids.iter().flatten() {
                    matches.see(id, &subjects);
                }
            }
        }
        Ok(matches)
    });
    found.await.map_err(|_| RawFileError::CutOff { object: key.clone() })?
}

/// Writes the raw object `key` anew without the rows about `subjects`, whose ids stand in the column `subject`, in one step; answers
/// how many went.
///
/// Everything else of it stays: its name, its columns, the order of its rows, what its footer says. One that loses all
/// its rows stays too, for its name tells how far its topic has landed.
pub async fn rewrite(
    store: &Arc<dyn Store>,
    key: &Key,
    subject: &'static str,
    subjects: &Arc<Subjects>,
) -> Result<u64, RawFileError> {
    let mut writer = store.writer(key).await?;
    let (sender, mut receiver) = mpsc::channel(2);
    let (reading, object, subjects) = (Arc::clone(store), key.clone(), Arc::clone(subjects));
    let handle = Handle::current();
    let work = tokio::task::spawn_blocking(move || {
        let file = handle.block_on(RawFile::open(reading.as_ref(), &object))?;
        let send = |bytes: Vec<u8>| {
            if bytes.is_empty() || sender.blocking_send(Bytes::from(bytes)).is_ok() {
                Ok(())
            } else {
                Err(RawFileError::CutOff { object: object.clone() })
            }
        };
        let leaves = Arc::new(move |id: &str| subjects.contains(id));
        let rows = without(&file, subject, leaves, send)?;
        Ok::<_, RawFileError>(file.rows().saturating_sub(rows))
    });
    while let Some(bytes) = receiver.recv().await {
        writer.write(bytes).await?;
    }
    let removed = work.await.map_err(|_| RawFileError::CutOff { object: key.clone() })??;
    writer.finish().await?;
    Ok(removed)
}

/// An object that has lost rows before it was stored.
#[derive(Debug)]
pub struct WithoutRefused {
    /// The object, encoded anew.
    pub body: Vec<u8>,
    /// The offsets of the rows that went.
    pub offsets: Vec<i64>,
}

/// The encoded object `body`, that is to be stored in `table`, without the rows about those who are refused, whose ids stand in the column
/// `subject`; `None` where none of them is.
///
/// For rows that were gathered while a person was being erased.
pub fn without_refused(
    table: &Key,
    body: &Bytes,
    subject: &'static str,
    refused: &Arc<RefusedIds>,
) -> Result<Option<WithoutRefused>, RawFileError> {
    let file = RawFile::of_bytes(table.clone(), body.clone())?;
    let mut offsets = Vec::new();
    for batch in file
        .reader(|name| name == subject || name == "_offset", |builder, mask| builder.with_projection(mask))?
    {
        let batch = batch.map_err(|source| RawFileError::Rows { object: table.clone(), source })?;
        let Some(ids) = batch.column_by_name(subject) else { break };
        let ids = ids.as_string_opt::<i32>().ok_or_else(|| no_text(table, subject))?;
        let column = batch.column_by_name("_offset").and_then(|it| it.as_primitive_opt::<Int64Type>());
        let column = column.ok_or_else(|| RawFileError::ColumnType {
            object: table.clone(),
            column: "_offset",
            expected: "int64",
        })?;
        let pairs = ids.iter().zip(column.values());
        offsets.extend(pairs.filter(|(id, _)| id.is_some_and(|id| refused.contains(id))).map(|(_, at)| *at));
    }
    if offsets.is_empty() {
        return Ok(None);
    }
    let encoded = Mutex::new(Vec::new());
    let refused = Arc::clone(refused);
    without(&file, subject, Arc::new(move |id: &str| refused.contains(id)), |bytes| {
        encoded.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(())
    })?;
    let body = encoded.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Some(WithoutRefused { body, offsets }))
}

/// Whether a row with that id goes.
type Leaves = dyn Fn(&str) -> bool + Send + Sync;

/// Encodes the rows of `file` but for those that leave; answers how many they are.
fn without(
    file: &RawFile,
    subject: &'static str,
    leaves: Arc<Leaves>,
    send: impl Fn(Vec<u8>) -> Result<(), RawFileError>,
) -> Result<u64, RawFileError> {
    let object = || file.key().clone();
    let bug = |source| RawFileError::Encode { object: object(), source };
    let mut encoder = RawObject::with_entries(Arc::clone(file.schema()), file.entries()).map_err(bug)?;
    let named = file.schema().column_with_name(subject).map(|(at, _)| at);
    let reader = file.reader(
        |_| true,
        |builder, mask| {
            let builder = builder.with_projection(mask);
            let Some(column) = named else { return builder };
            let of_id = ProjectionMask::roots(builder.parquet_schema(), [column]);
            let filter = move |batch: RecordBatch| {
                kept(&batch, leaves.as_ref())
                    .ok_or_else(|| ArrowError::SchemaError(format!("the column {subject} is no text")))
            };
            builder.with_row_filter(RowFilter::new(vec![Box::new(ArrowPredicateFn::new(of_id, filter))]))
        },
    )?;
    for batch in reader {
        let batch = batch.map_err(|source| RawFileError::Rows { object: object(), source })?;
        encoder.write(&batch).map_err(bug)?;
        send(encoder.take_encoded().map_err(bug)?)?;
    }
    let rows = encoder.rows() as u64;
    send(encoder.finish().map_err(bug)?)?;
    Ok(rows)
}

/// True for each row that stays; `None` where the ids are no texts.
fn kept(batch: &RecordBatch, leaves: &Leaves) -> Option<BooleanArray> {
    let ids = batch.column(0).as_string_opt::<i32>()?;
    Some(ids.iter().map(|id| Some(id.is_none_or(|id| !leaves(id)))).collect())
}

fn no_text(object: &Key, subject: &'static str) -> RawFileError {
    RawFileError::ColumnType { object: object.clone(), column: subject, expected: "string" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder_store::FolderStore;
    use crate::memory_store::MemoryStore;
    use crate::raw_object_reader::COMPACTED_FROM;
    use crate::raw_samples::{batch, ids, land, texts};
    use crate::store::ObjectMeta;

    fn of(ids: &[&str]) -> Arc<Subjects> {
        Arc::new(Subjects::new(ids.iter().copied()).unwrap())
    }

    async fn only(store: &Arc<dyn Store>) -> ObjectMeta {
        let mut listed = store.list("raw/").await.unwrap();
        assert_eq!(listed.len(), 1);
        listed.remove(0)
    }

    async fn goes_and_the_rest_stays(store: Arc<dyn Store>) {
        let key = land(store.as_ref(), 0, 20_000).await;
        let subjects = of(&["user-0", "user-9000", "user-20000", "user-9", "nobody", "USER-5"]);
        let found = find(&store, &key, "user_id", &subjects).await.unwrap();
        assert_eq!(found.rows, 4);
        assert_eq!(Vec::from_iter(&found.ids), ["user-0", "user-20000", "user-9", "user-9000"]);
        assert_eq!(format!("{found:?}"), "Matches { rows: 4, ids: 4 }");
        assert_eq!(rewrite(&store, &key, "user_id", &subjects).await.unwrap(), 4);
        assert_eq!(find(&store, &key, "user_id", &subjects).await.unwrap().rows, 0);
        assert_eq!(rewrite(&store, &key, "user_id", &subjects).await.unwrap(), 0);
        assert_eq!(only(&store).await.key, key);
        let file = RawFile::open(store.as_ref(), &key).await.unwrap();
        assert_eq!(file.offsets().unwrap().len(), 19_997);
        assert_eq!(file.misfit(&millrace_events::raw_schema::users()), None, "all columns stay");
        assert!(ids(&file).windows(2).all(|pair| pair[0] != pair[1]));
        let body = store.get(&key).await.unwrap();
        assert!(!body.windows(16).any(|bytes| bytes == b"9000@example.com"), "its e-mail is left");
    }

    #[tokio::test]
    async fn a_person_goes_and_the_rest_stays() {
        goes_and_the_rest_stays(Arc::new(MemoryStore::new())).await;
        let folder = tempfile::tempdir().unwrap();
        goes_and_the_rest_stays(Arc::new(FolderStore::new(folder.path()))).await;
    }

    #[tokio::test]
    async fn an_object_without_rows_stays_and_keeps_what_its_footer_says() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let key = land(store.as_ref(), 0, 0).await;
        let entry =
            parquet::file::metadata::KeyValue::new(COMPACTED_FROM.to_owned(), r#"["raw/a"]"#.to_owned());
        let rows = batch(&[0]);
        let mut object = RawObject::with_entries(rows.schema(), vec![entry]).unwrap();
        object.write(&rows).unwrap();
        store.put(&key, object.finish().unwrap().into()).await.unwrap();
        assert_eq!(rewrite(&store, &key, "user_id", &of(&["user-0"])).await.unwrap(), 1);
        let file = RawFile::open(store.as_ref(), &key).await.unwrap();
        assert_eq!((file.rows(), file.compacted_from()), (0, vec![Key::new("raw/a").unwrap()]));
        assert_eq!(file.entries().len(), 1);
    }

    #[tokio::test]
    async fn rows_about_those_who_are_refused_go_before_they_are_stored() {
        use crate::erasure::erased_ids::{Salt, record};

        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let key = land(store.as_ref(), 0, 20_000).await;
        let body = store.get(&key).await.unwrap();
        let nobody = Arc::new(RefusedIds::read(store.as_ref()).await.unwrap());
        assert!(without_refused(&key, &body, "user_id", &nobody).unwrap().is_none());
        let salt = Salt::made(store.as_ref()).await.unwrap();
        let hashes = ["user-9000", "user-0", "nobody"].map(|id| salt.hash(id));
        record(store.as_ref(), chrono::DateTime::UNIX_EPOCH, hashes).await.unwrap();
        let refused = Arc::new(RefusedIds::read(store.as_ref()).await.unwrap());
        let WithoutRefused { body, offsets } =
            without_refused(&key, &body, "user_id", &refused).unwrap().unwrap();
        assert_eq!(offsets, [0, 9_000]);
        let file = RawFile::of_bytes(key.clone(), body.into()).unwrap();
        assert_eq!(file.offsets().unwrap().len(), 19_999);
        let gone = ["user-9000", "user-0"].map(|id| Some(id.to_owned()));
        assert!(!ids(&file).iter().any(|id| gone.contains(id)));
        assert_eq!(file.misfit(&millrace_events::raw_schema::users()), None, "all columns stay");
    }

    #[tokio::test]
    async fn rows_without_an_id_are_about_nobody() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let rows = batch(&[0, 1]);
        let others: Vec<usize> = (1..rows.num_columns()).collect();
        let key = crate::raw_samples::put(store.as_ref(), 0, 1, &rows.project(&others).unwrap()).await;
        assert_eq!(find(&store, &key, "user_id", &of(&["user-0"])).await.unwrap().rows, 0);
        assert_eq!(rewrite(&store, &key, "user_id", &of(&["user-0"])).await.unwrap(), 0);
        let file = RawFile::open(store.as_ref(), &key).await.unwrap();
        assert_eq!(texts(&file, "email").len(), 2);
    }
}
