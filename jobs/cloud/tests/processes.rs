//! The jobs as the processes that they are in the cloud: settings from the environment, an answer on standard output, a failure's class
//! by the exit code.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;
use std::process::{Command, Output};

use millrace_cloud_jobs::STOP;
use millrace_lake::{FolderStore, lake_file};

const JOBS: [&str; 3] = [
    env!("CARGO_BIN_EXE_raw-transformation"),
    env!("CARGO_BIN_EXE_analytics-aggregation"),
    env!("CARGO_BIN_EXE_time-series-analysis"),
];

fn run(job: &str, lake: &Path, more: &[(&str, &str)]) -> Output {
    let mut command = Command::new(job);
    command.env_clear().env("MILLRACE_LAKE", lake).env("MILLRACE_AS_OF", "2026-02-03");
    command.env("MILLRACE_SCRATCH", lake.with_extension("scratch"));
    command.envs(more.iter().copied()).output().unwrap()
}

#[tokio::test]
async fn a_day_of_an_empty_lake_is_made_by_three_processes() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    lake_file::enter_or_create(&FolderStore::new(&lake)).await.unwrap();
    for job in JOBS {
        let ended = run(job, &lake, &[]);
        let (told, said) = (String::from_utf8(ended.stdout).unwrap(), String::from_utf8_lossy(&ended.stderr));
        assert_eq!(ended.status.code(), Some(0), "{job}: {said}");
        // Behind the log, which is lines of JSON too.
        let answer: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        assert_eq!((&answer["as_of"], &answer["published"]), (&"2026-02-03".into(), &true.into()), "{told}");
    }
}

#[test]
fn what_no_retry_mends_ends_with_the_code_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for job in JOBS {
        // No lake, and a setting that nobody knows.
        for more in [&[][..], &[("MILLRACE_LAKES", "x")]] {
            let ended = run(job, &folder.path().join("none"), more);
            let said = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(i32::from(STOP)), "{job} {more:?}: {said}");
            assert!(said.contains("error: "), "{said}");
        }
    }
}

#[tokio::test]
async fn a_damaged_lake_is_told_by_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let store = FolderStore::new(&lake);
    lake_file::enter_or_create(&store).await.unwrap();
    std::fs::write(lake.join(lake_file::LAKE_FILE), "{").unwrap();
    let ended = run(JOBS[0], &lake, &[]);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(i32::from(STOP)) && said.contains(lake_file::LAKE_FILE), "{said}");
}
