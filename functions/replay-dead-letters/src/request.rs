//! What a run is asked to do: the function's event.

use millrace_events::position::Offset;
use serde::Deserialize;

use crate::filter::Filter;
use crate::mending::Rule;

/// One run. An unknown key is refused.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The topic whose dead letters are meant, without `.dlq`.
    pub topic: String,
    /// Tells what would be sent and sends nothing; true unless said otherwise.
    #[serde(default = "yes")]
    pub dry_run: bool,
    /// Where the letters are kept.
    #[serde(default)]
    pub from: Kept,
    /// Letters of the queue's partitions before this offset are passed over: what an earlier run has sent.
    #[serde(default)]
    pub from_offset: Offset,
    /// Which letters are meant; all unless said.
    #[serde(default)]
    pub filter: Filter,
    /// How letters are mended, applied in this order; none unless said.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Only letters that a rule has changed are sent: the others would come back as they are. True unless said
    /// otherwise; false after the consumer itself was mended.
    #[serde(default = "yes")]
    pub mended_only: bool,
    /// Letters sent at most.
    #[serde(default = "thousand")]
    pub cap: u64,
    /// A letter that has failed so often is left.
    #[serde(default = "three")]
    pub max_attempts: u32,
    /// Letters shown in the report.
    #[serde(default = "ten")]
    pub samples: usize,
}

/// Where dead letters are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// The dead-letter topic.
    #[default]
    Queue,
    /// The lake's `_dead_letters/<topic>/` and `_dead_letters/<topic>.dlq/`.
    Lake,
}

impl Request {
    /// All letters of `topic` as they are, for real.
    pub fn everything_of(topic: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            dry_run: false,
            from: Kept::Queue,
            from_offset: Offset::ZERO,
            filter: Filter::default(),
            rules: Vec::new(),
            mended_only: false,
            cap: thousand(),
            max_attempts: three(),
            samples: ten(),
        }
    }
}

fn yes() -> bool {
    true
}

fn three() -> u32 {
    3
}

fn ten() -> usize {
    10
}

fn thousand() -> u64 {
    1_000
}
