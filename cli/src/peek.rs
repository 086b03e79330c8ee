//! `millrace peek`: the records of a topic, a line each.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::SecondsFormat;
use clap::Args;
use millrace_events::decode::{Decoder, Value};
use millrace_events::event_catalogue;
use millrace_events::frame::Encoding;
use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use millrace_events::redact::is_secret;
use millrace_events::repository_schemas::RepositorySchemas;
use millrace_events::row::RowBuffer;
use millrace_events::writer_schemas::WriterSchemas;
use millrace_runtime::reader_has_left;
use millrace_stream::fetched_schemas::FetchedSchemas;
use millrace_stream::peek::{Peek, Peeked, Start, Until};
use millrace_stream::record::Record;
use millrace_stream::topics::Topics;
use serde_json::json;
use uuid::Uuid;

use crate::broker_args::{RegistryArgs, client};
use crate::broker_list::parse_brokers;
use crate::count::count;
use crate::day::parse_instant;
use crate::output;
use crate::topic_choice::is_there;

pub(crate) const EXAMPLES: &str = "\
Examples:
  export MILLRACE_BROKERS=localhost:9092
  millrace peek user_interactions --decode -n 10
  millrace peek ad_events --from 2026-01-31T12:00:00Z --follow --decode
  Dead letters, with what failed and where:
  millrace peek users_created.dlq --from beginning

One record a line, as JSON. Nothing is committed, so whoever reads the topic
does not notice. Secrets of logins are masked.";

/// Arguments of `millrace peek`.
#[derive(Debug, Args)]
pub(crate) struct PeekArgs {
    /// The topic
    topic: String,
    /// Kafka's brokers, host:port (several by commas)
    #[arg(long, value_name = "BROKERS", env = "MILLRACE_BROKERS", value_parser = parse_brokers)]
    brokers: String,
    /// Where to begin in each partition: beginning, end, an offset, or an instant (RFC 3339, or a day) [default: beginning, with
    /// --follow end]
    #[arg(long, value_name = "PLACE", value_parser = parse_start)]
    from: Option<Start>,
    /// Go on with what is produced later, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Tell values by their fields instead of their size
    #[arg(long)]
    decode: bool,
    /// At most so many records
    #[arg(short, long, value_name = "N", value_parser = count::<u64, 0>)]
    number: Option<u64>,
    #[command(flatten)]
    registry: RegistryArgs,
    /// Records as JSON, a line each: as they are shown anyway
    #[arg(long)]
    json: bool,
}

fn parse_start(text: &str) -> Result<Start, String> {
    match text {
        "beginning" => return Ok(Start::Beginning),
        "end" => return Ok(Start::End),
        _ => {}
    }
    if let Ok(offset) = text.parse() {
        return Ok(Start::Offset(Offset(offset)));
    }
    parse_instant(text).map(|instant| Start::Timestamp(Millis(instant.timestamp_millis()))).map_err(|_| {
        "give beginning, end, an offset, or an instant such as 2026-01-31T12:00:00Z or yesterday".to_owned()
    })
}

pub(crate) async fn peek(args: PeekArgs) -> anyhow::Result<ExitCode> {
    let fetched = args.registry.registry()?.map(|registry| Arc::new(FetchedSchemas::new(registry)));
    let handle = tokio::runtime::Handle::current();
    let work = tokio::task::spawn_blocking(move || {
        let start = args.from.unwrap_or(if args.follow { Start::End } else { Start::Beginning });
        let until = if args.follow { Until::Followed } else { Until::End };
        let settings = client(&args.brokers)?;
        let brokers = Topics::connect(&settings)?;
        let all = brokers.all()?;
        is_there(&args.topic, &all.keys().map(String::as_str).collect::<Vec<_>>(), &args.brokers)?;
        let mut records = Peek::open(&settings, &args.topic, start, until)?;
        let mut reader = Reader::new(args.decode, fetched, handle);
        let mut out = output::out();
        let mut left = args.number.unwrap_or(u64::MAX);
        while left > 0 {
            match records.next(Duration::from_millis(200), |record| reader.line(record))? {
                Peeked::Record(line) => {
                    writeln!(out, "{}", line?)?;
                    left -= 1;
                }
                // Nothing may come for hours, and `| head` has what it wanted.
                Peeked::Nothing if reader_has_left() => break,
                Peeked::Nothing => {}
                Peeked::End => {
                    // What it holds back is not shown, and is not nothing.
                    for open in brokers.open_transactions(&args.topic)? {
                        tracing::warn!("{open}: what lies behind it is not shown");
                    }
                    break;
                }
            }
        }
        Ok::<_, anyhow::Error>(())
    });
    work.await??;
    Ok(ExitCode::SUCCESS)
}

/// Tells records in lines.
pub(crate) struct Reader {
    decode: bool,
    fetched: Option<Arc<FetchedSchemas>>,
    schemas: Arc<dyn WriterSchemas>,
    handle: tokio::runtime::Handle,
    decoders: BTreeMap<&'static str, Decoder>,
}

impl Reader {
    fn new(decode: bool, fetched: Option<Arc<FetchedSchemas>>, handle: tokio::runtime::Handle) -> Self {
        let schemas: Arc<dyn WriterSchemas> = match &fetched {
            Some(fetched) => fetched.clone(),
            None => RepositorySchemas::shared(),
        };
        Self { decode, fetched, schemas, handle, decoders: BTreeMap::new() }
    }

    fn line(&mut self, record: &Record<'_>) -> anyhow::Result<serde_json::Value> {
        let headers = headers(record);
        let instant = record.timestamp.and_then(Millis::date_time);
        let instant = instant.map(|instant| instant.to_rfc3339_opts(SecondsFormat::Millis, true));
        let mut line = json!({
            "partition": record.partition, "offset": record.offset, "timestamp": instant,
            "key": record.key.map(text), "headers": headers, "bytes": record.value.map(<[u8]>::len),
        });
        if self.decode {
            match self.value(record)? {
                Ok(value) => line["value"] = value,
                Err(reason) => line["undecodable"] = reason.into(),
            }
        }
        Ok(line)
    }

    /// The value by its fields, or why it has none.
    fn value(&mut self, record: &Record<'_>) -> anyhow::Result<Result<serde_json::Value, String>> {
        let topic = record.topic.strip_suffix(".dlq").unwrap_or(record.topic);
        let Some(event) = event_catalogue::by_topic(topic) else {
            return Ok(Err(format!("no event of ours travels on {}", record.topic)));
        };
        let content_type = record.header("content-type");
        let value = Value { bytes: record.value, content_type, source: None };
        if let (Some(fetched), Some(id)) = (&self.fetched, value.schema_needed()) {
            self.handle.block_on(fetched.learn(id)).context("the record's schema could not be fetched")?;
        }
        let schemas = &self.schemas;
        let decoder =
            self.decoders.entry(event.topic()).or_insert_with(|| Decoder::new(event, schemas.clone()));
        Ok(match decoder.decode(&value) {
            Ok(row) => {
                let mut json = Vec::new();
                event.encode(&row, Encoding::Json, None, &mut json);
                serde_json::from_slice(&json).map_err(|error| error.to_string())
            }
            // A dead letter is told as it is, where it is text at all.
            Err(refusal) => match record.value.and_then(|value| serde_json::from_slice(value).ok()) {
                Some(value) => Ok(without_secrets(value)),
                None => Err(refusal.to_string()),
            },
        })
    }
}

/// A simulated record's value by its fields; what cannot be read so is told by its size.
pub(crate) fn decoded(record: &millrace_sources::Record<'_>) -> serde_json::Value {
    let fine = record.fault.is_none_or(|fault| fault.is_of_bytes());
    let event = event_catalogue::by_topic(record.stream.topic()).filter(|_| fine);
    let json = event.and_then(|event| {
        let mut json = Vec::new();
        let mut row = RowBuffer::new(event);
        event.transcode(record.value, Encoding::Json, None, &mut row, &mut json).ok()?;
        serde_json::from_slice(&json).ok()
    });
    json.unwrap_or_else(|| json!({ "bytes": record.value.len() }))
}

/// Headers by their names: a text, or null where it has no value; a list of these, in their order, where a name is repeated.
fn headers(record: &Record<'_>) -> serde_json::Value {
    let mut headers = serde_json::Map::new();
    for (name, value) in &record.headers {
        let value = serde_json::Value::from(value.map(text));
        let values: Vec<_> = record.headers.iter().filter(|(other, _)| other == name).collect();
        if values.len() == 1 {
            headers.insert((*name).to_owned(), value);
        } else if let Some(list) =
            headers.entry(*name).or_insert_with(|| serde_json::Value::Array(Vec::new())).as_array_mut()
        {
            list.push(value);
        }
    }
    headers.into()
}

/// A key or a header: its text, a uuid's 16 bytes as such, else hex.
pub(crate) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => match Uuid::from_slice(bytes) {
            Ok(uuid) => uuid.to_string(),
            Err(_) => bytes.iter().fold("0x".to_owned(), |hex, byte| format!("{hex}{byte:02x}")),
        },
    }
}

fn without_secrets(mut value: serde_json::Value) -> serde_json::Value {
    match &mut value {
        serde_json::Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                *member = if is_secret(name) { "***".into() } else { without_secrets(member.take()) };
            }
        }
        serde_json::Value::Array(elements) => {
            for element in elements {
                *element = without_secrets(element.take());
            }
        }
        _ => {}
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_at_any_depth() {
        let value = json!({"login": {"Password": "x", "uuid": "u"}, "all": [{"md5": 7}]});
        assert_eq!(
            without_secrets(value),
            json!({"login": {"Password": "***", "uuid": "u"}, "all": [{"md5": "***"}]})
        );
    }

    #[test]
    fn keys_are_texts_uuids_or_hex() {
        assert_eq!(text("ü-1".as_bytes()), "ü-1");
        let uuid = 0x7a0e_ed16_9430_4d68_901f_c0d4_c1c3_bf00_u128.to_be_bytes();
        assert_eq!(text(&uuid), "7a0eed16-9430-4d68-901f-c0d4c1c3bf00");
        assert_eq!(text(&[0, 255]), "0x00ff");
    }

    #[test]
    fn headers_without_a_value_are_null_and_repeated_ones_a_list() {
        let headers = vec![
            ("trace", Some(&b"a"[..])),
            ("none", None),
            ("trace", None),
            ("empty", Some(&b""[..])),
            ("trace", Some(&b"c"[..])),
        ];
        let record = Record {
            topic: "t",
            partition: 0,
            offset: Offset::ZERO,
            timestamp: None,
            key: None,
            value: None,
            headers,
        };
        let told = json!({"trace": ["a", null, "c"], "none": null, "empty": ""});
        assert_eq!(super::headers(&record), told);
    }

    #[test]
    fn places_to_begin() {
        assert_eq!(parse_start("beginning"), Ok(Start::Beginning));
        assert_eq!(parse_start("17"), Ok(Start::Offset(Offset(17))));
        assert_eq!(parse_start("1970-01-01T00:00:01Z"), Ok(Start::Timestamp(Millis(1_000))));
        assert_eq!(parse_start("1970-01-02"), Ok(Start::Timestamp(Millis(86_400_000))));
        assert!(parse_start("lately").unwrap_err().contains("beginning"));
    }
}
