//! What a run reads: the state where it is of use, and the raw objects that it does not stand for.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use millrace_lake::store::{ObjectMeta, Store};

use super::raw_scan::{self, RawObject};
use super::state::coverage::{self, Covered};
use super::state::unusable::Unusable;
use super::state::{self, Known};
use crate::job_error::JobError;
use crate::job_settings::RunContext;

/// The input of one run. Together, `state` and `new` hold each row of the listed objects that can still count.
pub(super) struct Input {
    /// Raw objects to be read, in key order; all that are listed where there is no `state`.
    pub(super) new: Vec<RawObject>,
    pub(super) state: Option<Known>,
    pub(super) keep: Keep,
    /// What a state covers that is made of this input.
    pub(super) covered: Vec<Covered>,
}

/// What the run does about the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Nothing: what is there stays.
    Nothing,
    /// No row is new, but the objects that hold them are others: only the manifest changes.
    Coverage,
    /// A new state.
    Rows,
}

impl Input {
    /// Finds out what to read of `listed`, starting from the state of the manifest `found`, if it may be trusted.
    pub(super) async fn gather(
        store: &dyn Store,
        ctx: &RunContext,
        listed: &[ObjectMeta],
        found: Option<&Bytes>,
        trusted: bool,
        scratch: &Path,
    ) -> Result<Self, JobError> {
        let state =
            if trusted { state::open(store, found, ctx, scratch).await? } else { Err(Unusable::Distrusted) };
        let known = match state {
            Ok(state) => Self::starting_from(store, listed, state, scratch).await?,
            Err(reason) => Err((reason, Vec::new())),
        };
        let (reason, mut new) = match known {
            Ok(input) => return Ok(input),
            Err(unusable) => unusable,
        };
        // A run for an earlier day must not cost the daily one its state.
        let keep = if matches!(reason, Unusable::Ahead(_)) { Keep::Nothing } else { Keep::Rows };
        if reason != Unusable::Missing {
            tracing::info!(%reason, "the job's state is of no use, all of raw is read");
        }
        let rest: Vec<_> = listed
            .iter()
            .filter(|listed| new.iter().all(|object| object.key != listed.key))
            .cloned()
            .collect();
        new.extend(raw_scan::open(store, &rest, scratch, "covered").await?);
        new.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        let covered = coverage::after(listed, &[], &sources(&new));
        Ok(Self { new, state: None, keep, covered })
    }

    /// The input that starts from `state`, or why there is none and the objects that were opened to find that out.
    async fn starting_from(
        store: &dyn Store,
        listed: &[ObjectMeta],
        state: Known,
        scratch: &Path,
    ) -> Result<Result<Self, (Unusable, Vec<RawObject>)>, JobError> {
        let before = &state.manifest.covered;
        let others = coverage::others(before, listed);
        let others = raw_scan::open(store, &others, scratch, "raw").await?;
        let sources = sources(&others);
        let new = match coverage::news(before, listed, &others) {
            Ok(new) => new.into_iter().cloned().collect::<Vec<_>>(),
            Err(reason) => return Ok(Err((reason, others))),
        };
        let covered = coverage::after(listed, before, &sources);
        let keep = match (new.is_empty(), covered == *before) {
            (true, true) => Keep::Nothing,
            (true, false) => Keep::Coverage,
            (false, _) => Keep::Rows,
        };
        Ok(Ok(Self { new, state: Some(state), keep, covered }))
    }
}

fn sources(objects: &[RawObject]) -> BTreeMap<String, Vec<String>> {
    objects.iter().map(|object| (object.key.to_string(), object.compacted_from.clone())).collect()
}
