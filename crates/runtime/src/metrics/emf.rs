//! Metrics as CloudWatch's embedded metric format: lines of JSON on a function's standard output, of which CloudWatch makes
//! metrics by itself. <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Map, Value as Json, json};

use super::definition::Label;
use super::meter::{Meter, Reading, Value};

/// CloudWatch's name for what all metrics of ours are in; alarms and dashboards ask for it.
pub const NAMESPACE: &str = "Millrace";

/// The variable with the environment's name, which Terraform sets: a dimension, by which two environments of one account are told
/// apart. Without it, or empty, there is none.
pub const ENVIRONMENT: &str = "MILLRACE_ENVIRONMENT";

/// Values of one metric that a document may have.
const VALUES_A_DOCUMENT: usize = 100;

/// Who tells, and when.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The environment's name, [`ENVIRONMENT`]: a dimension of each metric. Empty: there is none.
    pub environment: &'a str,
    /// The function's name: a dimension of each metric.
    pub function: &'a str,
    /// Lambda's id of the invocation: no dimension, but beside the numbers where they are searched in the log.
    pub request_id: &'a str,
    /// Milliseconds since 1970, UTC.
    pub now_millis: u64,
}

/// Writes what `meter` holds to standard output and empties it: the last act of an invocation. What cannot be written is lost, as a
/// function that did its work does not fail for its figures.
pub fn tell(meter: &Meter, told: Told<'_>) {
    let mut lines = String::new();
    for document in documents(&meter.take(), told) {
        lines.push_str(&document.to_string());
        lines.push('\n');
    }
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
}

/// The documents, one for each label's value, more where one has too many values.
pub fn documents(snapshot: &[Reading], told: Told<'_>) -> Vec<Json> {
    let mut by_label: BTreeMap<(Label, &str), Vec<&Reading>> = BTreeMap::new();
    for reading in snapshot {
        by_label.entry((reading.metric.label, &reading.label)).or_default().push(reading);
    }
    let mut documents = Vec::new();
    for ((label, value), readings) in by_label {
        let rounds = readings.iter().map(|reading| rounds(&reading.value)).max().unwrap_or(0);
        documents.extend((0..rounds).map(|round| document(label, value, &readings, round, told)));
    }
    documents
}

/// How many documents it takes to tell `value`.
fn rounds(value: &Value) -> usize {
    match value {
        Value::Counter(_) | Value::Gauge(_) => 1,
        Value::Distribution(distribution) => distribution.values.len().div_ceil(VALUES_A_DOCUMENT),
    }
}

fn document(label: Label, value: &str, readings: &[&Reading], round: usize, told: Told<'_>) -> Json {
    let mut members = Map::new();
    let mut metrics = Vec::new();
    for reading in readings {
        let Some(told) = part(&reading.value, round) else { continue };
        let metric = reading.metric;
        metrics.push(json!({ "Name": metric.name, "Unit": metric.unit.in_cloudwatch() }));
        members.insert(metric.name.to_owned(), told);
    }
    let mut dimensions = vec!["function"];
    if !told.environment.is_empty() {
        dimensions.insert(0, "environment");
        members.insert("environment".to_owned(), told.environment.into());
    }
    if let Some(name) = label.name() {
        dimensions.push(name);
        members.insert(name.to_owned(), value.into());
    }
    members.insert("function".to_owned(), told.function.into());
    members.insert("request_id".to_owned(), told.request_id.into());
    let metadata = json!({
        "Timestamp": told.now_millis,
        "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics }],
    });
    members.insert("_aws".to_owned(), metadata);
    Json::Object(members)
}

/// What document number `round` tells of `value`.
fn part(value: &Value, round: usize) -> Option<Json> {
    match value {
        Value::Counter(count) => (round == 0).then(|| json!(count)),
        Value::Gauge(value) => (round == 0).then(|| json!(value)),
        Value::Distribution(distribution) => {
            distribution.values.chunks(VALUES_A_DOCUMENT).nth(round).map(|values| json!(values))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ALL, BATCH_AGE, BYTES_OUT, COLD_STARTS, FRESHNESS, OBJECT_SIZE, RECORDS_IN};
    use super::*;

    const TOLD: Told<'_> = Told {
        environment: "millrace-dev",
        function: "land-events",
        request_id: "r-1",
        now_millis: 1_770_091_200_000,
    };

    fn documents_of(meter: &Meter) -> Vec<Json> {
        documents(&meter.take(), TOLD)
    }

    /// What the specification asks of a document.
    fn check(document: &Json) {
        let root = document.as_object().unwrap();
        let metadata = root["_aws"].as_object().unwrap();
        assert!(metadata["Timestamp"].is_u64());
        let directives = metadata["CloudWatchMetrics"].as_array().unwrap();
        assert!(!directives.is_empty());
        for directive in directives {
            let namespace = directive["Namespace"].as_str().unwrap();
            assert!((1..=1024).contains(&namespace.len()));
            for set in directive["Dimensions"].as_array().unwrap() {
                let set = set.as_array().unwrap();
                assert!(set.len() <= 30);
                for name in set {
                    let value = root[name.as_str().unwrap()].as_str().unwrap();
                    assert!((1..=1024).contains(&value.len()), "{name}");
                }
            }
            let metrics = directive["Metrics"].as_array().unwrap();
            assert!((1..=100).contains(&metrics.len()));
            for metric in metrics {
                let metric = metric.as_object().unwrap();
                assert!(
                    metric.keys().all(|key| ["Name", "Unit", "StorageResolution"].contains(&key.as_str()))
                );
                assert!(["Count", "Bytes", "Seconds"].contains(&metric["Unit"].as_str().unwrap()));
                match &root[metric["Name"].as_str().unwrap()] {
                    Json::Number(_) => {}
                    Json::Array(values) => {
                        assert!((1..=100).contains(&values.len()) && values.iter().all(Json::is_number));
                    }
                    other => panic!("{other} is no target of a metric"),
                }
            }
        }
        assert!(document.to_string().len() < 256 << 10);
        assert!(!document.to_string().contains('\n'));
    }

    #[test]
    fn documents_are_as_cloudwatch_wants_them() {
        let meter = Meter::new();
        meter.add(COLD_STARTS, "", 1);
        meter.add(RECORDS_IN, "users_created", 500);
        meter.set(FRESHNESS, "users_created", 1.5);
        meter.observe(BATCH_AGE, "users_created", 2.5);
        meter.add(BYTES_OUT, "users", 4_096);
        let documents = documents_of(&meter);
        documents.iter().for_each(check);
        assert_eq!(documents.len(), 3);
        let topic = &documents[1];
        assert_eq!(
            (&topic["records_in"], &topic["batch_age"], &topic["freshness"]),
            (&json!(500), &json!([2.5]), &json!(1.5))
        );
        assert_eq!((&topic["topic"], &topic["request_id"]), (&json!("users_created"), &json!("r-1")));
        assert_eq!(
            topic["_aws"]["CloudWatchMetrics"][0]["Dimensions"],
            json!([["environment", "function", "topic"]])
        );
        assert_eq!(topic["environment"], json!("millrace-dev"));
        assert!(documents_of(&meter).is_empty());
    }

    #[test]
    fn two_environments_of_an_account_share_no_metric() {
        let meter = Meter::new();
        let dimensions_of = |environment| {
            meter.add(COLD_STARTS, "", 1);
            let documents = documents(&meter.take(), Told { environment, ..TOLD });
            documents.iter().for_each(check);
            let [document] = documents.as_slice() else { panic!("{documents:?}") };
            let names = document["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0].as_array().unwrap();
            let values =
                names.iter().map(|name| document[name.as_str().unwrap()].as_str().unwrap().to_owned());
            values.collect::<Vec<_>>()
        };
        assert_eq!(dimensions_of("millrace-dev"), ["millrace-dev", "land-events"]);
        assert_eq!(dimensions_of("millrace-prod"), ["millrace-prod", "land-events"]);
        // Whoever sets no environment has the metrics of before.
        assert_eq!(dimensions_of(""), ["land-events"]);
    }

    #[test]
    fn more_values_than_a_document_takes_are_told_in_several_and_counters_once() {
        let meter = Meter::new();
        (0..250).for_each(|size| meter.observe(OBJECT_SIZE, "users", f64::from(size)));
        meter.add(BYTES_OUT, "users", 9);
        let documents = documents_of(&meter);
        documents.iter().for_each(check);
        let values: Vec<_> =
            documents.iter().map(|document| document["object_size"].as_array().unwrap().len()).collect();
        assert_eq!(values, [100, 100, 50]);
        assert_eq!(documents.iter().filter(|document| document.get("bytes_out").is_some()).count(), 1);
    }

    #[test]
    fn no_metric_hides_a_dimension() {
        assert!(ALL.iter().all(|metric| {
            !["environment", "function", "request_id", "topic", "table"].contains(&metric.name)
        }));
    }
}
