//! No file but the data files holds a value of a personal column.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod samples;

use std::sync::Arc;

use apache_avro::Reader;
use millrace_iceberg::Retention;
use millrace_lake::Store;
use millrace_lake::memory_store::MemoryStore;

use samples::{at, batch, commit, create, day, file, schema, table};

/// All that a file of metadata says, unpacked.
fn told(name: &str, bytes: &[u8]) -> String {
    if !name.ends_with(".avro") {
        return String::from_utf8(bytes.to_vec()).unwrap();
    }
    let reader = Reader::new(bytes).unwrap();
    let header = format!("{:?}", reader.user_metadata());
    let values: Vec<String> = reader.map(|value| format!("{:?}", value.unwrap())).collect();
    header + &values.join("")
}

#[tokio::test]
async fn metadata_holds_no_value_of_a_personal_column() {
    let store = MemoryStore::new();
    let table = table(Arc::new(store.clone()));
    create(&table).await;
    for (run, n) in [("one", 0), ("two", 1), ("three", 0)] {
        let data = file(&table, day(n), run, &batch(day(n), 0, 10, &[])).await;
        table.replace_day(day(n), vec![data], &commit(run, 1)).await.unwrap();
    }
    table.add_columns(&schema(&["more"]), at(2)).await.unwrap();
    table.expire(Retention { older_than: at(0), keep_last: 2 }, at(3)).await.unwrap();
    let bytes = |text: &str| format!("{:?}", text.as_bytes()).trim_matches(['[', ']']).to_owned();
    let (mut files, mut cities) = (0, 0);
    for object in store.list("iceberg/users/metadata/").await.unwrap() {
        let told = told(object.key.name(), &store.get(&object.key).await.unwrap());
        assert!(!told.contains("person") && !told.contains(&bytes("person")), "{}: {told}", object.key);
        files += 1;
        cities += usize::from(told.contains(&bytes("Ciudad")));
    }
    assert!(files > 10 && cities >= 3, "bounds of other columns are seen by this test: {cities} of {files}");
}

#[tokio::test]
async fn a_file_is_measured_as_it_is() {
    let store = MemoryStore::new();
    let table = table(Arc::new(store));
    create(&table).await;
    let measured = file(&table, day(0), "run", &batch(day(0), 0, 10, &[])).await;
    let id = |name: &str| schema(&[]).index_of(name).unwrap() as i32 + 1;
    assert_eq!(measured.records, 10);
    assert_eq!((measured.value_counts[&id("email")], measured.null_counts[&id("email")]), (10, 3));
    assert_eq!(measured.lower_bounds.get(&id("email")), None);
    assert_eq!(measured.upper_bounds.get(&id("email")), None);
    assert_eq!(measured.lower_bounds[&id("n")], 0_i64.to_le_bytes());
    assert_eq!(measured.upper_bounds[&id("n")], 9_i64.to_le_bytes());
    assert_eq!(measured.upper_bounds[&id("age")], 9_i32.to_le_bytes());
    assert_eq!(measured.lower_bounds[&id("city")], b"Ciudad del Este ");
    assert_eq!(measured.upper_bounds[&id("city")], b"Ciudad del Este!");
    assert_eq!(measured.split_offsets.clone().unwrap().len(), 2);
    let elsewhere = millrace_iceberg::DataFile {
        location: "s3://bucket/lake/curated/x".to_owned(),
        split_offsets: None,
        ..measured.clone()
    };
    let error = table.append(vec![elsewhere], &commit("c", 1)).await.unwrap_err().to_string();
    assert!(error.contains("place it there first"), "{error}");
    let twice = millrace_iceberg::DataFile { split_offsets: None, ..measured };
    let error = table.append(vec![twice.clone(), twice], &commit("c", 1)).await.unwrap_err().to_string();
    assert!(error.contains("given twice"), "{error}");
}
