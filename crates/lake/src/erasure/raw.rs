//! Rows of persons out of raw objects.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, RowFilter};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::Subjects;
use crate::key::Key;
use crate::raw_file::{RawFile, RawFileError};
use crate::raw_object::RawObject;
use crate::store::Store;

/// The column that says whose row it is.
const ID: &str = "user_id";

/// How many rows of the raw object `key` are about `subjects`.
pub async fn count(store: &Arc<dyn Store>, key: &Key, subjects: &Arc<Subjects>) -> Result<u64, RawFileError> {
    let file = RawFile::open(store.as_ref(), key).await?;
    let (subjects, object) = (Arc::clone(subjects), key.clone());
    let counted = tokio::task::spawn_blocking(move || {
        let mut rows = 0;
        for batch in file.reader(|name| name == ID, |builder, mask| builder.with_projection(mask))? {
            let batch = batch.map_err(|source| RawFileError::Rows { object: object.clone(), source })?;
            // An object may lack the column: then it is about nobody.
            if batch.num_columns() > 0 {
                let kept = kept(&batch, &subjects).ok_or_else(|| no_text(&object))?;
                rows += kept.false_count() as u64;
            }
        }
        Ok(rows)
    });
    counted.await.map_err(|_| RawFileError::CutOff { object: key.clone() })?
}

/// Writes the raw object `key` anew without the rows about `subjects`, in one step; answers how many went.
///
/// Everything else of it stays: its name, its columns, the order of its rows, what its footer says. One that loses all
/// its rows stays too, for its name tells how far its topic has landed.
pub async fn rewrite(
    store: &Arc<dyn Store>,
    key: &Key,
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
        let rows = without(&file, &subjects, send)?;
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
    subjects: &Arc<Subjects>,
    send: impl Fn(Vec<u8>) -> Result<(), RawFileError>,
) -> Result<u64, RawFileError> {
    let object = || file.key().clone();
    let bug = |source| RawFileError::Encode { object: object(), source };
    let mut encoder = RawObject::with_entries(Arc::clone(file.schema()), file.entries()).map_err(bug)?;
    let named = file.schema().column_with_name(ID).map(|(at, _)| at);
    let reader = file.reader(
        |_| true,
        |builder, mask| {
            let builder = builder.with_projection(mask);
            let Some(column) = named else { return builder };
            let of_id = ProjectionMask::roots(builder.parquet_schema(), [column]);
            let subjects = Arc::clone(subjects);
            let filter = move |batch: RecordBatch| {
                kept(&batch, &subjects)
                    .ok_or_else(|| ArrowError::SchemaError(format!("the column {ID} is no text")))
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

fn no_text(object: &Key) -> RawFileError {
    RawFileError::ColumnType { object: object.clone(), column: ID, expected: "string" }
}
