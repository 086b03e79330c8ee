//! Raw objects for tests: one hour of one partition, each user named by its offset.

use std::path::PathBuf;

use arrow_array::cast::AsArray;
use arrow_array::{RecordBatch, StringArray};
use async_trait::async_trait;
use bytes::Bytes;
use millrace_events::batch::{SourcePartition, UserBatchBuilder};
use millrace_events::decode::Value;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;

use crate::memory_store::MemoryStore;
use crate::object_key::Key;
use crate::raw_object_name::RawObjectName;
use crate::raw_object_reader::RawFile;
use crate::raw_object_writer::RawObject;
use crate::store::{Capabilities, LockGuard, ObjectMeta, ObjectWriter, Store, StoreError};
use crate::topic_generation::TopicGeneration;

/// The user id of the row at `offset`.
pub(crate) fn id(offset: i64) -> Option<String> {
    Some(format!("user-{offset}"))
}

pub(crate) fn batch(offsets: &[i64]) -> RecordBatch {
    let source = SourcePartition { topic: "users_created".into(), generation: "g1".into(), partition: 0 };
    let mut rows = UserBatchBuilder::new(source, offsets.len());
    for offset in offsets {
        let json = format!(r#"{{"id":"user-{offset}","first_name":"Ada","email":"{offset}@example.com"}}"#);
        let value = Value { bytes: Some(json.as_bytes()), ..Value::default() };
        rows.push(&value, Offset(*offset), Micros(1_000 * offset)).unwrap();
    }
    rows.finish(Micros(7)).unwrap()
}

fn object_name(first: i64, last: i64) -> RawObjectName {
    let generation = TopicGeneration::new("g1").unwrap();
    RawObjectName::new("users_created", generation, 0, Offset(first), Offset(last)).unwrap()
}

pub(crate) fn name(first: i64, last: i64) -> String {
    object_name(first, last).to_string()
}

/// Puts `rows` as the object of the offsets `first` to `last`.
pub(crate) async fn put(store: &dyn Store, first: i64, last: i64, rows: &RecordBatch) -> Key {
    let mut object = RawObject::new(rows.schema()).unwrap();
    object.write(rows).unwrap();
    let key = object_name(first, last).key("users", Micros(0)).unwrap();
    store.put(&key, object.finish().unwrap().into()).await.unwrap();
    key
}

/// Lands an object of `offsets`, named by `first` and `last`.
pub(crate) async fn land_rows(store: &dyn Store, first: i64, last: i64, offsets: &[i64]) -> Key {
    put(store, first, last, &batch(offsets)).await
}

/// Lands an object of every offset from `first` to `last`.
pub(crate) async fn land(store: &dyn Store, first: i64, last: i64) -> Key {
    land_rows(store, first, last, &(first..=last).collect::<Vec<_>>()).await
}

pub(crate) fn texts(file: &RawFile, column: &str) -> Vec<Option<String>> {
    let reader = file.reader(|name| name == column, |builder, mask| builder.with_projection(mask)).unwrap();
    let texts = |batch: RecordBatch| -> Vec<Option<String>> {
        let column: &StringArray = batch.column(0).as_string();
        column.iter().map(|text| text.map(str::to_owned)).collect()
    };
    reader.flat_map(|batch| texts(batch.unwrap())).collect()
}

pub(crate) fn ids(file: &RawFile) -> Vec<Option<String>> {
    texts(file, "user_id")
}

/// A store on a disk that forgets: what is written in pieces comes to hold the rows of another object.
#[derive(Debug)]
pub(crate) struct Bitrot {
    inner: MemoryStore,
}

impl Bitrot {
    pub(crate) fn new(inner: MemoryStore) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl Store for Bitrot {
    async fn put(&self, key: &Key, body: Bytes) -> Result<(), StoreError> {
        self.inner.put(key, body).await
    }

    async fn writer(&self, key: &Key) -> Result<Box<dyn ObjectWriter>, StoreError> {
        Ok(Box::new(Rotting { inner: self.inner.writer(key).await? }))
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.inner.get(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        self.inner.list(prefix).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }

    async fn probe(&self) -> Result<Capabilities, StoreError> {
        self.inner.probe().await
    }

    async fn sweep(&self) -> Result<usize, StoreError> {
        self.inner.sweep().await
    }

    async fn lock(&self, key: &Key) -> Result<Box<dyn LockGuard>, StoreError> {
        self.inner.lock(key).await
    }

    fn local_path(&self, _key: &Key) -> Option<PathBuf> {
        None
    }

    fn address(&self) -> String {
        self.inner.address()
    }
}

#[derive(Debug)]
struct Rotting {
    inner: Box<dyn ObjectWriter>,
}

#[async_trait]
impl ObjectWriter for Rotting {
    async fn write(&mut self, _bytes: Bytes) -> Result<(), StoreError> {
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<u64, StoreError> {
        let mut object = RawObject::new(millrace_events::raw_schema::users()).unwrap();
        object.write(&batch(&[0, 1])).unwrap();
        self.inner.write(object.finish().unwrap().into()).await?;
        self.inner.finish().await
    }
}
