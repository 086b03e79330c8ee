//! `cargo xtask bench sql`: twelve questions of `millrace query`'s engine beside DuckDB's, over the same files in the same run.
//!
//! Answers are compared before anyone is timed. Both have the same threads and memory, and the files are in the system's cache. Ours
//! runs in this process, DuckDB in one Python process that tells its own seconds; each is asked in turn, and the medians count.

mod arguments;
mod engines;
mod events;
mod lakes;
mod questions;
mod starts;
mod users;
mod words;

use std::path::{Path, PathBuf};

use anyhow::Context;
use millrace_bench_report::{Measure, Report, median};
use millrace_sql::Limits;

use arguments::Arguments;
use engines::{Answered, DuckDb, Ours, check_equal};
use lakes::{Lake, Lakes};
use questions::{About, FIRST_ROWS, OVERLAPPING, QUESTIONS, Question};

/// No question may take longer than this many times DuckDB's time.
const WORST: f64 = 3.0;
/// And half of them no longer than this many.
const MEDIAN: f64 = 1.5;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::of(std::env::args().skip(1))?;
    let mut report = Report::new(arguments.json);
    let Some(python) = std::env::var_os("MILLRACE_PYTHON").map(PathBuf::from) else {
        report.note(
            "skipped: questions beside DuckDB: MILLRACE_PYTHON is not set; cargo xtask bench sql sets it",
        );
        return Ok(());
    };
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-sql");
    let lakes = Lakes::of(&scratch, &arguments)?;
    let limits = Limits { memory: arguments.memory, ..Limits::default() };
    let mut bench = Bench { arguments: &arguments, limits, python, slower: Vec::new() };
    report.note(&format!(
        "{} events, {} threads, {} MiB of memory, medians of {} rounds in turn; lakes in {}",
        arguments.events,
        bench.limits.threads,
        arguments.memory >> 20,
        arguments.rounds,
        scratch.display()
    ));
    let largest = lakes.by_users.last().context("a lake")?;
    for lake in &lakes.by_users {
        let is_of_lake =
            |question: &&Question| question.about != About::Events || lake.users == largest.users;
        bench.compare(&mut report, lake, QUESTIONS.iter().filter(is_of_lake), true)?;
    }
    if let Some(middle) = (!bench.slower.is_empty()).then(|| median(bench.slower.clone())) {
        report.add(Measure {
            name: "the question in the middle".to_owned(),
            ours: middle * 100.0,
            peer: 100.0,
            peer_name: format!("duckdb, {} measures", bench.slower.len()),
            unit: "% of DuckDB's time",
            ratio: 1.0 / middle,
            goal: 1.0 / MEDIAN,
        });
    }
    bench.compare(&mut report, &lakes.overlapping, [&OVERLAPPING].into_iter(), false)?;
    bench.compare(&mut report, largest, FIRST_ROWS.iter(), false)?;
    if arguments.only.is_empty() {
        starts::measure(&mut report, &lakes.small.path, &bench.python)?;
    }
    report.finish();
    Ok(())
}

struct Bench<'a> {
    arguments: &'a Arguments,
    limits: Limits,
    python: PathBuf,
    /// How many times DuckDB's time ours is, a measure.
    slower: Vec<f64>,
}

impl Bench<'_> {
    fn compare<'q>(
        &mut self,
        report: &mut Report,
        lake: &Lake,
        questions: impl Iterator<Item = &'q Question>,
        counted: bool,
    ) -> anyhow::Result<()> {
        let ours = Ours::over(&lake.path, &self.limits)?;
        let mut duckdb = DuckDb::over(&lake.path, &self.limits, &self.python)?;
        for question in questions.filter(|question| question.name.starts_with(&self.arguments.only)) {
            let theirs = question.theirs.unwrap_or(question.sql);
            // The rows without an order may be any.
            let (one, other) = (ours.ask(question.sql)?, duckdb.ask(theirs)?);
            match question.name.starts_with("first row") {
                true => anyhow::ensure!(one.rows.len() == other.rows.len(), "{}", question.name),
                false => check_equal(&one, &other)
                    .with_context(|| format!("{} is answered otherwise", question.name))?,
            }
            if self.arguments.explain {
                explain(report, &ours, question)?;
            }
            let (mut our_seconds, mut their_seconds) = (Vec::new(), Vec::new());
            for _ in 0..self.arguments.rounds {
                our_seconds.push(ours.ask(question.sql)?.seconds);
                their_seconds.push(duckdb.ask(theirs)?.seconds);
            }
            let (seconds, peer) = (median(our_seconds), median(their_seconds));
            let size = match question.about {
                About::Events => format!("{} M events", self.arguments.events as f64 / 1e6),
                About::Users | About::Both => format!("{} M users", lake.users as f64 / 1e6),
            };
            if counted {
                self.slower.push(seconds / peer);
            }
            eprintln!("{}, {size}: {seconds:.3} s beside {peer:.3} s", question.name);
            report.add(Measure {
                name: format!("{}, {size}", question.name),
                ours: seconds * 1e3,
                peer: peer * 1e3,
                peer_name: format!("DuckDB {}", duckdb.version),
                unit: "ms",
                ratio: peer / seconds,
                goal: 1.0 / WORST,
            });
        }
        Ok(())
    }
}

/// Prints the plan with what each part of it took.
fn explain(report: &Report, ours: &Ours, question: &Question) -> anyhow::Result<()> {
    let Answered { rows, .. } = ours.ask(&format!("EXPLAIN ANALYZE {}", question.sql))?;
    for cell in rows.iter().flatten().filter_map(|cell| cell.as_str()) {
        report.note(cell);
    }
    Ok(())
}
