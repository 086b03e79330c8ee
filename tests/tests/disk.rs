//! A full disk and a read-only one under a run: a clear error, nothing lost, and the next run goes well.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use millrace_skips::skipped;
use millrace_tests::program::{DAY, Ended, simulate};
use millrace_tests::{letters, tables, whole_lake};

/// Set in the child that has a mount namespace of its own.
const CHILD: &str = "MILLRACE_TESTS_SMALL_DISK_CHILD";
const SIZE: u64 = 8 << 20;
const FAULTY: [&str; 2] = ["--broken", "2%"];

fn mount(options: &str, folder: &Path) -> bool {
    let output = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder).output();
    output.is_ok_and(|output| output.status.success())
}

/// A tmpfs that is unmounted when the test ends, however it ends.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        Ok(mount(&format!("size={SIZE}"), folder.path()).then(|| Self(folder)))
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }

    /// Fills the disk but for `left` bytes.
    fn fill(&self, left: u64) -> Result<()> {
        let mut ballast = std::fs::File::create(self.ballast())?;
        let page = [0; 4096];
        while std::io::Write::write_all(&mut ballast, &page).is_ok() {}
        Ok(ballast.set_len((ballast.metadata()?.len()).saturating_sub(left))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

/// Runs this test again in a user and mount namespace, where one who is not root may mount.
fn in_a_namespace() -> Result<bool> {
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(std::env::current_exe()?)
        .args(["--exact", "a_full_and_a_read_only_disk", "--nocapture"])
        .env(CHILD, "1")
        .output();
    let Ok(output) = output else { return Ok(false) };
    let ended = Ended::from(output);
    // Without the test's own line it was unshare that failed.
    ensure!(ended.code == Some(0) || !ended.stdout.contains("running 1 test"), "{ended:?}");
    Ok(ended.code == Some(0) && !ended.stdout.contains("no mount here"))
}

/// What was acknowledged: raw objects and tables, byte for byte.
fn kept(lake: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let tables = ["users_transformed", "data_quality_summary"].map(|table| tables::curated(lake, table, DAY));
    let files = whole_lake::raw_objects(lake)?.into_iter().chain(tables);
    files.map(|path| Ok((path.clone(), std::fs::read(&path)?))).collect()
}

#[test]
fn a_full_and_a_read_only_disk() -> Result<()> {
    let Some(disk) = SmallDisk::mount()? else {
        if std::env::var_os(CHILD).is_some() {
            println!("no mount here");
        } else if !in_a_namespace()? {
            skipped("run on a small disk", "mounting a tmpfs needs root or user namespaces");
        }
        return Ok(());
    };
    let lake = disk.0.path().join("lake");
    let run = |users, seed| Ended::of(simulate(&lake, users, seed, &FAULTY)?);
    let first = run(500, 1)?.summary(0)?;
    let mut letters_before = first.count("rejected")? as usize;

    // Nothing can be written; the first objects can; the raw ones can, but not their table.
    for (seed, left) in [(2, 0), (3, 96 << 10), (4, 480 << 10)] {
        let before = kept(&lake)?;
        disk.fill(left)?;
        run(2_000, seed)?
            .refusal(1, &["the disk is full"])
            .with_context(|| format!("{left} bytes are left"))?;
        let after = kept(&lake)?;
        for (path, bytes) in &before {
            ensure!(after.get(path) == Some(bytes), "{} changed on the full disk", path.display());
        }
        if left > 400 << 10 {
            ensure!(after.len() == before.len() + 6, "the raw objects had room");
        }
        whole_lake::check_whole(&lake)?;
        std::fs::remove_file(disk.ballast())?;
    }
    let again = run(2_000, 5)?.summary(0)?;
    again.check_hops()?;
    again.check_tables()?;
    whole_lake::check(&lake, DAY)?;
    letters_before += again.count("rejected")? as usize;
    let letters = letters::all(&lake)?.len();
    ensure!(letters >= letters_before, "{letters} dead letters are left of {letters_before}");

    let before = kept(&lake)?;
    ensure!(mount("remount,ro", disk.0.path()));
    run(500, 6)?.refusal(1, &["read-only"])?;
    ensure!(kept(&lake)? == before);
    whole_lake::check(&lake, DAY)
}
