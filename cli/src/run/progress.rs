//! Progress bars and remarks, on stderr.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fetch_users::FetchReport;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use millrace_jobs::raw_transformation::Progress;

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
        let landed = Arc::new(AtomicU64::new(0));
        let shown = (land.clone(), Arc::clone(&landed));
        // The landing counts in its own thread; the bar looks at the count when it is drawn.
        land.enable_steady_tick(Duration::from_millis(200));
        UserBars { fetch, land, landed, shown }
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
    landed: Arc<AtomicU64>,
    shown: (ProgressBar, Arc<AtomicU64>),
}

impl UserBars {
    pub(crate) fn fetched(&self, report: &FetchReport) {
        self.fetch.set_position(report.fetched);
        self.shown.0.set_position(self.shown.1.load(Ordering::Relaxed));
    }

    /// Where the landing counts its records.
    pub(crate) fn landed_counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.landed)
    }

    pub(crate) fn finish(&self) {
        self.land.set_position(self.landed.load(Ordering::Relaxed));
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
    pub(crate) fn job(&self, progress: Progress) {
        // Each row is read once and transformed once.
        let (position, length) = match progress {
            Progress::Read { rows, of } => (rows, of * 2),
            Progress::Transformed { rows, of } => (of + rows, of * 2),
        };
        self.bar.set_length(length);
        self.bar.set_position(position);
    }

    pub(crate) fn finish(&self) {
        self.bar.finish();
    }
}
