//! What jobs publish is what the lake's Iceberg tables hold: whoever dies at any call, whoever runs beside.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[allow(dead_code, reason = "other tests fail calls by it")]
#[path = "support/hooked_store.rs"]
mod hooked_store;
#[path = "support/raw_rows.rs"]
mod raw_rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use hooked_store::{Answer, Hooked};
use millrace_events::instant::Micros;
use millrace_iceberg::{Catalogue, LakeTables, Orphans, Removal};
use millrace_jobs::iceberg_adoption::adopt;
use millrace_jobs::iceberg_tables::Lake;
use millrace_jobs::job_error::JobError;
use millrace_jobs::job_settings::{JobSettings, RunContext};
use millrace_jobs::publish::published;
use millrace_jobs::{analytics_aggregation, raw_transformation, time_series_analysis};
use millrace_lake::FolderStore;
use millrace_lake::faulty_store::{FaultPoint, FaultyStore, InjectedFault};
use millrace_lake::layout::{Layer, partition_key};
use millrace_lake::memory_store::MemoryStore;
use millrace_lake::store::Store;
use millrace_tables::tables;
use raw_rows::{RawRow, batch, put};

const DAY: i64 = 86_400_000_000;
/// 2024-03-01.
const FIRST: i64 = 19_783 * DAY;
const DEATHS: usize = 500;

fn run_of(day: &str, started: i64) -> RunContext {
    RunContext { as_of: day.parse::<NaiveDate>().unwrap(), started_at: Micros(FIRST + started) }
}

async fn land(store: &dyn Store, from: i64, to: i64) {
    let rows: Vec<RawRow> = (from..to)
        .map(|offset| {
            RawRow::at("g1", 0, offset)
                .text("user_id", format!("user {offset}"))
                .text("email", format!("{offset}@example.com"))
                .number("_timestamp", FIRST + offset)
        })
        .collect();
    put(store, &format!("users-g1-0-{from:020}-{to:020}"), &batch(&rows)).await;
}

async fn transform(store: Arc<dyn Store>, run: &RunContext) -> Result<bool, JobError> {
    let scratch = tempfile::tempdir().unwrap();
    let settings = JobSettings { memory_bytes: 64 << 20, scratch_dir: scratch.path().to_owned() };
    Ok(raw_transformation::run(store, run, &settings, &|_| {}).await?.published)
}

async fn all_jobs(store: &Arc<dyn Store>, run: &RunContext) {
    transform(Arc::clone(store), run).await.unwrap();
    analytics_aggregation::run(Arc::clone(store), run, &|_| {}).await.unwrap();
    time_series_analysis::run(Arc::clone(store), run, &|_| {}).await.unwrap();
}

/// The same objects in a store of their own.
async fn copied(lake: &MemoryStore) -> MemoryStore {
    let copy = MemoryStore::new();
    for object in lake.list("").await.unwrap() {
        copy.put(&object.key, lake.get(&object.key).await.unwrap()).await.unwrap();
    }
    copy
}

type Days = BTreeMap<(String, NaiveDate), Bytes>;

/// The bytes of each day of each table, as they are published.
async fn plain(store: &dyn Store, days: &[&str]) -> Days {
    let mut found = Days::new();
    for table in tables().iter().filter(|table| table.layer != Layer::Raw) {
        for day in days.iter().map(|day| day.parse().unwrap()) {
            let key = partition_key(table.layer, table.folder, day).unwrap();
            match store.get(&key).await {
                Ok(body) => drop(found.insert((table.name(), day), body)),
                Err(error) => assert!(error.is_not_found(), "{error}"),
            }
        }
    }
    found
}

/// The same, as Iceberg's readers find them now. No day has more than one file.
async fn iceberg(store: &Arc<dyn Store>) -> Days {
    let lake = LakeTables::find(store, None).await.unwrap().expect("a lake with Iceberg tables");
    let mut found = Days::new();
    for table in tables().iter().filter(|table| table.layer != Layer::Raw) {
        let table = lake.table(&table.name()).unwrap();
        let Ok(current) = table.load().await else { continue };
        let Some(snapshot) = current.metadata.current_snapshot() else { continue };
        for file in table.data_files(&current.metadata, snapshot).await.unwrap() {
            let day = NaiveDate::default() + chrono::Duration::days(i64::from(file.day.unwrap()));
            let body = store.get(&lake.warehouse().key(&file.location).unwrap()).await.unwrap();
            let before = found.insert((table.name().to_owned(), day), body);
            assert!(before.is_none(), "{} has two files of {day}", table.name());
        }
    }
    found
}

/// Nothing is left behind that nobody names, once what is unnamed has been removed.
async fn assert_clean(store: &Arc<dyn Store>, what: &str) {
    let lake = LakeTables::find(store, None).await.unwrap().unwrap();
    let late: DateTime<Utc> = Utc::now() + chrono::Duration::days(365_000);
    for table in tables().iter().filter(|table| table.layer != Layer::Raw) {
        let table = lake.table(&table.name()).unwrap();
        if table.load().await.is_err() {
            continue;
        }
        table.remove_orphans(late, Removal::Remove).await.unwrap();
        let left = table.remove_orphans(late, Removal::DryRun).await.unwrap();
        assert_eq!(left, Orphans::default(), "{what}: {}", table.name());
    }
}

/// An adopted lake with a day, and raw rows that came since.
async fn adopted() -> MemoryStore {
    let lake = MemoryStore::new();
    land(&lake, 0, 20).await;
    let store: Arc<dyn Store> = Arc::new(lake.clone());
    transform(Arc::clone(&store), &run_of("2024-03-01", 1)).await.unwrap();
    adopt(&store.into(), Catalogue::Files, &|_| ()).await.unwrap();
    land(&lake, 20, 30).await;
    lake
}

#[tokio::test]
async fn each_job_commits_what_it_publishes_and_its_record_names_the_snapshots() {
    let lake = adopted().await;
    let store: Arc<dyn Store> = Arc::new(lake.clone());
    let days = ["2024-03-01", "2024-03-02"];
    for (at, day) in days.into_iter().enumerate() {
        all_jobs(&store, &run_of(day, at as i64 + 2)).await;
    }
    let published_now = plain(&lake, &days).await;
    assert_eq!(published_now.len(), 34);
    assert!(iceberg(&store).await == published_now, "a day differs");
    let record = published(&lake, "analytics-aggregation", days[1].parse().unwrap()).await.unwrap().unwrap();
    let tables = LakeTables::find(&store, None).await.unwrap().unwrap();
    for report in &record.tables {
        let current = tables.table(&report.name).unwrap().load().await.unwrap().metadata.current_snapshot_id;
        assert!(current.is_some() && report.iceberg_snapshot == current, "{report:?}");
    }
    assert_clean(&store, "nobody died").await;
    assert!(iceberg(&store).await == published_now, "cleaning took a day");
}

#[tokio::test]
async fn who_dies_at_any_call_leaves_days_from_before_or_after_and_the_next_run_makes_them_whole() {
    let day = ["2024-03-01"];
    let begun = adopted().await;
    let before = iceberg(&(Arc::new(begun.clone()) as Arc<dyn Store>)).await;
    let after = {
        let store: Arc<dyn Store> = Arc::new(copied(&begun).await);
        transform(Arc::clone(&store), &run_of(day[0], 2)).await.unwrap();
        iceberg(&store).await
    };
    assert!(before != after);
    let mut deaths = 0;
    for point in [FaultPoint::Put, FaultPoint::Get, FaultPoint::List, FaultPoint::Finish] {
        for faults in [vec![InjectedFault::Stop; DEATHS], vec![InjectedFault::RetryAfterDone]] {
            for nth in 0.. {
                let lake = copied(&begun).await;
                let faulty = FaultyStore::new(lake.clone());
                faulty.script(point, std::iter::repeat_n(InjectedFault::Pass, nth));
                faulty.script(point, faults.iter().copied());
                let dying: Arc<dyn Store> = Arc::new(faulty.clone());
                let _ = transform(dying, &run_of(day[0], 2)).await;
                if faulty.unmet() >= faults.len() {
                    break;
                }
                deaths += 1;
                let what = format!("{point:?} {nth}, {} faults", faults.len());
                let store: Arc<dyn Store> = Arc::new(lake.clone());
                for (table, body) in iceberg(&store).await {
                    let known = [&before, &after].map(|days| days.get(&table) == Some(&body));
                    assert!(known.contains(&true), "{what}: {table:?} is neither before nor after");
                }
                assert!(transform(Arc::clone(&store), &run_of(day[0], 3)).await.unwrap(), "{what}");
                let published_now = plain(&lake, &day).await;
                assert!(iceberg(&store).await == published_now, "{what}: Iceberg is not what is published");
                assert_clean(&store, &what).await;
                assert!(iceberg(&store).await == published_now, "{what}: cleaning took a day");
            }
        }
    }
    assert!(deaths > 40, "only {deaths} deaths");
}

/// The job looks for Iceberg tables before it publishes; the lake gets them when the first of its files is about to appear.
#[tokio::test]
async fn an_adoption_beside_a_job_that_publishes_misses_nothing() {
    let day = ["2024-03-01"];
    let lake = MemoryStore::new();
    land(&lake, 0, 20).await;
    transform(Arc::new(lake.clone()), &run_of(day[0], 1)).await.unwrap();
    let copy = copied(&lake).await;
    adopt(&(Arc::new(copy.clone()) as Arc<dyn Store>).into(), Catalogue::Files, &|_| ()).await.unwrap();
    let mut adopting = Vec::new();
    for object in copy.list("iceberg/").await.unwrap() {
        adopting.push((object.key.clone(), Some(copy.get(&object.key).await.unwrap())));
    }
    land(&lake, 20, 30).await;
    let hooked = Hooked::asking(Arc::new(lake.clone()), move |call, key| match call {
        "finish" if key.starts_with("curated/") => Answer::Change(std::mem::take(&mut adopting)),
        _ => Answer::Pass,
    });
    transform(hooked, &run_of(day[0], 2)).await.unwrap();
    assert!(iceberg(&(Arc::new(lake.clone()) as Arc<dyn Store>)).await == plain(&lake, &day).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_several_days_and_an_adoption_at_once_all_stand() {
    for round in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(FolderStore::new(folder.path()));
        land(store.as_ref(), 0, 20).await;
        transform(Arc::clone(&store), &run_of("2024-03-01", 1)).await.unwrap();
        land(store.as_ref(), 20, 30).await;
        let days = ["2024-03-01", "2024-03-02", "2024-03-03"];
        // Of the first day two runs, of which the later-started wins whoever comes first.
        let runs = [(days[0], 5), (days[0], 6), (days[1], 2), (days[2], 3)];
        let jobs = runs.map(|(day, started)| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { transform(store, &run_of(day, started)).await })
        });
        let lake = Lake::from(Arc::clone(&store));
        let adopting = tokio::spawn(async move { adopt(&lake, Catalogue::Files, &|_| ()).await });
        adopting.await.unwrap().unwrap();
        for job in jobs {
            job.await.unwrap().unwrap();
        }
        let published_now = plain(store.as_ref(), &days).await;
        assert_eq!(published_now.len(), 6);
        assert!(iceberg(&store).await == published_now, "round {round}");
        let record = published(store.as_ref(), "raw-transformation", days[0].parse().unwrap()).await;
        assert_eq!(record.unwrap().unwrap().started_at, Micros(FIRST + 6));
    }
}
