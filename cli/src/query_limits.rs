//! What statements may take, as several commands are told.

use std::time::Duration;

use clap::Args;
use millrace_sql::Limits;

use crate::duration::parse_duration;
use crate::size::parse_memory;

/// `--memory` and `--timeout`.
#[derive(Debug, Args)]
pub(crate) struct QueryLimits {
    /// Memory for statements, such as 512MiB [default: 1GiB]; what does not fit is spilled to disk
    #[arg(long, value_name = "SIZE", env = "MILLRACE_QUERY_MEMORY", value_parser = parse_memory)]
    memory: Option<u64>,
    /// End a statement that takes longer, such as 30s or 5m [default: none]
    #[arg(long, value_name = "TIME", env = "MILLRACE_QUERY_TIMEOUT", value_parser = parse_duration)]
    timeout: Option<Duration>,
}

impl QueryLimits {
    /// As the engine takes them.
    pub(crate) fn limits(&self) -> anyhow::Result<Limits> {
        let mut limits = Limits { timeout: self.timeout, ..Limits::default() };
        if let Some(memory) = self.memory {
            limits.memory = usize::try_from(memory)?;
        }
        Ok(limits)
    }
}
