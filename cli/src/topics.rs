//! `millrace topics`: what a broker holds, and who reads it how far.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use indicatif::HumanCount;
use millrace_stream::survey::{Survey, Told, TopicSurvey, reader, survey};
use serde_json::json;

use crate::broker_args::{client, parse_brokers};
use crate::output;

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
    let mut found = survey(&settings)?;
    if let Some(topic) = &args.topic {
        found.topics.retain(|one| one.topic == *topic);
        anyhow::ensure!(
            !found.topics.is_empty(),
            "there is no topic {topic} at {}: check its name",
            args.brokers
        );
    }
    if let Some(group) = &args.group {
        reader(&settings, group, &mut found.topics)?;
        for topic in &mut found.topics {
            topic.readers.retain(|reader| reader.group == *group);
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
    if let Told::NotTold(why) = &found.groups {
        writeln!(out, "groups: not told by this broker ({why}); ask for one by --group")?;
    }
    writeln!(out, "bytes: not told to Kafka's clients of this kind")?;
    Ok(ExitCode::SUCCESS)
}

fn told(survey: &Survey) -> serde_json::Value {
    let topics = survey.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|(partition, marks)| {
            json!({ "partition": partition, "first": marks.begin, "end": marks.end, "messages": marks.messages() })
        });
        let readers = topic.readers.iter().map(|reader| {
            json!({ "group": reader.group, "state": reader.state, "members": reader.members,
                    "committed": reader.committed, "lag": reader.lag })
        });
        json!({ "topic": topic.topic, "messages": topic.messages(), "bytes": null,
                "partitions": partitions.collect::<Vec<_>>(), "groups": readers.collect::<Vec<_>>() })
    });
    let groups_told = matches!(survey.groups, Told::Told);
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

fn of_topics(topics: &[TopicSurvey]) -> Table {
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

fn of_partitions(topics: &[TopicSurvey]) -> Table {
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
