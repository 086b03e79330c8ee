//! Progress bars and remarks, on stderr.

use fetch_users::FetchReport;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use millrace_jobs::{job, raw_transformation};

/// All bars of a run. Clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Bars {
    bars: MultiProgress,
}

impl Bars {
    /// Bars are drawn on a terminal only, and not for machines.
    pub(crate) fn new(for_machines: bool) -> Self {
        let bars = MultiProgress::new();
        if for_machines {
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self { bars }
    }

    /// A remark that stays, on stderr.
    pub(crate) fn say(&self, text: &str) {
        self.bars.suspend(|| eprintln!("{text}"));
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

    fn bar(&self, length: Option<u64>, name: &str) -> ProgressBar {
        let bar = match length {
            Some(length) => ProgressBar::new(length),
            None => ProgressBar::no_length(),
        };
        let template = "{prefix:>20} [{bar:30}] {human_pos} / {human_len}  {per_sec}  {elapsed}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.bars.add(bar.with_prefix(name.to_owned()).with_style(style.progress_chars("━━╌")))
    }

    pub(crate) fn clear(&self) {
        let _ = self.bars.clear();
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
        self.rows(job::Progress { rows, of });
    }

    pub(crate) fn rows(&self, progress: job::Progress) {
        self.bar.set_length(progress.of);
        self.bar.set_position(progress.rows);
    }

    pub(crate) fn finish(&self) {
        self.bar.finish();
    }
}
