//! Where metrics are kept until somebody reads them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::definition::{Kind, Label, Metric, Unit};

/// Takes what happens, from any thread. Clones are one meter.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<BTreeMap<(Metric, String), Value>>>);

/// The value of a metric for one label.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// All that was counted since the meter began or was last emptied.
    Counter(u64),
    /// The value that was set last.
    Gauge(f64),
    /// All values since the meter began or was last emptied.
    Distribution(Distribution),
}

/// Values whose spread is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// How many values there were, whether kept in `values` or not.
    pub count: u64,
    /// Their sum, in the metric's unit.
    pub sum: f64,
    /// How many values there are up to each of the metric's [`bounds`](Self::bounds), none counted twice; last those beyond all.
    pub buckets: Vec<u64>,
    /// The values themselves, for readers that want each, as far as there is room.
    pub values: Vec<f64>,
}

/// One line of what a meter holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Which metric it is.
    pub metric: Metric,
    /// The topic or table; empty where the metric has no label.
    pub label: String,
    /// What it has come to.
    pub value: Value,
}

/// What a meter held at one moment, in the order of metrics and labels.
pub type Snapshot = Vec<Reading>;

/// Values kept of a distribution that nobody takes, as in a process that Prometheus reads: its buckets go on counting. One Lambda
/// invocation writes fewer objects than this.
const VALUES: usize = 1_000;

const SECONDS: [f64; 12] = [0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 86_400.0];

/// From 1 KiB to 1 GiB, by fours.
const BYTES: [f64; 11] = [
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
];

const COUNTS: [f64; 7] = [1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0];

impl Distribution {
    /// The upper bounds of the buckets of values in `unit`.
    pub fn bounds(unit: Unit) -> &'static [f64] {
        match unit {
            Unit::Seconds => &SECONDS,
            Unit::Bytes => &BYTES,
            Unit::Count => &COUNTS,
        }
    }

    fn new(unit: Unit) -> Self {
        Self { count: 0, sum: 0.0, buckets: vec![0; Self::bounds(unit).len() + 1], values: Vec::new() }
    }

    fn observe(&mut self, unit: Unit, value: f64) {
        self.count += 1;
        self.sum += value;
        let bucket = Self::bounds(unit).partition_point(|bound| *bound < value);
        self.buckets[bucket] += 1;
        if self.values.len() < VALUES {
            self.values.push(value);
        }
    }
}

impl Meter {
    /// A meter that holds nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts `by` more of a counter; `label` is the topic or table, and not looked at where the metric has none.
    pub fn add(&self, metric: Metric, label: &str, by: u64) {
        debug_assert_eq!(metric.kind, Kind::Counter, "{} does not count", metric.name);
        if let Value::Counter(count) = self.held().entry(key(metric, label)).or_insert(Value::Counter(0)) {
            *count = count.saturating_add(by);
        }
    }

    /// Sets a gauge; a value that is no number is none.
    pub fn set(&self, metric: Metric, label: &str, value: f64) {
        debug_assert_eq!(metric.kind, Kind::Gauge, "{} is no gauge", metric.name);
        if value.is_finite() {
            self.held().insert(key(metric, label), Value::Gauge(value));
        }
    }

    /// Adds a value to a distribution; one that is no number is none.
    pub fn observe(&self, metric: Metric, label: &str, value: f64) {
        debug_assert_eq!(metric.kind, Kind::Distribution, "{} is no distribution", metric.name);
        let mut held = self.held();
        let empty = || Value::Distribution(Distribution::new(metric.unit));
        if let Value::Distribution(values) = held.entry(key(metric, label)).or_insert_with(empty)
            && value.is_finite()
        {
            values.observe(metric.unit, value);
        }
    }

    /// What was told since the process began, or since the last [`take`](Self::take).
    pub fn snapshot(&self) -> Snapshot {
        readings(self.held().clone())
    }

    /// The same, and begins anew: for a reader that adds up by itself, as CloudWatch does.
    pub fn take(&self) -> Snapshot {
        readings(std::mem::take(&mut *self.held()))
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<(Metric, String), Value>> {
        // Numbers are whole after each statement, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(metric: Metric, label: &str) -> (Metric, String) {
    let label = if metric.label == Label::Nothing { "" } else { label };
    (metric, label.to_owned())
}

fn readings(held: BTreeMap<(Metric, String), Value>) -> Snapshot {
    held.into_iter().map(|((metric, label), value)| Reading { metric, label, value }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{COLD_STARTS, FRESHNESS, OBJECT_SIZE, RECORDS_IN};
    use super::*;

    #[test]
    fn what_is_told_is_added_up_by_label_and_taken_once() {
        let meter = Meter::new();
        for _ in 0..2 {
            meter.clone().add(RECORDS_IN, "users_created", 5);
        }
        meter.add(RECORDS_IN, "ad_events", 1);
        meter.add(COLD_STARTS, "no label", 1);
        meter.set(FRESHNESS, "users_created", 9.0);
        meter.set(FRESHNESS, "users_created", 2.0);
        meter.set(FRESHNESS, "users_created", f64::NAN);
        let told: Vec<_> = meter
            .snapshot()
            .into_iter()
            .map(|reading| (reading.metric.name, reading.label, reading.value))
            .collect();
        assert_eq!(
            told,
            [
                ("cold_starts", String::new(), Value::Counter(1)),
                ("freshness", "users_created".into(), Value::Gauge(2.0)),
                ("records_in", "ad_events".into(), Value::Counter(1)),
                ("records_in", "users_created".into(), Value::Counter(10)),
            ]
        );
        assert_eq!(meter.take().len(), 4);
        assert!(meter.take().is_empty());
    }

    #[test]
    fn values_fall_into_the_bucket_that_ends_with_them() {
        let meter = Meter::new();
        for size in [1_024.0, 1_025.0, 2e9] {
            meter.observe(OBJECT_SIZE, "users", size);
        }
        let Value::Distribution(sizes) = &meter.snapshot()[0].value else { panic!("no distribution") };
        assert_eq!((sizes.count, sizes.buckets[0], sizes.buckets[1]), (3, 1, 1));
        assert_eq!(sizes.buckets.last(), Some(&1));
    }
}
