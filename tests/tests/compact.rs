//! `millrace compact` beside whoever reads by source position, killed and whole: each row is there once at every moment.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use millrace_events::batch::{SourcePartition, UserBatchBuilder};
use millrace_events::decode::Value;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_jobs::job_settings::{JobSettings, RunContext};
use millrace_jobs::raw_transformation;
use millrace_lake::raw_object_writer::RawObject;
use millrace_lake::{FolderStore, RawObjectName, Store, TopicGeneration};
use millrace_sql::{Cell, Session};
use millrace_tests::program::{Ended, binary, query_count};
use millrace_tests::whole_lake;

const DAY: &str = "1970-01-01";
/// Rows of a small object.
const ROWS: i64 = 50;

/// Lands the rows of the offsets `first` to `last`, each a user of its own.
async fn land(store: &dyn Store, first: i64, last: i64) -> Result<()> {
    let source = SourcePartition { topic: "users_created".into(), generation: "g1".into(), partition: 0 };
    let mut rows = UserBatchBuilder::new(source, usize::try_from(last - first + 1)?);
    for offset in first..=last {
        let json =
            format!(r#"{{"id":"user-{offset:06}","email":"{offset}@example.com","nationality":"DK"}}"#);
        rows.push(
            &Value { bytes: Some(json.as_bytes()), ..Value::default() },
            Offset(offset),
            Micros(offset),
        )?;
    }
    let mut object = RawObject::new(millrace_events::raw_schema::users())?;
    object.write(&rows.finish(Micros(0))?)?;
    let (first, last) = (Offset(first), Offset(last));
    let name = RawObjectName::new("users_created", TopicGeneration::new("g1")?, 0, first, last)?;
    store.put(&name.key("users", Micros(0))?, object.finish()?.into()).await?;
    Ok(())
}

fn compact(lake: &Path, more: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.args(["compact", "--json", "--lake"]).arg(lake).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// Asks for `sql`, an answer of one row of integers.
fn integers(session: &Session, sql: &str) -> Result<Vec<i128>> {
    let mut integers = Vec::new();
    for batch in session.query(sql)? {
        for row in batch?.rows() {
            for cell in row {
                match cell {
                    Cell::Int(number) => integers.push(number),
                    Cell::Null => integers.push(0),
                    other => bail!("{other:?} is no integer"),
                }
            }
        }
    }
    Ok(integers)
}

/// Queries until `done`; each must see the first rows, each once, and at least those that had landed before. Answers how many
/// there were.
fn query(lake: &Path, landed: &AtomicI64, done: &AtomicBool) -> Result<usize> {
    let session = Session::open(lake)?;
    let mut queries = 0;
    while !done.load(Ordering::SeqCst) {
        let before = i128::from(landed.load(Ordering::SeqCst));
        let sql = "SELECT COUNT(*) AS n, COUNT(DISTINCT _offset) AS d, SUM(_offset) AS s FROM raw_users";
        let answer = integers(&session, sql)?;
        let [rows, distinct, sum] = answer[..] else { bail!("{answer:?}") };
        ensure!(rows == distinct && rows >= before, "{rows} rows, {distinct} positions, {before} landed");
        ensure!(sum == (0..rows).sum::<i128>(), "{rows} rows, but not the first ones");

        let before = i128::from(landed.load(Ordering::SeqCst));
        let mut offsets = integers(&session, "SELECT _offset FROM raw_users")?;
        offsets.sort_unstable();
        ensure!(
            offsets.iter().copied().eq(0..offsets.len() as i128),
            "a streamed answer has not each row once"
        );
        ensure!(offsets.len() as i128 >= before);
        queries += 2;
    }
    Ok(queries)
}

/// Runs the job until `done`; answers how often.
async fn work(store: Arc<dyn Store>, scratch: &Path, landed: &AtomicI64, done: &AtomicBool) -> Result<usize> {
    let settings = JobSettings { memory_bytes: 64 << 20, scratch_dir: scratch.to_owned() };
    let mut runs = 0;
    while !done.load(Ordering::SeqCst) {
        runs += 1;
        let before = u64::try_from(landed.load(Ordering::SeqCst))?;
        let ctx = RunContext { as_of: DAY.parse()?, started_at: Micros(i64::try_from(runs)?) };
        let report = raw_transformation::run(store.clone(), &ctx, &settings, &|_| ()).await?;
        ensure!(report.users >= before, "{} users of {before} rows", report.users);
        ensure!(report.raw_rows_by_position == report.users && report.published);
    }
    Ok(runs)
}

/// A lake that grows while it is compacted, some of the compactions killed.
struct Beside {
    store: FolderStore,
    landed: Arc<AtomicI64>,
    done: Arc<AtomicBool>,
}

impl Beside {
    async fn new(lake: &Path) -> Result<Self> {
        let store = FolderStore::new(lake);
        for round in 0..100 {
            land(&store, round * ROWS, round * ROWS + ROWS - 1).await?;
        }
        let landed = Arc::new(AtomicI64::new(100 * ROWS));
        Ok(Self { store, landed, done: Arc::new(AtomicBool::new(false)) })
    }

    /// Lands and compacts until all is landed or `over`, then says that it is done.
    async fn go_on(&self, over: impl Fn() -> bool) -> Result<()> {
        let result = self.grow(over).await;
        self.done.store(true, Ordering::SeqCst);
        let (whole, killed) = result?;
        println!("{whole} whole compactions, {killed} that were to be killed");
        ensure!(whole > 0, "no compaction came to its end");
        Ok(())
    }

    async fn grow(&self, over: impl Fn() -> bool) -> Result<(usize, usize)> {
        let (mut whole, mut killed) = (0, 0);
        for round in 100..160 {
            // Some batches come again, cut otherwise.
            let first = round * ROWS - if round % 5 == 0 { ROWS / 2 } else { 0 };
            land(&self.store, first, round * ROWS + ROWS - 1).await?;
            self.landed.store((round + 1) * ROWS, Ordering::SeqCst);
            if round % 3 == 0 {
                let mut compacting = compact(self.store.root(), &[])?.spawn()?;
                if round % 2 == 0 {
                    std::thread::sleep(Duration::from_millis(u64::try_from(round)? % 40));
                    compacting.kill()?;
                    killed += 1;
                }
                let ended = Ended::from(compacting.wait_with_output()?);
                ensure!(ended.code.is_none() || ended.code == Some(0), "{}", ended.stderr);
                whole += usize::from(ended.code == Some(0));
            }
            if over() {
                break;
            }
        }
        Ok((whole, killed))
    }

    /// What one more compaction makes of it.
    fn check(&self) -> Result<()> {
        let lake = self.store.root();
        let ended = Ended::of(compact(lake, &[])?)?;
        ensure!(ended.code == Some(0), "{}", ended.stderr);
        ensure!(whole_lake::raw_objects(lake)?.len() == 1, "small objects are left");
        ensure!(query_count(lake, "SELECT COUNT(*) FROM raw_users")? == 160 * ROWS as u64);
        whole_lake::check_whole(lake)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn queries_beside_compactions_see_each_row_once() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let beside = Beside::new(lake.path()).await?;
    let (root, landed, done) = (lake.path().to_owned(), Arc::clone(&beside.landed), Arc::clone(&beside.done));
    let querying = std::thread::spawn(move || query(&root, &landed, &done));
    beside.go_on(|| querying.is_finished()).await?;
    let queries = querying.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
    println!("{queries} queries");
    ensure!(queries > 2, "nobody read beside");
    beside.check()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn jobs_beside_compactions_see_each_row_once() -> Result<()> {
    let (lake, scratch) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let beside = Beside::new(lake.path()).await?;
    let (landed, done) = (Arc::clone(&beside.landed), Arc::clone(&beside.done));
    let store: Arc<dyn Store> = Arc::new(beside.store.clone());
    let folder = scratch.path().to_owned();
    let working = tokio::spawn(async move { work(store, &folder, &landed, &done).await });
    beside.go_on(|| working.is_finished()).await?;
    let runs = working.await??;
    println!("{runs} runs of the job");
    ensure!(runs > 1, "no job ran beside");
    beside.check()
}

#[tokio::test]
async fn it_tells_what_it_did_and_a_dry_run_what_it_would() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let store = FolderStore::new(lake.path());
    for round in 0..5 {
        land(&store, round * ROWS, round * ROWS + ROWS - 1).await?;
    }
    for (more, objects) in [(&["--dry-run"][..], 5), (&["--min-objects", "6"], 5), (&[], 1)] {
        let ended = Ended::of(compact(lake.path(), more)?)?;
        let told = ended.summary(0)?.0;
        ensure!(told["before"]["objects"] == 5, "{told}");
        ensure!(whole_lake::raw_objects(lake.path())?.len() == objects, "{more:?}: {told}");
        if more != ["--min-objects", "6"] {
            ensure!(told["after"]["objects"] == 1 && told["removed"] == 5, "{told}");
        }
    }
    let ended = Ended::of(compact(&lake.path().join("none"), &[])?)?;
    ended.refusal(1, &["there is no lake", "--lake"])?;
    let ended = Ended::of(compact(lake.path(), &["--target-size", "small"])?)?;
    ended.refusal(2, &["128MiB"])?;
    let plain = Command::new(binary()?).args(["compact", "--lake"]).arg(lake.path()).output()?;
    let said = Ended::from(plain);
    let line = said.stdout.lines().next().context("nothing was told")?;
    ensure!(line.starts_with("raw/users: 1 objects ("), "{line}");
    Ok(())
}
