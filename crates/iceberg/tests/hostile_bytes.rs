//! Bytes from outside give errors that name their file: no panic, no endless read, no wrong table.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod samples;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use millrace_iceberg::{IcebergError, Removal, Retention, Table, TableMetadata, data_key, measure};
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::{Key, Store};
use proptest::prelude::*;

use samples::bare::{bare, copied};
use samples::{TABLE, at, batch, commit, create, day, parquet, schema, table};

async fn small() -> (MemoryStore, Table) {
    let store = MemoryStore::new();
    let table = table(Arc::new(store.clone()));
    create(&table).await;
    for (run, of) in [("one", 0), ("two", 1)] {
        let file = bare(&table, &store, day(of), run).await;
        table.append(vec![file], &commit(run, 1)).await.unwrap();
    }
    (store, table)
}

/// The same table in a store of its own.
async fn again(store: &MemoryStore) -> (MemoryStore, Table) {
    let store = copied(store).await;
    let table = table(Arc::new(store.clone()));
    (store, table)
}

/// Everything that reads the table's metadata.
async fn read_all(table: &Table) -> Result<(), IcebergError> {
    let metadata = table.load().await?.metadata;
    for snapshot in &metadata.snapshots {
        table.data_files(&metadata, snapshot).await?;
    }
    table.replace_day(day(0), Vec::new(), &commit("three", 3)).await?;
    table.add_columns(&schema(&["more"]), at(4)).await?;
    table.expire(Retention { older_than: at(100), keep_last: 1 }, at(5)).await?;
    table.remove_orphans(at(0), Removal::DryRun).await?;
    Ok(())
}

async fn metadata_files(store: &MemoryStore) -> Vec<Key> {
    store.list("iceberg/users/metadata/").await.unwrap().into_iter().map(|object| object.key).collect()
}

#[tokio::test]
async fn a_file_that_is_cut_off_is_named() {
    let (whole, _) = small().await;
    let current = "iceberg/users/metadata/v3.metadata.json";
    for key in metadata_files(&whole).await {
        if key.as_str() != current && !key.name().ends_with(".avro") {
            continue;
        }
        let bytes = whole.get(&key).await.unwrap();
        for length in (0..bytes.len()).step_by(bytes.len() / 60 + 1) {
            let (store, table) = again(&whole).await;
            store.put(&key, bytes.slice(..length)).await.unwrap();
            match read_all(&table).await.unwrap_err() {
                IcebergError::Damaged { file, .. } => {
                    assert!(file.ends_with(key.name()), "{file} is told for {key}")
                }
                error => panic!("{error}"),
            }
        }
    }
}

/// Avro's header with a schema of ours, and what follows.
fn avro(schema: &str, block: &[u8]) -> Bytes {
    let long = |n: i64, to: &mut Vec<u8>| {
        let mut rest = ((n << 1) ^ (n >> 63)) as u64;
        while rest >= 0x80 {
            to.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        to.push(rest as u8);
    };
    let mut bytes = b"Obj\x01".to_vec();
    long(1, &mut bytes);
    for part in ["avro.schema", schema] {
        long(part.len() as i64, &mut bytes);
        bytes.extend(part.as_bytes());
    }
    long(0, &mut bytes);
    bytes.extend([7; 16]);
    // A billion records.
    long(1_000_000_000, &mut bytes);
    long(block.len() as i64, &mut bytes);
    bytes.extend(block);
    bytes.extend([7; 16]);
    bytes.into()
}

#[tokio::test]
async fn schemas_that_never_end_are_refused() {
    let (whole, _) = small().await;
    let deep = format!("{}\"null\"{}", r#"{"type":"array","items":"#.repeat(90), "}".repeat(90));
    for schema in [
        r#"{"type":"record","name":"r","fields":[{"name":"r","type":"r","field-id":500}]}"#,
        r#"{"type":"record","name":"r","fields":[{"name":"n","type":["null","r"],"field-id":500}]}"#,
        r#"{"type":"record","name":"r","fields":[{"name":"a","type":{"type":"array","items":"null"},"field-id":507}]}"#,
        r#"{"type":"record","name":"r","fields":[]}"#,
        r#"{"type":"record","name":"r","fields":[{"name":"n","type":"null","field-id":500}]}"#,
        r#"{"type":"record","name":"r","fields":[{"name":"f","type":{"type":"fixed","name":"x","size":0},"field-id":500}]}"#,
        r#"{"type":"record","name":"r","fields":[{"name":"f","type":{"type":"fixed","name":"x","size":99999999999},"field-id":500}]}"#,
        &deep,
        "\"long\"",
        "\"null\"",
        "7",
        "",
    ] {
        for block in [&b""[..], b"\0", b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff", &[2; 64]] {
            let (store, table) = again(&whole).await;
            for key in metadata_files(&store).await.iter().filter(|key| key.name().starts_with("snap")) {
                store.put(key, avro(schema, block)).await.unwrap();
            }
            let error = read_all(&table).await.unwrap_err().to_string();
            assert!(error.contains("metadata/snap-"), "{schema}: {error}");
        }
    }
}

#[tokio::test]
async fn what_lies_elsewhere_is_not_followed() {
    for (from, to) in
        [("s3://bucket/lake/iceberg", "s3://other/lake/iceberg"), ("/users/metadata/snap", "/../../snap")]
    {
        let (store, table) = small().await;
        let key = Key::new("iceberg/users/metadata/v3.metadata.json").unwrap();
        let text = String::from_utf8(store.get(&key).await.unwrap().to_vec()).unwrap();
        store.put(&key, text.replace(from, to).into()).await.unwrap();
        let error = read_all(&table).await.unwrap_err();
        assert!(matches!(error, IcebergError::Elsewhere { .. }), "{error}");
    }
}

#[tokio::test]
async fn data_files_that_do_not_fit_are_refused_with_the_reason() {
    let (store, table) = small().await;
    let metadata = table.load().await.unwrap().metadata;
    let key = data_key(TABLE, &metadata, day(0), at(0), "run", 0).unwrap();
    let good = parquet(&batch(day(0), 0, 6, &[]));
    let other_type = {
        let wide = batch(day(0), 0, 6, &[]);
        let mut columns = wide.columns().to_vec();
        columns[2] = Arc::clone(&columns[1]);
        let mut fields = wide.schema().fields().to_vec();
        fields[2] = Arc::new(arrow_schema::Field::new("n", arrow_schema::DataType::Utf8, true));
        let schema = Arc::new(arrow_schema::Schema::new(fields));
        parquet(&arrow_array::RecordBatch::try_new(schema, columns).unwrap())
    };
    for (bytes, told) in [
        (parquet(&batch(day(1), 0, 6, &[])), "its rows are of 2026-02-02 to 2026-02-02"),
        (parquet(&batch(day(0), 0, 6, &["extra"])), "the table doesn't have it; add it"),
        (other_type, "it is Utf8 in the file and \"long\" in the table"),
        (good.slice(..good.len() - 1), "doesn't end as a Parquet file does"),
        (good.slice(good.len() - 8..), "its footer is longer than the file"),
        (Bytes::from_static(b"PAR1"), "too short"),
    ] {
        store.put(&key, bytes).await.unwrap();
        let error = measure(table.warehouse(), &key, &metadata, day(0), &BTreeSet::new())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(told) && error.contains("run-00000.parquet"), "{told}: {error}");
    }
    store.put(&key, good).await.unwrap();
    let file = measure(table.warehouse(), &key, &metadata, day(0), &BTreeSet::new()).await.unwrap();
    let error = table.replace_day(day(1), vec![file], &commit("c", 1)).await.unwrap_err().to_string();
    assert!(error.contains("another day's"), "{error}");
    assert!(data_key(TABLE, &metadata, day(0), at(0), "../run", 0).is_err());
}

fn damaged(bytes: &Bytes, at: &[(usize, u8)]) -> Bytes {
    let mut bytes = bytes.to_vec();
    for (place, value) in at {
        let length = bytes.len();
        bytes[place % length] ^= value;
    }
    bytes.into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    #[test]
    fn any_damage_is_an_error_or_a_table(which in any::<prop::sample::Index>(), at in proptest::collection::vec((any::<usize>(), 1_u8..), 1..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (store, table) = small().await;
            let keys = metadata_files(&store).await;
            let key = which.get(&keys);
            let bytes = store.get(key).await.unwrap();
            store.put(key, damaged(&bytes, &at)).await.unwrap();
            let _ = read_all(&table).await;
        });
    }

    #[test]
    fn any_damage_of_parquet_is_an_error_or_a_file(at in proptest::collection::vec((any::<usize>(), 1_u8..), 1..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (store, table) = small().await;
            let metadata = table.load().await.unwrap().metadata;
            let key = data_key(TABLE, &metadata, day(0), samples::at(0), "run", 0).unwrap();
            let good = parquet(&batch(day(0), 0, 6, &[]));
            // In the footer, where all is told.
            let at: Vec<_> = at.into_iter().map(|(place, value)| (good.len() - 1 - place % 2_500.min(good.len()), value)).collect();
            store.put(&key, damaged(&good, &at)).await.unwrap();
            let _ = measure(table.warehouse(), &key, &metadata, day(0), &BTreeSet::new()).await;
        });
    }

    #[test]
    fn any_text_is_an_error_or_metadata(text in "\\PC{0,60}", bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = TableMetadata::from_json("v1", text.as_bytes());
        prop_assert!(TableMetadata::from_json("v1", &bytes).is_err());
    }
}
