//! Log events of calls, gathered by program, each as infra/calls.json has it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use millrace_lake::root_names::{LAKE_FILE, LEASES, PLACES, PROBE};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::bench::PREFIX;

/// A call, without what differs from one time to the next.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Call {
    pub(crate) call: String,
    pub(crate) on: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) missing: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) if_match: bool,
}

type Calls = BTreeMap<&'static str, BTreeSet<Call>>;

#[derive(Debug, Default)]
struct State {
    program: Option<&'static str>,
    calls: Calls,
}

/// Gathers what this process calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<State>>);

impl Recorder {
    /// From now on, of nobody at first.
    pub(crate) fn start() -> Self {
        let recorder = Self::default();
        let subscriber = tracing_subscriber::registry().with(recorder.clone());
        tracing::subscriber::set_global_default(subscriber).unwrap();
        recorder
    }

    /// What comes is this program's.
    pub(crate) fn of(&self, program: &'static str) {
        let mut state = self.0.lock().unwrap();
        state.program = Some(program);
        state.calls.entry(program).or_default();
    }

    /// What comes is the test's own.
    pub(crate) fn nobody(&self) {
        self.0.lock().unwrap().program = None;
    }

    pub(crate) fn seen(&self) -> Calls {
        self.0.lock().unwrap().calls.clone()
    }
}

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let target = event.metadata().target();
        if target != millrace_aws_http::CALL_TRACE && target != millrace_stream::CALL_TRACE {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let call = if target == millrace_stream::CALL_TRACE { of_kafka(&fields) } else { of_aws(&fields) };
        let mut state = self.0.lock().unwrap();
        if let Some(program) = state.program {
            let calls = state.calls.entry(program).or_default();
            // A lease that lasts is renewed, and one that is in the way is read: both take longer than the work here.
            if call.call == "s3:PutObject" && call.on.starts_with(LEASES) {
                calls.insert(Call { if_match: true, ..call.clone() });
                calls.insert(Call { call: "s3:GetObject".to_owned(), if_match: false, ..call.clone() });
            }
            calls.insert(call);
        }
    }
}

#[derive(Debug, Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Fields {
    fn of(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

fn of_kafka(fields: &Fields) -> Call {
    let call = format!("kafka:{}", fields.of("operation"));
    Call { call, on: fields.of("topic").to_owned(), missing: false, if_match: false }
}

fn of_aws(fields: &Fields) -> Call {
    let (service, operation) = (fields.of("service").to_lowercase(), fields.of("operation"));
    let on = match (service.as_str(), operation) {
        ("s3", "DeleteObjects") => of_keys(fields.of("body")),
        ("s3", _) => of_s3(operation, fields.of("uri")),
        _ => of_json(fields.of("body")),
    };
    Call {
        call: format!("{service}:{operation}"),
        on,
        missing: fields.of("status") == "404",
        if_match: fields.of("if_match") == "true",
    }
}

/// The place in the lake that a request is about.
fn of_s3(operation: &str, uri: &str) -> String {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let name = if operation.starts_with("List") && !operation.ends_with("Parts") {
        let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix="));
        decoded(prefix.unwrap_or_default())
    } else {
        // http://host/bucket/key
        decoded(path.splitn(5, '/').nth(4).unwrap_or_default())
    };
    let key = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('/'));
    key.map_or_else(|| panic!("{operation} {uri} is not about the lake"), place)
}

/// The place of the objects that a request for several names, all of one folder.
fn of_keys(body: &str) -> String {
    let key = body.split_once("<Key>").and_then(|(_, rest)| rest.split_once("</Key>"));
    let (name, _) = key.unwrap_or_else(|| panic!("{body} names no object"));
    let key = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('/'));
    key.map_or_else(|| panic!("{name} is not in the lake"), place)
}

/// A key up to what differs from one object to the next: its file, and folders with a digit.
fn place(key: &str) -> String {
    if key == LAKE_FILE {
        return key.to_owned();
    }
    if key.starts_with(PROBE) {
        return PROBE.to_owned();
    }
    let mut parts: Vec<_> = key.split('/').collect();
    parts.pop();
    let known: Vec<_> =
        parts.into_iter().take_while(|part| !part.contains(|it: char| it.is_ascii_digit())).collect();
    let is_known = known.first().is_none_or(|first| PLACES.iter().any(|(_, place)| place == first));
    assert!(is_known, "{key} is in no place that crates/lake/src/root_names.rs names");
    known.iter().map(|part| format!("{part}/")).collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

/// The table that a request to Glue is about.
fn of_json(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let named = [&body["TableName"], &body["Name"], &body["TableInput"]["Name"]];
    named.into_iter().find_map(|it| it.as_str()).unwrap_or_else(|| panic!("{body} names no table")).to_owned()
}

/// A call a line.
pub(crate) fn as_file(calls: &Calls) -> String {
    let programs = calls.iter().map(|(program, calls)| {
        let lines = calls.iter().map(|call| format!("    {}", serde_json::to_string(call).unwrap()));
        format!("  \"{program}\": [\n{}\n  ]", lines.collect::<Vec<_>>().join(",\n"))
    });
    format!("{{\n{}\n}}\n", programs.collect::<Vec<_>>().join(",\n"))
}
