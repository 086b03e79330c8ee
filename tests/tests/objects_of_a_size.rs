//! docs/deploy.md's table of objects and dollars by traffic and window is what its formula gives, with the defaults of Terraform and of
//! the topics' contract.
#![allow(clippy::unwrap_used, reason = "a test may")]

use anyhow::{Context, Result, ensure};
use millrace_bench_report::prices;

const TOPICS: f64 = 4.0;
const PARTITIONS: f64 = 6.0;
const BATCH: f64 = 6_000.0;
const SECONDS_A_DAY: f64 = 86_400.0;
const HOURS: f64 = 24.0;

/// Requests that cost as much as a PUT, for each object that a compaction writes.
const WRITES_AN_OBJECT: f64 = 4.0;

fn text(path: &str) -> Result<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    std::fs::read_to_string(format!("{root}/{path}")).with_context(|| format!("could not read {path}"))
}

/// Objects that land in a day.
fn objects(records_a_second: f64, window: f64) -> f64 {
    let rate = records_a_second / TOPICS;
    let seconds = window.min(BATCH / rate);
    TOPICS * SECONDS_A_DAY / seconds * PARTITIONS.min(rate * seconds)
}

fn row(records_a_second: u32, window: u32) -> String {
    let landed = objects(f64::from(records_a_second), f64::from(window));
    let after = TOPICS * PARTITIONS * HOURS;
    let compaction = landed * prices::S3_GET + after * WRITES_AN_OBJECT * prices::S3_PUT;
    format!(
        "| {} | {window} | {} | {:.2} | {compaction:.2} | {} |",
        thousands(f64::from(records_a_second)),
        thousands(landed),
        landed * prices::S3_PUT,
        thousands(after),
    )
}

fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let split = digits.len().saturating_sub(3);
    if split == 0 { digits } else { format!("{},{}", &digits[..split], &digits[split..]) }
}

#[test]
fn the_table_is_what_the_formula_gives() -> Result<()> {
    let page = text("docs/deploy.md")?;
    let section = page.split("## Objects of a size").nth(1).context("docs/deploy.md has no such section")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let told: Vec<_> = section.lines().filter(|line| line.starts_with("| 1")).collect();
    let computed: Vec<_> = [1, 100, 1_000, 10_000]
        .into_iter()
        .flat_map(|records| [10, 60, 300].map(|window| row(records, window)))
        .collect();
    ensure!(
        told == computed,
        "docs/deploy.md tells\n{}\nand computed is\n{}",
        told.join("\n"),
        computed.join("\n")
    );
    Ok(())
}

#[test]
fn the_formula_has_the_defaults_of_the_platform() -> Result<()> {
    let variables = text("infra/platform/variables.tf")?;
    for line in [
        "window_seconds      = optional(number, 60)".to_owned(),
        format!("batch_size          = optional(number, {BATCH})"),
    ] {
        ensure!(variables.contains(&line), "infra/platform/variables.tf has no {line:?}");
    }
    let topics: serde_json::Value = serde_json::from_str(&text("infra/topics.json")?)?;
    ensure!(topics["topics"].as_array().map(Vec::len) == Some(4), "{topics}");
    let partitions = f64::from(millrace_events::topic_contract::PARTITIONS);
    ensure!((partitions - PARTITIONS).abs() < 0.5, "topics are made with {partitions} partitions");
    Ok(())
}

#[test]
fn a_batch_that_is_full_comes_before_the_window() {
    assert_eq!(objects(100.0, 10.0).round(), 207_360.0, "as many as issue 16 found");
    assert_eq!(objects(10_000.0, 10.0).round(), objects(10_000.0, 300.0).round());
    assert!(objects(1.0, 300.0) < objects(1.0, 60.0) / 4.0);
}
