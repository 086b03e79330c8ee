//! What a person sees of a landing while it goes on: records, their rate, the lag, the last object, and the first dead letter.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar};
use land_events::{LandingSnapshot, LandingStatus};
use millrace_runtime::Meter;
use millrace_runtime::metrics::{LAG, Value};

use crate::dead_letters::FirstWarning;
use crate::progress::Bars;

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Looks at a landing from beside it.
#[derive(Debug)]
pub(crate) struct Watch {
    progress: Arc<LandingStatus>,
    meter: Meter,
    bar: ProgressBar,
    first: FirstWarning,
}

impl Watch {
    pub(crate) fn new(progress: Arc<LandingStatus>, meter: Meter, bars: &Bars) -> Self {
        Self { progress, meter, bar: bars.landing(), first: FirstWarning::default() }
    }

    /// Looks on until `landing` has ended, and hands its outcome back.
    pub(crate) async fn until<T>(mut self, landing: impl Future<Output = T>) -> T {
        tokio::pin!(landing);
        let ended = loop {
            tokio::select! {
                ended = &mut landing => break ended,
                () = tokio::time::sleep(LOOK_EVERY) => self.look(),
            }
        };
        self.look();
        self.bar.finish_and_clear();
        ended
    }

    fn look(&mut self) {
        let seen = self.progress.seen();
        self.first.look(&seen.dead_letters);
        self.bar.set_position(seen.records);
        self.bar.set_message(told(&seen, lag(&self.meter)));
    }
}

/// Of all topics, as told last; nothing before.
fn lag(meter: &Meter) -> Option<u64> {
    let lags = meter.snapshot().into_iter().filter(|reading| reading.metric == LAG);
    let lags = lags.map(|reading| match reading.value {
        Value::Gauge(lag) => lag as u64,
        Value::Counter(_) | Value::Distribution(_) => 0,
    });
    lags.reduce(|sum, lag| sum + lag)
}

fn told(seen: &LandingSnapshot, lag: Option<u64>) -> String {
    let lag = lag.map(|lag| format!("lag {}", HumanCount(lag)));
    let dead = seen.dead_letters.records();
    let dead = (dead > 0).then(|| format!("{} dead letters", HumanCount(dead)));
    // Its name says topic, partition and offsets; the folders before it would push it out of the line.
    let last = seen.last_object.as_ref().and_then(|key| key.as_str().rsplit('/').next());
    let last = last.map(|name| format!("last object {name}"));
    [lag, dead, last].into_iter().flatten().collect::<Vec<_>>().join("  ")
}

/// Told where there is any.
pub(super) fn erased_line(erased: u64) -> Option<String> {
    (erased > 0).then(|| {
        format!("{} records are about persons who were erased: they are left out", HumanCount(erased))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_dead_letters_and_the_last_object_are_told_where_there_are_any() {
        let meter = Meter::new();
        let mut seen = LandingSnapshot::default();
        assert_eq!(told(&seen, lag(&meter)), "");
        meter.set(LAG, "ad_events", 1_000.0);
        meter.set(LAG, "users_created", 234.0);
        seen.dead_letters.add("undecodable", String::new);
        seen.last_object = millrace_lake::Key::new("raw/ad_events/x.parquet").ok();
        assert_eq!(told(&seen, lag(&meter)), "lag 1,234  1 dead letters  last object x.parquet");
    }
}
