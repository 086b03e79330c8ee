//! Records in = records out + dead letters, at every hop.

use fetch_users::Fetching;
use millrace_lake::Generation;
use millrace_stream::ledger::Ledger;

use super::LandedRun;

/// What went through each hop of a run.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) generation: Generation,
    /// Whether the broker was in this process, so that its dead letters were drained into the lake.
    pub(crate) embedded: bool,
    pub(crate) fetching: Fetching,
    /// The positions that the broker gave this run's records.
    pub(crate) acknowledged: Ledger,
    pub(crate) landed: LandedRun,
    /// Dead letters that reached the lake.
    pub(crate) letters: u64,
}

/// A hop at which records went missing or came from nowhere.
#[derive(Debug, thiserror::Error)]
#[error(
    "the run does not add up at {hop}: {left}, but {right}; nothing is deleted, so keep the lake and report this"
)]
pub(crate) struct Unbalanced {
    hop: &'static str,
    left: String,
    right: String,
}

impl Flow {
    /// Of this run's records, those that became rows.
    pub(crate) fn landed(&self) -> u64 {
        self.acknowledged.common(&self.landed.landed)
    }

    /// Of this run's records, those that became dead letters at landing.
    pub(crate) fn dead_lettered(&self) -> u64 {
        self.acknowledged.common(&self.landed.dead)
    }

    /// Holds each hop against the one before it.
    pub(crate) fn check(&self) -> Result<(), Unbalanced> {
        let report = &self.fetching.report;
        let (landed, dead) = (self.landed(), self.dead_lettered());
        balance(
            "the source",
            (report.fetched, format!("{} users fetched", report.fetched)),
            (
                report.rejected + report.produced,
                format!("{} rejected + {} produced", report.rejected, report.produced),
            ),
        )?;
        balance(
            "the producer",
            (report.produced, format!("{} records produced", report.produced)),
            (self.acknowledged.len(), format!("{} acknowledged", self.acknowledged.len())),
        )?;
        balance(
            "the landing",
            (report.produced, format!("{} records produced", report.produced)),
            (landed + dead, format!("{landed} landed + {dead} dead letters")),
        )?;
        balance(
            "the lake's objects",
            (self.landed.landed.len(), format!("{} rows taken", self.landed.landed.len())),
            (self.landed.counts.rows, format!("{} rows stored", self.landed.counts.rows)),
        )?;
        if self.embedded {
            balance(
                "the dead letters",
                (report.rejected + dead, format!("{} rejected + {dead} dead at landing", report.rejected)),
                (self.letters, format!("{} dead letters in the lake", self.letters)),
            )?;
        }
        Ok(())
    }
}

fn balance(hop: &'static str, left: (u64, String), right: (u64, String)) -> Result<(), Unbalanced> {
    if left.0 == right.0 {
        return Ok(());
    }
    Err(Unbalanced { hop, left: left.1, right: right.1 })
}
