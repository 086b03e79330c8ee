//! A full disk and a read-only one, on a tmpfs of its own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use millrace_events::failure::{Class, Classified};
use millrace_events::position::Offset;
use millrace_lake::dead_letter_file::DeadLetterFile;
use millrace_lake::dead_letter_line::DeadLetter;
use millrace_lake::{FolderStore, Key, Store, TopicGeneration};
use millrace_skips::skipped;

/// Set in the child that has a mount namespace of its own.
const CHILD: &str = "LAKE_SMALL_DISK_CHILD";

fn mount(options: &str, folder: &Path) -> bool {
    let output = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder).output();
    output.is_ok_and(|output| output.status.success())
}

/// Unmounts when the test ends, however it ends.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        mount("size=1m", folder.path()).then(|| Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

/// Runs this test again in a user and mount namespace, where one who is not root may mount.
fn in_a_namespace() -> bool {
    let executable = std::env::current_exe().unwrap();
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(executable)
        .args(["--exact", "a_full_and_a_read_only_disk", "--nocapture"])
        .env(CHILD, "1")
        .output();
    let Ok(output) = output else { return false };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    // Without the test's own line it was unshare that failed.
    assert!(output.status.success() || !said.contains("running 1 test"), "{said}");
    output.status.success() && !said.contains("no mount here")
}

#[tokio::test]
async fn a_full_and_a_read_only_disk() {
    let Some(disk) = SmallDisk::mount() else {
        if std::env::var_os(CHILD).is_some() {
            println!("no mount here");
        } else if !in_a_namespace() {
            skipped("lake on a small disk", "mounting a tmpfs needs root or user namespaces");
        }
        return;
    };
    let lake = disk.0.path().join("lake");
    let store = FolderStore::new(&lake);
    let (small, large) = (Key::new("raw/small").unwrap(), Key::new("raw/large").unwrap());
    store.put(&small, Bytes::from_static(b"kept")).await.unwrap();

    let error = store.put(&large, Bytes::from(vec![0; 2 << 20])).await.unwrap_err();
    assert_eq!(error.class(), Class::Stop);
    assert!(
        error.to_string().contains("raw/large") && error.to_string().contains("the disk is full"),
        "{error}"
    );
    let mut writer = store.writer(&large).await.unwrap();
    let error = writer.write(Bytes::from(vec![0; 2 << 20])).await.unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    let error = writer.finish().await.unwrap_err();
    assert!(error.to_string().contains("an earlier write"), "{error}");
    assert_eq!(
        std::fs::read_dir(lake.join("raw")).unwrap().count(),
        1,
        "a failed write leaves something behind"
    );

    dead_letters(&lake).await;

    assert!(mount("remount,ro", disk.0.path()));
    for error in [
        store.put(&small, Bytes::new()).await.unwrap_err(),
        store.delete(&small).await.unwrap_err(),
        store.lock(&Key::new("jobs/a").unwrap()).await.unwrap_err(),
    ] {
        assert_eq!(error.class(), Class::Stop);
        assert!(error.to_string().contains("read-only"), "{error}");
    }
    assert_eq!(store.get(&small).await.unwrap(), "kept");
    assert_eq!(store.sweep().await.unwrap(), 0, "a clean lake can be swept even so");
}

async fn dead_letters(lake: &Path) {
    let letter = |offset, size| {
        let (offset, value) = (Offset(offset), Some(vec![0; size]));
        DeadLetter { offset, value, ..DeadLetter::default() }
    };
    let generation = TopicGeneration::new("0001").unwrap();
    let mut file = DeadLetterFile::create(lake, "t.dlq", &generation).await.unwrap();
    file.append(&[letter(0, 10)]).await.unwrap();
    let error = file.append(&[letter(1, 10), letter(2, 2 << 20)]).await.unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    file.append(&[letter(3, 10)]).await.unwrap();
    assert_eq!(file.finish().await.unwrap(), 2);
    let text = std::fs::read_to_string(lake.join("_dead_letters/t.dlq/0001.jsonl")).unwrap();
    let kept = text.lines().map(|line| DeadLetter::from_line(line).unwrap().offset);
    assert_eq!(kept.collect::<Vec<_>>(), [Offset(0), Offset(3)]);
}
