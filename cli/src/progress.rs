//! Progress bars and remarks, on stderr.

use std::fmt::Write;

use fetch_users::FetchReport;
use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use millrace_jobs::{raw_transformation, table_job};

use crate::{drawn_bars, output};

/// All bars of a run. Clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Bars {
    bars: MultiProgress,
}

impl Bars {
    /// Bars are drawn on a terminal only, and neither for machines nor under `--quiet`.
    pub(crate) fn new(for_machines: bool) -> Self {
        let bars = MultiProgress::new();
        if for_machines || output::is_quiet() {
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        drawn_bars::note(bars.clone());
        Self { bars }
    }

    /// A remark that stays, on stderr.
    pub(crate) fn say(&self, text: &str) {
        output::remark(text);
    }

    pub(crate) fn users(&self, expected: Option<u64>) -> UserBars {
        let fetch = self.bar(expected, "fetched");
        let land = self.bar(expected, "landed ");
        UserBars { fetch, land }
    }

    /// Of records of any kind.
    pub(crate) fn records(&self, expected: u64, name: &str) -> ProgressBar {
        self.bar(Some(expected), name)
    }

    pub(crate) fn job(&self, name: &str) -> JobBar {
        JobBar { bar: self.bar(None, name) }
    }

    /// Of raw objects that a compaction does away with.
    pub(crate) fn objects(&self) -> ProgressBar {
        self.styled(None, "compacted", "{prefix:>20} [{bar:30}] {human_pos} / {human_len} objects  {elapsed}")
    }

    /// Of tables, of which its message names the one at work.
    pub(crate) fn tables(&self, name: &str, of: u64) -> ProgressBar {
        self.styled(
            Some(of),
            name,
            "{prefix:>20} [{bar:30}] {human_pos} / {human_len} tables  {msg}  {elapsed}",
        )
    }

    /// Of an erasure; its message tells the step.
    pub(crate) fn erasure(&self) -> ProgressBar {
        let bar = self.styled(None, "erasing", "{prefix:>20} {spinner} {wide_msg} {elapsed}");
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        bar
    }

    /// Of a landing without an end; its message tells the rest.
    pub(crate) fn landing(&self) -> ProgressBar {
        self.styled(None, "landing", "{prefix:>20} {human_pos} records  {rate}  {wide_msg}")
    }

    /// Whether anybody sees them.
    pub(crate) fn are_drawn(&self) -> bool {
        !self.bars.is_hidden()
    }

    fn bar(&self, length: Option<u64>, name: &str) -> ProgressBar {
        self.styled(length, name, "{prefix:>20} [{bar:30}] {human_pos} / {human_len}  {rate}  {elapsed}")
    }

    fn styled(&self, length: Option<u64>, name: &str, template: &str) -> ProgressBar {
        let bar = match length {
            Some(length) => ProgressBar::new(length),
            None => ProgressBar::no_length(),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let style =
            style.progress_chars("━━╌").with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
                // There is nobody to tell of it.
                let _ = out.write_str(&rate(state.per_sec()));
            });
        self.bars.add(bar.with_prefix(name.to_owned()).with_style(style))
    }

    pub(crate) fn clear(&self) {
        let _ = self.bars.clear();
    }
}

/// A rate in whole numbers, but for the slowest.
fn rate(per_second: f64) -> String {
    if per_second > 0.0 && per_second < 10.0 {
        format!("{per_second:.1}/s")
    } else {
        format!("{}/s", HumanCount(per_second.round() as u64))
    }
}

/// The bars of fetching and landing.
#[derive(Debug)]
pub(crate) struct UserBars {
    fetch: ProgressBar,
    land: ProgressBar,
}

impl UserBars {
    pub(crate) fn fetched(&self, report: &FetchReport) {
        self.fetch.set_position(report.fetched);
    }

    /// Takes the counts of records as they are landed, from whatever thread.
    pub(crate) fn landed(&self) -> impl Fn(u64) + Send + 'static {
        let bar = self.land.clone();
        move |records| bar.inc(records)
    }

    pub(crate) fn finish(&self) {
        self.fetch.finish();
        self.land.finish();
    }
}

/// The bar of a job.
#[derive(Debug)]
pub(crate) struct JobBar {
    bar: ProgressBar,
}

impl JobBar {
    pub(crate) fn raw(&self, progress: raw_transformation::Progress) {
        use raw_transformation::Progress;
        // Each row is read once and transformed once.
        let (rows, of) = match progress {
            Progress::Read { rows, of } => (rows, of * 2),
            Progress::Transformed { rows, of } => (of + rows, of * 2),
        };
        self.rows(table_job::JobProgress { rows, of });
    }

    pub(crate) fn rows(&self, progress: table_job::JobProgress) {
        self.bar.set_length(progress.of);
        self.bar.set_position(progress.rows);
    }

    pub(crate) fn finish(&self) {
        self.bar.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_rounded() {
        assert_eq!([0.0, 0.25, 9.96, 17_232.481_9].map(rate), ["0/s", "0.2/s", "10.0/s", "17,232/s"]);
    }
}
