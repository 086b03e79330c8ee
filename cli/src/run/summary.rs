//! What a run came to, for people and for machines.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use indicatif::{HumanBytes, HumanCount};
use millrace_sql::{Cell, Session};
use millrace_stream::topics::USERS_CREATED;
use serde_json::json;

use super::args::RunArgs;
use super::charts::Charts;
use super::reconciliation::{Flow, StreamFlow};
use super::source::OpenSource;
use super::tables::Tables;
use crate::lake::Missing;
use crate::{output, shell_quoting};

/// How a run that adds up ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Interrupted,
}

impl Outcome {
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Interrupted => ExitCode::from(crate::exit_code::INTERRUPTED),
        }
    }
}

pub(crate) struct Summary<'a> {
    pub(crate) args: &'a RunArgs,
    pub(crate) source: &'a OpenSource,
    pub(crate) flow: &'a Flow,
    /// `None` where no job ran.
    pub(crate) tables: Option<&'a Tables>,
    pub(crate) outcome: Outcome,
    pub(crate) seconds: &'a BTreeMap<&'static str, f64>,
}

impl Summary<'_> {
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let (report, counts) = (&self.flow.fetching.report, &self.flow.landed.counts);
        let job = self.tables.and_then(Tables::raw);
        let reports = self.tables.iter().flat_map(|tables| tables.reports());
        let tables: BTreeMap<_, _> = reports.map(|table| (table.name.as_str(), table.rows)).collect();
        let streams: BTreeMap<_, _> = self.flow.streams.iter().map(|stream| self.told(stream)).collect();
        json!({
            "generation": self.flow.generation.as_str(),
            "source": self.source.label,
            "seed": self.source.seed,
            "as_of": self.tables.map(|tables| tables.run.as_of.to_string()),
            "fetched": report.fetched,
            "rejected": report.rejected,
            "rejected_by_kind": report.rejected_by_kind,
            "unparsable": report.unparsable,
            "produced": report.produced,
            "landed": self.flow.landed(USERS_CREATED),
            "dead_lettered": self.flow.dead_lettered(USERS_CREATED),
            "erased": self.flow.erased(USERS_CREATED),
            "streams": streams,
            "duplicates": job.map(|job| job.duplicates),
            "after_as_of": job.map(|job| job.after_as_of),
            "raw_rows": job.map(|job| job.raw_rows_by_position),
            "objects": counts.objects,
            "object_bytes": counts.bytes,
            "tables": tables,
            "published": self.tables.map(Tables::published),
            "interrupted": self.outcome == Outcome::Interrupted,
            "lake": self.args.lake,
            "seconds": self.seconds,
            "peak_rss_bytes": millrace_runtime::peak_rss_bytes(),
        })
    }

    fn told(&self, &StreamFlow { topic, produced }: &StreamFlow) -> (&'static str, serde_json::Value) {
        let (landed, dead_lettered) = (self.flow.landed(topic), self.flow.dead_lettered(topic));
        let erased = self.flow.erased(topic);
        (
            topic,
            json!({ "produced": produced, "landed": landed, "dead_lettered": dead_lettered, "erased": erased }),
        )
    }

    pub(crate) fn print(&self) -> anyhow::Result<()> {
        let mut out = output::out();
        let report = &self.flow.fetching.report;
        let cut_short = if self.flow.fetching.interrupted { ", cut short" } else { "" };
        let seed = self.source.seed.as_ref().map_or(String::new(), |seed| format!(", seed {seed}"));
        writeln!(
            out,
            "\nmillrace run{cut_short}: {}{seed}, generation {}\n",
            self.source.label, self.flow.generation
        )?;
        writeln!(out, "{}\n", self.stages())?;
        if !report.rejected_by_kind.is_empty() {
            writeln!(out, "  rejected    {}", counts_by(&report.rejected_by_kind))?;
        }
        if !report.unparsable.is_empty() {
            writeln!(out, "  unparsable  {} (left absent)", counts_by(&report.unparsable))?;
        }
        let erased: u64 = self.flow.streams.iter().map(|stream| self.flow.erased(stream.topic)).sum();
        if erased > 0 {
            writeln!(
                out,
                "  erased      {} records are about persons who were erased: left out",
                HumanCount(erased)
            )?;
        }
        if let Some(tables) = self.tables {
            self.print_tables(tables)?;
        }
        let peak = millrace_runtime::peak_rss_bytes()
            .map_or(String::new(), |bytes| format!(", {} of memory at most", HumanBytes(bytes)));
        writeln!(out, "\n  {:.1} s in all{peak}; the lake is {}\n", self.second("total"), self.args.lake)?;
        // Where no table was made there is nothing to ask, and the error says what to do.
        if self.tables.is_some() {
            writeln!(
                out,
                "Next:\n  millrace tables --lake {0}\n  millrace query --lake {0} \"SELECT country, COUNT(*) AS users FROM users_transformed_latest GROUP BY country ORDER BY users DESC LIMIT 5\"",
                shell_quoting::quoted(&self.args.lake.to_string())
            )?;
        }
        Ok(())
    }

    fn stages(&self) -> Table {
        let report = &self.flow.fetching.report;
        let counts = &self.flow.landed.counts;
        let mut table = Table::new();
        table.load_style(UTF8_BORDERS_ONLY).set_header([
            "stage",
            "in",
            "out",
            "dead letters",
            "dropped",
            "seconds",
            "a second",
        ]);
        let mut row = |name: &str, from: u64, to: u64, dead: u64, dropped: u64, seconds: f64| {
            let rate = if seconds > 0.0 { (from as f64 / seconds).round() as u64 } else { 0 };
            table.add_row([
                name.to_owned(),
                HumanCount(from).to_string(),
                HumanCount(to).to_string(),
                HumanCount(dead).to_string(),
                HumanCount(dropped).to_string(),
                format!("{seconds:.2}"),
                HumanCount(rate).to_string(),
            ]);
        };
        row("fetch → Kafka", report.fetched, report.produced, report.rejected, 0, self.second("fetch"));
        for &StreamFlow { topic, produced } in &self.flow.streams {
            let (landed, dead) = (self.flow.landed(topic), self.flow.dead_lettered(topic));
            // About persons who were erased.
            let dropped = self.flow.erased(topic);
            row(&format!("{topic} → raw"), produced, landed, dead, dropped, self.second("land"));
        }
        if let Some(job) = self.tables.and_then(Tables::raw) {
            let dropped = job.duplicates + job.after_as_of;
            row(
                "raw → curated",
                job.raw_rows_by_position,
                job.users,
                0,
                dropped,
                self.second("raw-transformation"),
            );
        }
        for done in self.tables.iter().flat_map(|tables| &tables.jobs).filter(|done| done.raw.is_none()) {
            let made = done.tables.iter().map(|table| table.rows).sum();
            row(done.job, done.rows_in, made, 0, 0, done.seconds);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        tracing::debug!(objects = counts.objects, bytes = counts.bytes, "objects landed");
        table
    }

    fn print_tables(&self, tables: &Tables) -> anyhow::Result<()> {
        let mut out = output::out();
        let (counts, day) = (&self.flow.landed.counts, tables.run.as_of);
        if let Some(job) = tables.raw() {
            writeln!(
                out,
                "  landed      {} objects, {}; {} repeated ids and {} rows after {day} dropped",
                HumanCount(counts.objects),
                HumanBytes(counts.bytes),
                HumanCount(job.duplicates),
                HumanCount(job.after_as_of),
            )?;
        }
        for table in tables.reports() {
            writeln!(
                out,
                "  {:<30} {:>10} rows  {:>10}",
                table.name,
                HumanCount(table.rows).to_string(),
                HumanBytes(table.bytes).to_string()
            )?;
        }
        if !tables.published() {
            writeln!(
                out,
                "  a run that started later has published {day} already, so this one published nothing more"
            )?;
            return Ok(());
        }
        let session = self.args.lake.session(Missing::Refuse)?;
        quality(&session, day)?;
        Charts::new(&session, &tables.run).print()
    }

    fn second(&self, stage: &str) -> f64 {
        self.seconds.get(stage).copied().unwrap_or(0.0)
    }
}

fn quality(session: &Session, day: chrono::NaiveDate) -> anyhow::Result<()> {
    let mut out = output::out();
    let sql = format!(
        "SELECT avg_quality_score, valid_emails, valid_phones, unique_countries FROM data_quality_summary \
         WHERE processing_date = DATE '{day}'"
    );
    let text = |cell: &Cell| cell.to_text().unwrap_or_else(|| "none".to_owned());
    for batch in session.query(&sql)? {
        for row in batch?.rows() {
            if let [score, emails, phones, countries] = row.as_slice() {
                writeln!(
                    out,
                    "  quality     {} of 100 on average; {} valid emails, {} valid phones; {} countries",
                    text(score).chars().take(5).collect::<String>(),
                    text(emails),
                    text(phones),
                    text(countries)
                )?;
            }
        }
    }
    Ok(())
}

fn counts_by(counts: &BTreeMap<&'static str, u64>) -> String {
    counts.iter().map(|(name, count)| format!("{} {name}", HumanCount(*count))).collect::<Vec<_>>().join(", ")
}
