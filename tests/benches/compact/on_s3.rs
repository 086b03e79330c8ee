//! The same on MiniStack, which speaks S3's protocol: objects are fetched there, and the bound of memory is at work.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use millrace_bench_report::Report;
use millrace_lake::{Store, lake_file};
use millrace_tests::emulator::make_bucket;

use crate::{contents, day, ours};

/// Where it is, as `cargo xtask bench compact` names it.
const MINISTACK: &str = "MILLRACE_TEST_MINISTACK";
/// It answers some hundred requests a second.
const OBJECTS: usize = 4_608;

pub(crate) fn run(report: &Report, folder: &Path, memory: u64) -> anyhow::Result<()> {
    let Ok(endpoint) = std::env::var(MINISTACK) else {
        report.note("skipped: compaction on S3: no MiniStack, MILLRACE_TEST_MINISTACK is not set; cargo xtask bench compact starts one");
        return Ok(());
    };
    let (local, back) = (folder.join("for-s3"), folder.join("of-s3"));
    day::make(&local, OBJECTS)?;
    let (before, expected) = contents::of(&local)?;
    let bucket = format!("compact-{}", std::process::id());
    make_bucket(&endpoint, &bucket)?;
    let address = format!("s3://{bucket}/lake");
    let environment = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    // Two children more: the environment of this process, which has threads, stays as it is.
    ours::child_with(ours::UPLOAD, &[&local.display().to_string(), &address], &environment)?;
    let run = ours::run(&address, memory, &environment)?;
    ours::child_with(ours::DOWNLOAD, &[&address, &back.display().to_string()], &environment)?;
    let (after, found) = contents::of(&back)?;
    ensure!(before as u64 == run.objects_before && after as u64 == run.objects_after, "{run:?}");
    ensure!(expected.into_values().eq(found.into_values()), "rows differ before and after on S3");
    report.note(&format!(
        "on MiniStack {before} objects became {after} in {:.0} s, {} MiB at most; rows are equal in all values",
        run.seconds,
        run.peak_rss_bytes >> 20
    ));
    Ok(())
}

/// Puts what is below a folder into a lake.
pub(crate) async fn upload(from: &Path, lake: &str) -> anyhow::Result<()> {
    let store = millrace_lake::open(lake).await?;
    lake_file::enter_or_create(store.as_ref()).await?;
    copy(&millrace_lake::open(&from.display().to_string()).await?, &store).await
}

/// The other way.
pub(crate) async fn download(lake: &str, to: &Path) -> anyhow::Result<()> {
    copy(&millrace_lake::open(lake).await?, &millrace_lake::open(&to.display().to_string()).await?).await
}

async fn copy(from: &Arc<dyn Store>, to: &Arc<dyn Store>) -> anyhow::Result<()> {
    let objects = from.list("raw/").await?;
    for some in objects.chunks(16) {
        let mut copies = tokio::task::JoinSet::new();
        for object in some {
            let (from, to, key) = (Arc::clone(from), Arc::clone(to), object.key.clone());
            copies.spawn(async move { to.put(&key, from.get(&key).await?).await });
        }
        while let Some(copied) = copies.join_next().await {
            copied?.with_context(|| format!("could not copy to {}", to.address()))?;
        }
    }
    Ok(())
}
