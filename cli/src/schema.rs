//! `millrace schema`: the events' schemas, here and in a registry.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use millrace_events::event::Event;
use millrace_events::frame::Encoding;
use millrace_stream::registry::{Compatibility, Registry, RegistryError, Schema, SchemaType, Subject};
use serde_json::json;

use crate::broker_args::RegistryArgs;
use crate::output;
use crate::topic_choice::events_of;

pub(crate) const EXAMPLES: &str = "\
Examples:
  The events and their schemas, then the text of one:
  millrace schema list
  millrace schema list --topic ad_events --format avro
  Would the registry take them?
  millrace schema check --registry http://localhost:8081
  millrace schema register --registry http://localhost:8081 --format avro

Exit codes: 0 done, 1 a schema is incompatible or the registry failed, 2 wrong
usage";

/// Arguments of `millrace schema`.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// List the events' schemas, and with --registry what it has of them
    List(Chosen),
    /// Ask the registry whether it would take the schemas, and change nothing
    Check(Chosen),
    /// Register the schemas; an incompatible one is refused before any is registered
    Register(Chosen),
}

#[derive(Debug, Args)]
struct Chosen {
    /// The encoding whose schemas are meant: a subject holds those of one
    #[arg(long, value_enum, default_value_t = Format::Protobuf)]
    format: Format,
    /// One event, by its topic [default: all]
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    #[command(flatten)]
    registry: RegistryArgs,
    /// Print one JSON object a schema, each on its line
    #[arg(long)]
    json: bool,
}

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Protobuf,
    Avro,
    Json,
}

impl Format {
    pub(crate) fn encoding(self) -> Encoding {
        match self {
            Self::Protobuf => Encoding::Protobuf,
            Self::Avro => Encoding::Avro,
            Self::Json => Encoding::Json,
        }
    }

    fn schema_type(self) -> SchemaType {
        match self {
            Self::Protobuf => SchemaType::Protobuf,
            Self::Avro => SchemaType::Avro,
            Self::Json => SchemaType::Json,
        }
    }
}

/// The subject under which a registry has the event's values.
pub(crate) fn subject(event: &Event, format: Format) -> anyhow::Result<Subject> {
    let text = event.schema_text(format.encoding());
    let text = text.with_context(|| format!("{} has no schema text in this encoding", event.message()))?;
    Ok(Subject::of_values(event.topic(), Schema::new(format.schema_type(), text)))
}

pub(crate) async fn schema(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    let (Task::List(chosen) | Task::Check(chosen) | Task::Register(chosen)) = &args.task;
    let events = events_of(chosen.topic.as_slice())?;
    let registry = chosen.registry.registry()?;
    match (&args.task, registry) {
        (Task::List(_), registry) => list(chosen, &events, registry.as_ref()).await,
        (_, None) => anyhow::bail!("name the registry to ask: --registry http://localhost:8081"),
        (Task::Check(_), Some(registry)) => check(chosen, &events, &registry).await,
        (Task::Register(_), Some(registry)) => register(chosen, &events, &registry).await,
    }
}

impl Chosen {
    /// One line for machines, a row for people.
    fn tell(&self, table: &mut Table, told: serde_json::Value, row: Vec<String>) -> std::io::Result<()> {
        if self.json {
            return writeln!(output::out(), "{told}");
        }
        table.add_row(row);
        Ok(())
    }

    fn finish(&self, table: &Table) -> std::io::Result<()> {
        if self.json { Ok(()) } else { writeln!(output::out(), "{table}") }
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(header.to_vec());
    table
}

async fn list(chosen: &Chosen, events: &[&Event], registry: Option<&Registry>) -> anyhow::Result<ExitCode> {
    let mut rows = table(&["topic", "event", "subject", "own id", "in the registry"]);
    for event in events {
        let subject = subject(event, chosen.format)?;
        let own_id = event.schema_id(chosen.format.encoding()).0;
        let found = match registry {
            Some(registry) => match registry.latest(&subject.name).await {
                Ok(latest) => Some(latest),
                Err(RegistryError::UnknownSubject { .. }) => None,
                Err(error) => return Err(error.into()),
            },
            None => None,
        };
        let in_registry = match (&found, registry) {
            (Some(latest), _) => format!("version {}, id {}", latest.version, latest.schema.id),
            (None, Some(_)) => "not registered".to_owned(),
            (None, None) => "not asked".to_owned(),
        };
        // One event's schema is shown whole, whatever registry the shell has exported.
        if chosen.topic.is_some() && !chosen.json {
            writeln!(output::out(), "{}", subject.schema.text.trim_end())?;
            if registry.is_some() {
                output::remark(format_args!("{} in the registry: {in_registry}", subject.name));
            }
            return Ok(ExitCode::SUCCESS);
        }
        let told = json!({
            "topic": event.topic(), "event": event.message(), "subject": subject.name, "own_id": own_id,
            "version": found.as_ref().map(|latest| latest.version), "id": found.as_ref().map(|latest| latest.schema.id),
            "schema": subject.schema.text,
        });
        let row =
            vec![event.topic().into(), event.message().into(), subject.name, own_id.to_string(), in_registry];
        chosen.tell(&mut rows, told, row)?;
    }
    chosen.finish(&rows)?;
    Ok(ExitCode::SUCCESS)
}

async fn check(chosen: &Chosen, events: &[&Event], registry: &Registry) -> anyhow::Result<ExitCode> {
    let mut rows = table(&["subject", "answer", "reasons"]);
    let mut refused = false;
    for event in events {
        let subject = subject(event, chosen.format)?;
        let answer = registry.compatibility(&subject.name, &subject.schema).await?;
        let (word, reasons) = match answer {
            Compatibility::Compatible => ("compatible", Vec::new()),
            Compatibility::Incompatible { reasons } => ("incompatible", reasons),
        };
        refused |= word == "incompatible";
        let told = json!({ "subject": subject.name, "answer": word, "reasons": reasons });
        chosen.tell(&mut rows, told, vec![subject.name, word.to_owned(), reasons.join("; ")])?;
    }
    chosen.finish(&rows)?;
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn register(chosen: &Chosen, events: &[&Event], registry: &Registry) -> anyhow::Result<ExitCode> {
    let subjects =
        events.iter().map(|event| subject(event, chosen.format)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut rows = table(&["subject", "id", ""]);
    for registered in registry.ensure_registered(&subjects).await? {
        let told = json!({ "subject": registered.subject, "id": registered.id, "new": registered.new });
        let new = if registered.new { "new" } else { "was there" };
        chosen.tell(&mut rows, told, vec![registered.subject, registered.id.to_string(), new.to_owned()])?;
    }
    chosen.finish(&rows)?;
    Ok(ExitCode::SUCCESS)
}
