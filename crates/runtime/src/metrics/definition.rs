//! The table of all metrics.

/// A metric as every program knows it. docs/metrics.md lists the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// CloudWatch's name of it. Prometheus' begins with `millrace_` and ends in the unit, and in `_total` where it counts.
    pub name: &'static str,
    /// What its values are counted in.
    pub unit: Unit,
    /// How its values add up.
    pub kind: Kind,
    /// What its values are told apart by.
    pub label: Label,
    /// What it tells, in a sentence.
    pub doc: &'static str,
}

/// What a value is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Things, such as records or processes: no unit in CloudWatch or in Prometheus' names.
    Count,
    /// Bytes, not multiples of them.
    Bytes,
    /// Seconds, with fractions.
    Seconds,
}

/// How the values of a metric add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Grows.
    Counter,
    /// The latest value counts.
    Gauge,
    /// Many values, of which the spread is asked for.
    Distribution,
}

/// What a metric is told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// One value for the whole process.
    Nothing,
    /// A value for each topic, by the topic's name.
    Topic,
    /// A value for each table of the lake, by the table's name.
    Table,
}

impl Label {
    /// Its name, beside the value. `None` where there is none.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Topic => Some("topic"),
            Self::Table => Some("table"),
        }
    }
}

impl Unit {
    /// CloudWatch's word.
    pub fn in_cloudwatch(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Bytes => "Bytes",
            Self::Seconds => "Seconds",
        }
    }
}

/// Makes the constants and [`ALL`] of one table, so that no metric is in one and not in the other.
macro_rules! metrics {
    ($($constant:ident = $name:literal, $unit:ident, $kind:ident, $label:ident, $doc:literal;)*) => {
        $(
            #[doc = $doc]
            pub const $constant: Metric = Metric {
                name: $name, unit: Unit::$unit, kind: Kind::$kind, label: Label::$label, doc: $doc,
            };
        )*
        /// Every metric there is.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    RECORDS_IN = "records_in", Count, Counter, Topic,
        "Records taken from a topic, or users taken from a source for it.";
    RECORDS_OUT = "records_out", Count, Counter, Topic,
        "Records that are durable as rows of the lake, or acknowledged by Kafka.";
    RECORDS_DEAD = "records_dead", Count, Counter, Topic,
        "Records that became dead letters, told under the topic they were for.";
    RECORDS_ERASED = "records_erased", Count, Counter, Topic,
        "Records about persons who were erased from the lake: left out.";
    RETRIES = "retries", Count, Counter, Topic,
        "Records of an invocation that have to come again because they are not durable.";
    BYTES_IN = "bytes_in", Bytes, Counter, Topic,
        "Bytes of the records taken, as Kafka holds them.";
    BYTES_OUT = "bytes_out", Bytes, Counter, Table,
        "Bytes of the objects written.";
    OBJECT_SIZE = "object_size", Bytes, Distribution, Table,
        "Sizes of the objects written; many small ones ask for a compaction.";
    OBJECTS_WRITTEN = "objects_written", Count, Counter, Table,
        "Objects that a compaction wrote.";
    OBJECTS_COMPACTED = "objects_compacted", Count, Counter, Table,
        "Objects that a compaction removed, as larger ones hold their rows.";
    OBJECTS_LEFT_ALONE = "objects_left_alone", Count, Gauge, Table,
        "Objects that a compaction could not merge; its log says why.";
    SMALL_OBJECTS = "small_objects", Count, Gauge, Nothing,
        "Raw objects of closed hours that are below their goal and still to be merged.";
    BATCH_AGE = "batch_age", Seconds, Distribution, Topic,
        "How old a batch's oldest record was when the batch became durable.";
    FRESHNESS = "freshness", Seconds, Gauge, Topic,
        "How old the newest record of the lake was when it became durable.";
    LAG = "lag", Count, Gauge, Topic,
        "Records of a topic that are in Kafka and not yet in the lake.";
    COLD_STARTS = "cold_starts", Count, Counter, Nothing,
        "Processes that began, such as Lambda's new instances of a function.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_told_apart_and_fit_both_readers() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            assert!(metric.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{metric:?}");
            assert!(metric.doc.ends_with('.'), "{metric:?}");
        }
    }

    /// docs/metrics.md has a row for each, in the table's order, and none beyond.
    #[test]
    fn the_page_lists_what_the_table_does() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        let page = std::fs::read_to_string(page).unwrap();
        let told: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
        let rows = ALL.iter().map(|metric| {
            let Metric { name, unit, kind, label, doc } = metric;
            let prometheus = super::super::prometheus::name(*metric);
            let (unit, label) = (unit.in_cloudwatch(), label.name().unwrap_or("–"));
            let kind = format!("{kind:?}").to_lowercase();
            format!("| `{name}` | `{prometheus}` | {unit} | {kind} | {label} | {doc} |")
        });
        assert_eq!(told, rows.collect::<Vec<_>>(), "docs/metrics.md tells other metrics than definition.rs");
    }
}
