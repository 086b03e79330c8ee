//! The function as Lambda sees it: an event, an answer, metrics.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use compact_raw::{Function, FunctionError, Report, Request};
use millrace_events::failure::{Class, Classified as _};
use millrace_lake::{FolderStore, Key, Store, lake_file};
use millrace_runtime::Deadline;
use millrace_runtime::metrics::Value;
use millrace_runtime::settings::Environment;

fn function(lake: &Path, more: &[(&str, &str)]) -> Function {
    let lake = lake.display().to_string();
    let given = [("MILLRACE_LAKE", lake.as_str())].into_iter().chain(more.iter().copied());
    Function::new(Environment::of(given.map(|(key, value)| (key.to_owned(), value.to_owned()))))
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn asked() -> Request {
    serde_json::from_str(include_str!("../events/day.json")).unwrap()
}

/// A figure that the meter was told of, by the metric's name.
fn told(function: &Function, name: &str) -> Option<f64> {
    let snapshot = function.meter().take();
    let reading = snapshot.iter().find(|reading| reading.metric.name == name)?;
    match reading.value {
        Value::Counter(count) => Some(count as f64),
        Value::Gauge(value) => Some(value),
        Value::Distribution(_) => None,
    }
}

/// Places for two objects each, of which nothing is one that can be read.
async fn lake_of_crumbs(store: &FolderStore, places: &[&str]) {
    lake_file::enter_or_create(store).await.unwrap();
    for (number, place) in places.iter().enumerate() {
        for first in [number * 100, number * 100 + 10] {
            let name = format!("users_created-g1-00000-{first:020}-{:020}.parquet", first + 9);
            let key = Key::new(format!("raw/users/{place}/{name}")).unwrap();
            store.put(&key, "crumb".into()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn wrong_settings_stop_and_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let wrong =
        [("MILLRACE_DAYS", "0"), ("MILLRACE_MEMORY_BYTES", "1048576"), ("MILLRACE_BROKERS", "b:9092")];
    let error = function(folder.path(), &wrong)
        .invoke(asked(), instant("2026-02-04T00:30:00Z"), Deadline::never())
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Stop);
    let text = error.to_string();
    for name in ["MILLRACE_DAYS", "MILLRACE_MEMORY_BYTES", "MILLRACE_BROKERS is unknown"] {
        assert!(text.contains(name), "{text}");
    }
    let none = function(&folder.path().join("none"), &[]);
    let error = none.invoke(asked(), Utc::now(), Deadline::never()).await.unwrap_err();
    assert!(matches!(error, FunctionError::Lake(_)) && error.class() == Class::Stop, "{error}");
}

#[tokio::test]
async fn days_are_asked_for_or_those_before_the_start_and_open_hours_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::new(folder.path());
    let places = [
        "date=2026-01-27/hour=23",
        "date=2026-01-28/hour=00",
        "date=2026-02-03/hour=23",
        "date=2026-02-04/hour=00",
    ];
    lake_of_crumbs(&store, &places).await;
    let seen = async |request: &str, now: &str| -> u64 {
        let request: Request = serde_json::from_str(request).unwrap();
        let report: Report =
            function(folder.path(), &[]).invoke(request, instant(now), Deadline::never()).await.unwrap();
        assert!(report.done);
        report.tables.iter().map(|table| table.objects_before).sum()
    };
    assert_eq!(seen("{}", "2026-02-04T00:30:00Z").await, 4, "a week up to the day before the start");
    assert_eq!(seen(r#"{"as_of":"2026-02-04"}"#, "2026-02-04T00:59:59Z").await, 2, "an hour that is open");
    assert_eq!(seen(r#"{"as_of":"2026-02-04"}"#, "2026-02-04T01:00:00Z").await, 4);
    let started = r#"{"as_of":"2026-02-04","started_at":"2026-02-04T00:00:00Z"}"#;
    assert_eq!(seen(started, "2026-02-09T00:00:00Z").await, 2, "the start counts, and not the clock");
    assert!(serde_json::from_str::<Request>(r#"{"as-of":"2026-02-03"}"#).is_err());
}

#[tokio::test]
async fn what_cannot_be_merged_is_left_alone_and_stays_small() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::new(folder.path());
    lake_of_crumbs(&store, &["date=2026-02-03/hour=10"]).await;
    let function = function(folder.path(), &[]);
    let report = function.invoke(asked(), instant("2026-02-04T00:30:00Z"), Deadline::never()).await.unwrap();
    assert_eq!((report.done, report.small_objects, report.tables[0].left_alone), (true, 2, 1), "{report:?}");
    assert_eq!(told(&function, "small_objects"), Some(2.0));
    assert_eq!(store.list("raw/").await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_invocation_without_time_does_nothing_and_is_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::new(folder.path());
    lake_of_crumbs(&store, &["date=2026-02-03/hour=10"]).await;
    let function = function(folder.path(), &[]);
    // Less than what is kept for the last object; then less than what is kept for the answer.
    for left in [60, 5] {
        let deadline = Deadline::at(Instant::now() + Duration::from_secs(left));
        let report = function.invoke(asked(), instant("2026-02-04T00:30:00Z"), deadline).await.unwrap();
        assert_eq!((report.done, report.small_objects), (false, 2), "{left}: {report:?}");
        assert_eq!(told(&function, "small_objects"), Some(2.0));
    }
}

#[tokio::test]
async fn an_erasure_that_holds_the_table_is_waited_for_until_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::new(folder.path());
    lake_of_crumbs(&store, &["date=2026-02-03/hour=10"]).await;
    let erasing = store.lock(&millrace_lake::layout::raw_lock("users").unwrap()).await.unwrap();
    let function = function(folder.path(), &[("MILLRACE_WRITE_RESERVE_MS", "0")]);
    let deadline = Deadline::at(Instant::now() + Duration::from_millis(10_300));
    let report = function.invoke(asked(), instant("2026-02-04T00:30:00Z"), deadline).await.unwrap();
    assert_eq!((report.done, report.small_objects), (false, 2), "{report:?}");
    drop(erasing);
    let report = function.invoke(asked(), instant("2026-02-04T00:30:00Z"), Deadline::never()).await.unwrap();
    assert!(report.done, "{report:?}");
}
