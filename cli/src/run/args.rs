//! What `millrace run` can be told.

use std::path::PathBuf;

use crate::broker_list::parse_brokers;
use crate::count::count;
use crate::day::parse_day;
use crate::lake::LakeAddress;
use chrono::NaiveDate;
use millrace_events::event::Event;
use millrace_events::event_catalogue;
use millrace_lake::TopicGeneration;
use millrace_sources::{Share, Stream, Streams};

const EXAMPLES: &str = "\
Examples:
  5,000 users from the API, or simulated ones where it does not answer:
  millrace run
  millrace run --users 200000 --source simulator --broken 1% --repeat 5%
  millrace run --source recorded:answers/ --as-of 2026-01-31 --json
  What these users do too, 50,000 simulated events:
  millrace run --streams all
  millrace run --brokers localhost:9092 --generation g0001

Exit codes: 0 done, 1 failed (what was fetched is landed), 2 wrong usage, 130
after Ctrl-C (what was fetched is in the tables)";

/// Carry users from a source through Kafka into the lake and make tables of them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// How many users [default: 5000; recorded answers: all of them]
    #[arg(long, value_name = "N", value_parser = count::<u64, 1>)]
    pub users: Option<u64>,

    /// Where users come from: auto (the API if it answers, else the simulator), api, simulator, or recorded:PATH, a
    /// file or a folder of API answers (*.json)
    #[arg(long, value_name = "SOURCE", default_value = "auto")]
    pub source: SourceChoice,

    /// The seed of the API's or the simulator's users [default: drawn; fixed under --as-of]
    #[arg(long, value_name = "SEED")]
    pub seed: Option<String>,

    /// Share of the simulator's users, and of simulated events, that are broken, such as 1%
    #[arg(long, value_name = "SHARE", default_value = "0%")]
    pub broken: Share,

    /// Share of the simulator's users that repeat the id of an earlier one with changed details, and of simulated events
    /// that are sent twice, such as 5% [default: 2% of the users, with --tidy none]
    #[arg(long, value_name = "SHARE")]
    pub repeat: Option<Share>,

    /// Simulated users without a flaw, as the API's are [default: as untidy as real ones; docs/events.md tells the shares]
    #[arg(long)]
    pub tidy: bool,

    /// Which streams: users, and by commas what they do: interactions, videos, ads; or all
    #[arg(long, value_name = "STREAMS", default_value = "users")]
    pub streams: Streams,

    /// How many simulated events of what the users do [default: 10 for each user]
    #[arg(long, value_name = "N", value_parser = count::<u64, 0>)]
    pub events: Option<u64>,

    /// Share of the simulated events that come late, by up to 48 hours, such as 2%
    #[arg(long, value_name = "SHARE", default_value = "0%")]
    pub late: Share,

    /// Kafka's brokers, host:port (several by commas), or embedded: one in this process
    #[arg(long, value_name = "BROKERS", default_value = "embedded", env = "MILLRACE_BROKERS", value_parser = parse_brokers)]
    pub brokers: String,

    /// Names this topic generation, [0-9a-z]{1,32}, zero-padded if numbered; needed with real brokers; the embedded
    /// one's is the lake's own
    #[arg(long, value_name = "GENERATION", env = "MILLRACE_GENERATION")]
    pub generation: Option<String>,

    /// The lake: a folder, made if missing, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    pub lake: LakeAddress,

    /// The run's logical day, YYYY-MM-DD, today or yesterday; recorded and simulated sources then run on that day's clock, so that the
    /// same arguments give the same tables [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    pub as_of: Option<NaiveDate>,

    /// Print one JSON object instead of the summary
    #[arg(long)]
    pub json: bool,
}

/// `--source`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceChoice {
    Auto,
    Api,
    Simulator,
    Recorded(PathBuf),
}

impl std::str::FromStr for SourceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "api" => Ok(Self::Api),
            "simulator" => Ok(Self::Simulator),
            _ => match text.strip_prefix("recorded:") {
                Some(path) if !path.is_empty() => Ok(Self::Recorded(path.into())),
                Some(_) => Err("name the file or the folder: recorded:PATH".to_owned()),
                None => Err("give auto, api, simulator or recorded:PATH".to_owned()),
            },
        }
    }
}

/// Arguments that are at odds with one another: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// What the arguments come to, checked against one another.
#[derive(Debug)]
pub(crate) struct RunPlan {
    /// `None`: an embedded broker.
    pub(crate) brokers: Option<String>,
    /// Set ones only; the embedded broker's is kept in the lake.
    pub(crate) generation: Option<TopicGeneration>,
    pub(crate) source: SourceChoice,
    /// The events of the streams, users first.
    pub(crate) streams: Vec<&'static Event>,
    /// The logical day; `None` is the day on which the jobs start.
    pub(crate) as_of: Option<NaiveDate>,
    /// Why `--source auto` does not even try the API.
    pub(crate) auto_is_simulator: bool,
}

impl RunArgs {
    pub(crate) fn plan(&self, today: NaiveDate) -> Result<RunPlan, UsageError> {
        let usage = |text: &str| Err(UsageError(text.to_owned()));
        let brokers = (self.brokers != "embedded").then(|| self.brokers.clone());
        let generation = match &self.generation {
            Some(text) => {
                Some(TopicGeneration::new(text.clone()).map_err(|error| UsageError(error.to_string()))?)
            }
            None => None,
        };
        if brokers.is_some() && generation.is_none() {
            return usage(
                "--brokers needs --generation: a name for this topic generation, such as g0001; give the same name \
                 on every run until the topic is deleted and made again",
            );
        }
        if brokers.is_none() && generation.is_some() {
            return usage(
                "--generation belongs to --brokers HOST:PORT: all runs of the embedded broker into a lake are one generation, which the lake names",
            );
        }
        if self.as_of.is_some_and(|day| day <= NaiveDate::default()) {
            // Kafka's clients take a timestamp of 0 for "now".
            return usage("--as-of starts at 1970-01-02");
        }
        let other_day = self.as_of.is_some_and(|day| day != today);
        if other_day && self.source == SourceChoice::Api {
            return usage(
                "the API has only today's clock: leave --as-of out, or take --source simulator or recorded:PATH",
            );
        }
        let behaviour = Stream::ALL.into_iter().filter(|stream| *stream != Stream::Users);
        let behaviour: Vec<_> = behaviour.filter(|stream| self.streams.contains(*stream)).collect();
        if behaviour.is_empty() && (self.events.is_some() || self.late != Share::NONE) {
            return usage("--events and --late are for what users do: add --streams all");
        }
        let simulated = matches!(self.source, SourceChoice::Auto | SourceChoice::Simulator);
        let repeats = self.repeat.is_some_and(|share| share != Share::NONE);
        if !simulated && behaviour.is_empty() && (self.broken != Share::NONE || repeats) {
            return usage("--broken and --repeat are for the simulator: add --source simulator");
        }
        if !simulated && self.tidy {
            return usage("--tidy is for the simulator's users: leave it out, or add --source simulator");
        }
        if self.seed.is_some() && matches!(self.source, SourceChoice::Recorded(_)) {
            return usage("recorded answers have no seed to set: leave --seed out");
        }
        Ok(RunPlan {
            brokers,
            generation,
            source: self.source.clone(),
            // Whatever users do, there are users first.
            streams: std::iter::once(Stream::Users)
                .chain(behaviour)
                .filter_map(|stream| event_catalogue::by_topic(stream.topic()))
                .collect(),
            as_of: self.as_of,
            auto_is_simulator: other_day || self.broken != Share::NONE || repeats,
        })
    }
}
