//! What a killed process leaves behind: a child of this test is killed at its work, and the lake is looked at.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use bytes::Bytes;
use millrace_events::position::Offset;
use millrace_lake::dead_letter_file::DeadLetterFile;
use millrace_lake::dead_letter_line::DeadLetter;
use millrace_lake::{FolderStore, Key, Store, TopicGeneration};

/// Names the child's work and its lake.
const WORK: &str = "LAKE_CRASH_WORK";
const LAKE: &str = "LAKE_CRASH_LAKE";
const SIZE: usize = 400_000;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// Not a test of its own: what the child process does, until it is killed.
#[tokio::test]
async fn child() {
    let (Ok(work), Ok(lake)) = (std::env::var(WORK), std::env::var(LAKE)) else { return };
    let store = FolderStore::new(&lake);
    match work.as_str() {
        "object" => {
            let mut writer = store.writer(&key("raw/a/object.parquet")).await.unwrap();
            writer.write(Bytes::from(vec![1; SIZE])).await.unwrap();
            eprintln!("half");
            std::future::pending::<()>().await;
        }
        "objects" => {
            for version in 0_u8.. {
                eprintln!("{version}");
                store.put(&key("raw/a/object.parquet"), Bytes::from(vec![version; SIZE])).await.unwrap();
            }
        }
        "letters" => {
            let generation = TopicGeneration::new("0001").unwrap();
            let mut file = DeadLetterFile::create(Path::new(&lake), "t.dlq", &generation).await.unwrap();
            for offset in 0.. {
                let value = Some(vec![b'x'; 10_000]);
                let letter = DeadLetter { offset: Offset(offset), value, ..DeadLetter::default() };
                file.append(&[letter]).await.unwrap();
                eprintln!("{offset}");
            }
        }
        "lock" => {
            let _lock = store.lock(&key("jobs/a")).await.unwrap();
            eprintln!("locked");
            std::future::pending::<()>().await;
        }
        other => panic!("no such work: {other}"),
    }
}

struct Working {
    child: Child,
    said: Lines<BufReader<ChildStderr>>,
}

impl Working {
    fn start(work: &str, lake: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .envs([(WORK, work), (LAKE, lake.to_str().unwrap())])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, said }
    }

    fn hear(&mut self) -> String {
        self.said.next().expect("the child ended by itself").unwrap()
    }

    /// Kills it with SIGKILL and answers the last it said.
    fn kill(mut self) -> Option<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.said.map_while(Result::ok).last()
    }
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, |entries| entries.count())
}

#[tokio::test]
async fn a_killed_writer_leaves_a_leftover_that_only_its_death_lets_go() {
    let lake = tempfile::tempdir().unwrap();
    let store = FolderStore::new(lake.path());
    let mut working = Working::start("object", lake.path());
    assert_eq!(working.hear(), "half");
    assert_eq!(store.sweep().await.unwrap(), 0, "the child lives");
    assert_eq!(files(&lake.path().join("raw/a")), 1);
    working.kill();
    assert!(store.list("").await.unwrap().is_empty(), "half an object is seen");
    assert_eq!(store.sweep().await.unwrap(), 1);
    assert_eq!(files(&lake.path().join("raw/a")), 0);
}

#[tokio::test]
async fn an_object_is_whole_whenever_its_writer_is_killed() {
    let lake = tempfile::tempdir().unwrap();
    let store = FolderStore::new(lake.path());
    for round in 0..12 {
        let mut working = Working::start("objects", lake.path());
        // Another number of writes each round, so that the kill meets another moment of one.
        for _ in 0..=round {
            working.hear();
        }
        working.kill();
        match store.get(&key("raw/a/object.parquet")).await {
            Ok(body) => {
                assert_eq!(body.len(), SIZE);
                assert!(body.iter().all(|byte| *byte == body[0]));
            }
            Err(error) => assert!(error.is_not_found() && round == 0, "{error}"),
        }
        store.sweep().await.unwrap();
        assert!(files(&lake.path().join("raw/a")) <= 1, "a leftover stays");
    }
}

#[tokio::test]
async fn no_acknowledged_letter_is_lost_with_its_process() {
    let lake = tempfile::tempdir().unwrap();
    let store = FolderStore::new(lake.path());
    let mut expected = Vec::new();
    for round in 0..10 {
        let mut working = Working::start("letters", lake.path());
        let mut acknowledged: i64 = working.hear().parse().unwrap();
        for _ in 0..round {
            acknowledged = working.hear().parse().unwrap();
        }
        if let Some(last) = working.kill() {
            acknowledged = last.parse().unwrap();
        }
        assert_eq!(store.sweep().await.unwrap(), 1);
        let text = std::fs::read_to_string(lake.path().join("_dead_letters/t.dlq/0001.jsonl")).unwrap();
        let kept = text.lines().map(|line| DeadLetter::from_line(line).unwrap().offset.get());
        let kept: Vec<i64> = kept.collect();
        // One more may have been written whole and its answer not told.
        let new = &kept[expected.len()..];
        assert!(new.len() as i64 > acknowledged, "acknowledged up to {acknowledged}, kept {new:?}");
        assert_eq!(new, (0..new.len() as i64).collect::<Vec<_>>());
        assert_eq!(kept[..expected.len()], expected);
        expected = kept;
    }
    assert_eq!(files(&lake.path().join("_dead_letters/t.dlq")), 1);
}

#[tokio::test]
async fn a_killed_holder_lets_its_lock_go() {
    let lake = tempfile::tempdir().unwrap();
    let store = FolderStore::new(lake.path());
    let mut working = Working::start("lock", lake.path());
    assert_eq!(working.hear(), "locked");
    let waiting = tokio::spawn(async move { store.lock(&key("jobs/a")).await.map(drop) });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    working.kill();
    waiting.await.unwrap().unwrap();
}
