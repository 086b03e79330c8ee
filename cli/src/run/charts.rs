//! The most telling results of a run, with bars where a shape says more than figures.

use std::io::Write;

use comfy_table::{CellAlignment, Table};
use indicatif::HumanCount;
use millrace_jobs::job_settings::RunContext;
use millrace_sql::{Cell, Session};

use crate::output;

/// Width of the longest bar, in characters.
const WIDTH: f64 = 28.0;

/// Answers of small queries over the lake.
pub(super) struct Charts<'a> {
    session: &'a Session,
    run: &'a RunContext,
}

impl<'a> Charts<'a> {
    pub(super) fn new(session: &'a Session, run: &'a RunContext) -> Self {
        Self { session, run }
    }

    pub(super) fn print(&self) -> anyhow::Result<()> {
        let day = self.run.as_of;
        self.bars(
            "segments",
            // The dimension holds changes only: a user's segment is that of the latest version up to the day.
            &format!(
                "SELECT target_segment AS name, COUNT(*) AS n FROM (SELECT target_segment, ROW_NUMBER() OVER \
                 (PARTITION BY user_id ORDER BY processing_date DESC) AS newest FROM dim_user_demographics \
                 WHERE processing_date <= DATE '{day}') AS versions WHERE newest = 1 GROUP BY target_segment ORDER BY n DESC"
            ),
        )?;
        self.bars(
            "countries",
            &format!(
                "SELECT country AS name, user_count AS n FROM fact_geographic_analysis WHERE analysis_type = 'country' \
                 AND processing_date = DATE '{day}' ORDER BY user_count_rank LIMIT 5"
            ),
        )?;
        self.bars(
            "growth",
            &format!(
                "SELECT * FROM (SELECT time_period AS name, registrations AS n, growth_rate FROM fact_registration_trends \
                 WHERE period_type = 'quarterly' AND processing_date = DATE '{day}' ORDER BY time_period DESC \
                 LIMIT 6) AS newest ORDER BY name"
            ),
        )?;
        self.anomalies()
    }

    /// A line a row: name, number and bar; a third value is a change in percent.
    fn bars(&self, title: &str, sql: &str) -> anyhow::Result<()> {
        let rows = self.rows(sql)?;
        let number = |row: &[Cell]| {
            row.get(1).and_then(Cell::to_text).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0)
        };
        let most = rows.iter().map(|row| number(row)).max().unwrap_or(0).max(1);
        let mut chart = Table::new();
        for row in &rows {
            let n = number(row);
            let bar = "▇".repeat((n as f64 / most as f64 * WIDTH).round() as usize);
            let change =
                row.get(2).and_then(Cell::to_text).map_or(String::new(), |change| format!("{change} %"));
            let name = row.first().and_then(Cell::to_text).unwrap_or_default();
            chart.add_row([name, HumanCount(n).to_string(), bar, change]);
        }
        if rows.is_empty() {
            return Ok(());
        }
        if let Some(column) = chart.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        chart.load_style(comfy_table::presets::NOTHING);
        let mut out = output::out();
        writeln!(out, "\n  {title}")?;
        for line in chart.lines() {
            writeln!(out, "   {}", line.trim_end())?;
        }
        Ok(())
    }

    fn anomalies(&self) -> anyhow::Result<()> {
        let day = self.run.as_of;
        let found = self.rows(&format!(
            "SELECT time_period, anomaly_type, registrations FROM fact_registration_anomalies WHERE is_anomaly \
             AND processing_date = DATE '{day}' ORDER BY z_score DESC, time_period LIMIT 3"
        ))?;
        let told: Vec<_> = found
            .iter()
            .map(|row| row.iter().filter_map(Cell::to_text).collect::<Vec<_>>().join(" "))
            .collect();
        writeln!(
            output::out(),
            "\n  anomalies   {}",
            if told.is_empty() { "none among the months".to_owned() } else { told.join(", ") }
        )?;
        Ok(())
    }

    fn rows(&self, sql: &str) -> anyhow::Result<Vec<Vec<Cell>>> {
        let mut rows = Vec::new();
        for batch in self.session.query(sql)? {
            rows.extend(batch?.rows());
        }
        Ok(rows)
    }
}
