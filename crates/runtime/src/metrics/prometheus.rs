//! Metrics as Prometheus' text, version 0.0.4.

use std::fmt::Write;

use super::definition::{ALL, Kind, Metric, Unit};
use super::meter::{Distribution, Reading, Value};

/// The text's media type.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Prometheus' name of `metric`.
pub fn name(metric: Metric) -> String {
    let unit = match metric.unit {
        Unit::Count => "",
        // `bytes_in` says its unit already.
        Unit::Bytes if metric.name.starts_with("bytes") => "",
        Unit::Bytes => "_bytes",
        Unit::Seconds => "_seconds",
    };
    let total = if metric.kind == Kind::Counter { "_total" } else { "" };
    format!("millrace_{}{unit}{total}", metric.name)
}

/// `snapshot` as a scrape's answer. Metrics nobody told yet are described, so that a reader knows them.
pub fn text(snapshot: &[Reading]) -> String {
    let mut text = String::new();
    for metric in ALL {
        let name = name(*metric);
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Distribution => "histogram",
        };
        let doc = metric.doc.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {doc}\n# TYPE {name} {kind}");
        for reading in snapshot.iter().filter(|reading| reading.metric == *metric) {
            samples(&mut text, &name, reading);
        }
    }
    text
}

fn samples(text: &mut String, name: &str, reading: &Reading) {
    let label = reading.metric.label.name();
    let label = label.map(|label| format!("{label}=\"{}\"", escaped(&reading.label)));
    let braced = label.as_ref().map_or_else(String::new, |label| format!("{{{label}}}"));
    match &reading.value {
        Value::Counter(count) => {
            let _ = writeln!(text, "{name}{braced} {count}");
        }
        Value::Gauge(value) => {
            let _ = writeln!(text, "{name}{braced} {value}");
        }
        Value::Distribution(distribution) => {
            let comma = label.map_or_else(String::new, |label| format!("{label},"));
            let bounds = Distribution::bounds(reading.metric.unit).iter().map(f64::to_string);
            let mut up_to = 0;
            for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(&distribution.buckets) {
                up_to += count;
                let _ = writeln!(text, "{name}_bucket{{{comma}le=\"{bound}\"}} {up_to}");
            }
            let Distribution { sum, count, .. } = distribution;
            let _ = writeln!(text, "{name}_sum{braced} {sum}\n{name}_count{braced} {count}");
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{BATCH_AGE, COLD_STARTS, FRESHNESS, Meter, RECORDS_IN};
    use super::*;

    /// The samples of a text by name and labels, read as the format's description says; panics where it is none.
    fn parse(text: &str) -> BTreeMap<String, f64> {
        let mut kinds = BTreeMap::new();
        let mut samples = BTreeMap::new();
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.splitn(3, ' ');
                let (keyword, name, rest) =
                    (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
                assert!(is_name(name), "{line}");
                match keyword {
                    "HELP" => {}
                    "TYPE" => {
                        assert!(["counter", "gauge", "histogram"].contains(&rest), "{line}");
                        assert!(kinds.insert(name.to_owned(), rest.to_owned()).is_none(), "{line} twice");
                    }
                    _ => panic!("{line}"),
                }
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let bare = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let kind = kinds.get(name).or_else(|| kinds.get(bare?));
            assert!(is_name(name) && kind.is_some(), "{line}");
            if let Some((_, labels)) = series.split_once('{') {
                check_labels(labels.strip_suffix('}').unwrap());
            }
            let value: f64 = value.parse().unwrap();
            assert!(samples.insert(series.to_owned(), value).is_none(), "{series} twice");
        }
        samples
    }

    fn is_name(name: &str) -> bool {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    }

    fn check_labels(mut labels: &str) {
        while !labels.is_empty() {
            let (name, rest) = labels.split_once("=\"").unwrap();
            assert!(is_name(name), "{labels}");
            let mut escaped = false;
            let end = rest.bytes().position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            });
            let rest = &rest[end.unwrap() + 1..];
            labels = rest.strip_prefix(',').unwrap_or(rest);
        }
    }

    #[test]
    fn the_text_is_read_back() {
        let meter = Meter::new();
        meter.add(COLD_STARTS, "", 1);
        meter.add(RECORDS_IN, "users_created", 500);
        meter.add(RECORDS_IN, "a \"quoted\\\" topic\n", 1);
        meter.set(FRESHNESS, "users_created", 1.5);
        for age in [0.05, 2.0, 1e9] {
            meter.observe(BATCH_AGE, "users_created", age);
        }
        let samples = parse(&text(&meter.snapshot()));
        for (series, value) in [
            ("millrace_cold_starts_total", 1.0),
            ("millrace_records_in_total{topic=\"users_created\"}", 500.0),
            ("millrace_records_in_total{topic=\"a \\\"quoted\\\\\\\" topic\\n\"}", 1.0),
            ("millrace_freshness_seconds{topic=\"users_created\"}", 1.5),
            ("millrace_batch_age_seconds_bucket{topic=\"users_created\",le=\"0.1\"}", 1.0),
            ("millrace_batch_age_seconds_bucket{topic=\"users_created\",le=\"2.5\"}", 2.0),
            ("millrace_batch_age_seconds_bucket{topic=\"users_created\",le=\"+Inf\"}", 3.0),
            ("millrace_batch_age_seconds_count{topic=\"users_created\"}", 3.0),
        ] {
            assert_eq!(samples.get(series), Some(&value), "{series} in {samples:#?}");
        }
    }

    #[test]
    fn a_meter_that_was_told_nothing_describes_every_metric() {
        let text = text(&[]);
        assert!(parse(&text).is_empty());
        assert!(ALL.iter().all(|metric| text.contains(&format!("# TYPE {} ", name(*metric)))));
    }
}
