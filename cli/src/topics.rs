//! `millrace topics`: what a broker holds, and who reads it how far.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use indicatif::HumanCount;
use millrace_stream::broker_description::{
    BrokerDescription, Told, TopicDescription, describe_broker, reader,
};
use serde_json::json;

use crate::broker_args::client;
use crate::broker_list::parse_brokers;
use crate::output;
use crate::topic_choice::is_there;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace topics --brokers localhost:9092
  millrace topics --brokers localhost:9092 --topic ad_events --partitions
  millrace topics --brokers localhost:9092 --group land-events --json";

/// Arguments of `millrace topics`.
#[derive(Debug, Args)]
pub(crate) struct TopicsArgs {
    /// Kafka's brokers, host:port (several by commas)
    #[arg(long, value_name = "BROKERS", env = "MILLRACE_BROKERS", value_parser = parse_brokers)]
    brokers: String,
    /// Only this topic
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// How far this group is, also where the broker does not list its groups
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// A line for each partition
    #[arg(long)]
    partitions: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn topics(args: &TopicsArgs) -> anyhow::Result<ExitCode> {
    let settings = client(&args.brokers)?;
    let mut found = describe_broker(&settings)?;
    if let Some(topic) = &args.topic {
        let names: Vec<_> = found.topics.iter().map(|one| one.topic.as_str()).collect();
        is_there(topic, &names, &args.brokers)?;
        found.topics.retain(|one| one.topic == *topic);
    }
    if let Some(group) = &args.group {
        for topic in &mut found.topics {
            topic.readers.retain(|reader| reader.group == *group);
        }
        // The brokers may list no groups, or not this one's offsets.
        if found.topics.iter().all(|topic| topic.readers.is_empty()) {
            reader(&settings, group, &mut found.topics)?;
        }
    }
    let mut out = output::out();
    if args.json {
        writeln!(out, "{}", told(&found))?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{}",
        if args.partitions { of_partitions(&found.topics) } else { of_topics(&found.topics) }
    )?;
    for open in found.topics.iter().flat_map(|topic| &topic.open) {
        writeln!(out, "{open}: readers of committed records get nothing behind it before it ends")?;
    }
    if let Some(group) = args.group.as_ref().filter(|_| found.topics.iter().all(|one| one.readers.is_empty()))
    {
        writeln!(out, "group {group}: has committed nothing of these")?;
    }
    if let Told::NotTold(why) = &found.groups {
        writeln!(out, "groups: not told by this broker ({why}); ask for one by --group")?;
    }
    writeln!(out, "bytes: not told to Kafka's clients of this kind")?;
    Ok(ExitCode::SUCCESS)
}

fn told(broker: &BrokerDescription) -> serde_json::Value {
    let topics = broker.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|(partition, marks)| {
            let open = topic.open.iter().find(|open| open.partition == *partition);
            let last_stable = open.map_or(marks.end, |open| open.last_stable);
            json!({ "partition": partition, "first": marks.begin, "end": marks.end, "messages": marks.messages(),
                    "last_stable": last_stable, "open_transaction": open.is_some() })
        });
        let readers = topic.readers.iter().map(|reader| {
            json!({ "group": reader.group, "state": reader.state, "members": reader.members,
                    "committed": reader.committed, "lag": reader.lag })
        });
        json!({ "topic": topic.topic, "messages": topic.messages(), "bytes": null,
                "partitions": partitions.collect::<Vec<_>>(), "groups": readers.collect::<Vec<_>>() })
    });
    let groups_told = matches!(broker.groups, Told::Told);
    json!({ "topics": topics.collect::<Vec<_>>(), "groups_told": groups_told })
}

fn table(header: &[&str], right: std::ops::Range<usize>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(header.to_vec());
    for column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn count(number: i64) -> String {
    HumanCount(u64::try_from(number).unwrap_or(0)).to_string()
}

fn of_topics(topics: &[TopicDescription]) -> Table {
    let mut rows = table(&["topic", "partitions", "messages", "read by (behind by)"], 1..3);
    for topic in topics {
        let readers = topic.readers.iter().map(|reader| format!("{} ({})", reader.group, count(reader.lag)));
        let readers = readers.collect::<Vec<_>>().join(", ");
        rows.add_row([
            topic.topic.clone(),
            topic.partitions.len().to_string(),
            count(topic.messages()),
            readers,
        ]);
    }
    rows
}

fn of_partitions(topics: &[TopicDescription]) -> Table {
    let mut rows = table(&["topic", "partition", "first", "end", "messages", "committed"], 1..5);
    for topic in topics {
        for (partition, marks) in &topic.partitions {
            let committed = topic
                .readers
                .iter()
                .filter_map(|reader| Some(format!("{} {}", reader.group, reader.committed.get(partition)?)));
            let committed = committed.collect::<Vec<_>>().join(", ");
            rows.add_row([
                topic.topic.clone(),
                partition.to_string(),
                marks.begin.to_string(),
                marks.end.to_string(),
                count(marks.messages()),
                committed,
            ]);
        }
    }
    rows
}
