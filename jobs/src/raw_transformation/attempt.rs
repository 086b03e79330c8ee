//! One try of a run, from a listing of raw to the published tables.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use millrace_lake::erasure::refused_ids::RefusedIds;
use millrace_lake::layout::partition_key;
use millrace_lake::store::{ObjectMeta, ObjectWriter};
use millrace_tables::curated::{DATA_QUALITY_SUMMARY, USERS_TRANSFORMED};
use millrace_tables::job_names::RAW_TRANSFORMATION;
use tokio::sync::mpsc;

use super::input::{Input, Keep};
use super::pass;
use super::pass_output::{Message, PassOutput};
use super::raw_scan::{self, SchemaDrift};
use super::report::{JobReport, Progress};
use super::sources::Sources;
use super::state::replacement::{self, Next, Origin, StateReplacement};
use crate::erasure_epoch::Epoch;
use crate::iceberg_tables::Lake;
use crate::job_error::JobError;
use crate::job_settings::{JobSettings, RunContext};
use crate::polars_schema::polars_schema;
use crate::publish::{Staged, publish, schema_fingerprint};
use crate::run_record::{Inputs, RunRecord, TableReport};
use crate::scratch::Scratch;

/// What a try starts from.
pub(super) struct Attempt<'a> {
    pub(super) lake: &'a Lake,
    pub(super) ctx: &'a RunContext,
    pub(super) settings: &'a JobSettings,
    pub(super) progress: &'a (dyn Fn(Progress) + Send + Sync),
    /// When the run started, its earlier tries included.
    pub(super) started: Instant,
    /// The raw objects, and the state's manifest, as they were found.
    pub(super) listed: &'a [ObjectMeta],
    pub(super) manifest: Option<&'a Bytes>,
    /// The epoch of erasures before anything was read.
    pub(super) since: Epoch,
    /// Whom nobody takes in again, read behind the epoch.
    pub(super) refused: &'a Arc<RefusedIds>,
    /// Whether the state may be used.
    pub(super) trusted: bool,
}

impl Attempt<'_> {
    /// Reads, writes, keeps the state, publishes.
    ///
    /// The state comes first because the run record is the job's last write. A death between them does no harm: the
    /// state says what raw holds, whoever has published what.
    pub(super) async fn run(&self) -> Result<JobReport, JobError> {
        let Self { lake, ctx, settings, .. } = *self;
        let store = &lake.store;
        let scratch = Arc::new(Scratch::new_in(&settings.scratch_dir)?);
        let input =
            Input::gather(store.as_ref(), ctx, self.listed, self.manifest, self.trusted, scratch.path())
                .await?;
        let Input { new, state, keep, covered } = input;
        let inputs = inputs(self.listed, &new, state.as_ref().map_or(0, |state| state.manifest.row_count));
        let before = state.as_ref().map(|state| state.manifest.clone());
        let sources = Sources { state, new, keep: keep == Keep::Rows };

        let mut writer =
            store.writer(&partition_key(USERS_TRANSFORMED.layer, USERS_TRANSFORMED.name, ctx.as_of)?).await?;
        let mut replacement = if sources.keep {
            StateReplacement::begin(store.as_ref(), ctx).await
        } else {
            StateReplacement::none()
        };
        let (users_bytes, outcome) = self.pass(sources, scratch, writer.as_mut(), &mut replacement).await?;
        if let Some(object) = raw_scan::rewritten(self.listed, &raw_scan::list(store.as_ref()).await?) {
            return Err(JobError::Rewritten { objects: object.to_string() });
        }

        let pass::Outcome { rows, summary, positions, kept } = outcome;
        let origin = Origin { manifest: self.manifest, listed: self.listed, since: self.since };
        match (keep, before) {
            (Keep::Nothing, _) | (Keep::Coverage, None) => {}
            (Keep::Coverage, Some(before)) => {
                replacement::cover(store.as_ref(), before, covered, origin).await;
            }
            (Keep::Rows, _) => {
                let next = Next { row_count: kept, duplicates: rows.duplicates, positions, covered };
                replacement.finish(store.as_ref(), ctx, next, origin).await;
            }
        }

        let mut record = RunRecord {
            job: RAW_TRANSFORMATION.into(),
            as_of: ctx.as_of,
            started_at: ctx.started_at,
            seconds: self.started.elapsed().as_secs_f64(),
            version: env!("CARGO_PKG_VERSION").into(),
            inputs,
            rows,
            tables: tables(ctx, rows.users, users_bytes, summary.len() as u64)?,
        };
        let summary_key = partition_key(DATA_QUALITY_SUMMARY.layer, DATA_QUALITY_SUMMARY.name, ctx.as_of)?;
        let staged = vec![Staged::Writer(writer), Staged::Bytes(summary_key, Bytes::from(summary))];
        let published = publish(self.lake, staged, &mut record, self.since).await?;
        tracing::info!(?rows, published, as_of = %ctx.as_of, "raw-transformation done");
        Ok(JobReport {
            rows_in: rows.rows_in,
            raw_rows_by_position: rows.raw_rows_by_position,
            users: rows.users,
            duplicates: rows.duplicates,
            after_as_of: rows.after_as_of,
            erased: rows.erased,
            tables: record.tables,
            inputs: record.inputs,
            published,
            seconds: self.started.elapsed().as_secs_f64(),
        })
    }

    /// Has a thread do the work, its bytes going to the writers as they come; answers those of users_transformed.
    async fn pass(
        &self,
        sources: Sources,
        scratch: Arc<Scratch>,
        writer: &mut dyn ObjectWriter,
        replacement: &mut StateReplacement,
    ) -> Result<(u64, pass::Outcome), JobError> {
        // A few row groups may wait for a slow store, no more.
        let (sender, receiver) = mpsc::channel(2);
        let (ctx, limits, refused) = (*self.ctx, self.settings.clone(), Arc::clone(self.refused));
        // The worker shares the scratch folder: where this future is dropped it outlives the last file written to it.
        let work = tokio::task::spawn_blocking(move || {
            pass::run(sources, &ctx, &limits, refused, scratch.path(), &PassOutput::new(sender))
        });
        let forwarded = forward(receiver, writer, replacement, self.progress).await;
        let outcome = work.await.map_err(JobError::worker)?;
        // A store that failed is why the worker was cancelled.
        Ok((forwarded?, outcome?))
    }
}

/// Hands the worker's bytes to the store's writers; answers how many the table has.
async fn forward(
    mut receiver: mpsc::Receiver<Message>,
    writer: &mut dyn ObjectWriter,
    replacement: &mut StateReplacement,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<u64, JobError> {
    let mut bytes = 0;
    while let Some(message) = receiver.recv().await {
        match message {
            Message::Bytes(body) => {
                bytes += body.len() as u64;
                writer.write(body.into()).await?;
            }
            Message::State(body) => replacement.write(body).await,
            Message::Progress(step) => progress(step),
        }
    }
    Ok(bytes)
}

fn tables(
    ctx: &RunContext,
    users: u64,
    users_bytes: u64,
    summary: u64,
) -> Result<Vec<TableReport>, JobError> {
    let tables = [(USERS_TRANSFORMED, users, users_bytes), (DATA_QUALITY_SUMMARY, 1, summary)];
    let tables = tables.into_iter().map(|(spec, rows, bytes)| {
        let key = partition_key(spec.layer, spec.name, ctx.as_of)?;
        let schema_fingerprint = schema_fingerprint(&polars_schema(&spec.arrow_schema()));
        Ok(TableReport {
            name: spec.name.into(),
            rows,
            bytes,
            key: key.to_string(),
            schema_fingerprint,
            iceberg_snapshot: None,
        })
    });
    tables.collect()
}

fn inputs(listed: &[ObjectMeta], read: &[raw_scan::RawObject], rows_of_state: u64) -> Inputs {
    let drift = SchemaDrift::of(read);
    Inputs {
        objects: listed.iter().map(|object| object.key.to_string()).collect(),
        bytes: listed.iter().map(|object| object.size).sum(),
        objects_read: read.len() as u64,
        bytes_read: read.iter().map(|object| object.size).sum(),
        rows_of_state,
        columns_missing: drift.missing.into_iter().collect(),
        columns_extra: drift.extra.into_iter().collect(),
    }
}
