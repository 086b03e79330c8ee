//! Rows of persons out of raw objects.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, RowFilter};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

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
        let rows = without(&file, subject, &subjects, send)?;
        Ok::<_, RawFileError>(file.rows().saturating_sub(rows))
    });
    while let Some(bytes) = receiver.recv().await {
        writer.write(bytes).await?;
    }
    let removed = work.await.map_err(|_| RawFileError::CutOff { object: key.clone() })??;
    writer.finish().await?;
    Ok(removed)
}

/// Encodes the rows of `file` that are not about `subjects`; answers how many they are.
fn without(
    file: &RawFile,
    subject: &'static str,
    subjects: &Arc<Subjects>,
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
            let subjects = Arc::clone(subjects);
            let filter = move |batch: RecordBatch| {
                kept(&batch, &subjects)
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

/// True for each row that is about nobody of `subjects`; `None` where the ids are no texts.
fn kept(batch: &RecordBatch, subjects: &Subjects) -> Option<BooleanArray> {
    let ids = batch.column(0).as_string_opt::<i32>()?;
    Some(ids.iter().map(|id| Some(id.is_none_or(|id| !subjects.contains(id)))).collect())
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
