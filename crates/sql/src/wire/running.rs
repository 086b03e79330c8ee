//! A statement that is at work: planned, run and encoded on the engine's own threads, so that it holds up no other connection.

use std::sync::Arc;

use arrow_pg::row_encoder::RowEncoder;
use datafusion::arrow::array::RecordBatch;
use datafusion::common::ParamValues;
use pgwire::messages::data::DataRow;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinHandle};

use crate::engine::{Beside, Engine, Prepared, Rows};
use crate::snapshot::Access;
use crate::wire::column_names::ColumnNames;
use crate::wire::interrupt::Bounds;
use crate::wire::problem::Problem;
use crate::wire::row_form::{self, Fields};

/// Rows that are encoded at once: few enough that the first of a batch are not held back by the rest.
const ENCODED_AT_ONCE: usize = 1024;

/// Ends the work of a task with whoever waits for it.
#[derive(Debug)]
struct Ends(AbortHandle);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What is done on the engine's threads.
async fn on_engine<T: Send + 'static>(
    engine: &Engine,
    bounds: &Bounds<'_>,
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let task: JoinHandle<_> = engine.handle().spawn(work);
    let _ends = Ends(task.abort_handle());
    match bounds.within(task).await? {
        Ok(done) => done,
        Err(_) => Err(Problem::new(
            "XX000",
            "the engine gave up on it: a fault of DataFusion; try it in smaller steps",
        )),
    }
}

/// Plans a statement over the lake as it is now.
pub(super) async fn prepare(
    engine: &Engine,
    sql: &str,
    access: Access,
    beside: &Arc<Beside>,
    bounds: &Bounds<'_>,
) -> Result<Prepared, Problem> {
    let (work, sql, beside) = (engine.clone(), sql.to_owned(), Arc::clone(beside));
    let planned = async move { work.prepare_beside(&sql, access, Some(beside)).await.map_err(Problem::from) };
    on_engine(engine, bounds, planned).await
}

/// Its rows, encoded.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) fields: Fields,
    encoded: mpsc::Receiver<Result<Vec<DataRow>, Problem>>,
    pending: std::vec::IntoIter<DataRow>,
    _ends: Ends,
}

impl Running {
    /// Runs a planned statement; its columns are sent in these formats.
    pub(super) async fn start(
        engine: &Engine,
        prepared: Prepared,
        names: &ColumnNames,
        parameters: Option<ParamValues>,
        formats: &[i16],
        bounds: &Bounds<'_>,
    ) -> Result<Self, Problem> {
        let rows =
            on_engine(engine, bounds, async move { prepared.run(parameters).await.map_err(Problem::from) })
                .await?;
        let fields = row_form::fields(&names.name(rows.schema()), formats)?;
        // One part waits while another is sent: memory is bounded whatever the client's pace.
        let (sender, encoded) = mpsc::channel(1);
        let task = engine.handle().spawn(encode(rows, Arc::clone(&fields), sender));
        Ok(Self { fields, encoded, pending: Vec::new().into_iter(), _ends: Ends(task.abort_handle()) })
    }

    /// The next row; none behind the last.
    pub(super) async fn next(&mut self, bounds: &Bounds<'_>) -> Result<Option<DataRow>, Problem> {
        loop {
            if let Some(row) = self.pending.next() {
                return Ok(Some(row));
            }
            match bounds.within(self.encoded.recv()).await? {
                None => return Ok(None),
                Some(rows) => self.pending = rows?.into_iter(),
            }
        }
    }
}

async fn encode(mut rows: Rows, fields: Fields, sender: mpsc::Sender<Result<Vec<DataRow>, Problem>>) {
    while let Some(batch) = rows.next().await {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return drop(sender.send(Err(error.into())).await),
        };
        for part in parts(&batch) {
            let encoded = encode_part(part, &fields);
            let failed = encoded.is_err();
            if sender.send(encoded).await.is_err() || failed {
                return;
            }
        }
    }
}

fn parts(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> + '_ {
    let rows = batch.num_rows();
    (0..rows).step_by(ENCODED_AT_ONCE).map(move |from| batch.slice(from, ENCODED_AT_ONCE.min(rows - from)))
}

fn encode_part(part: RecordBatch, fields: &Fields) -> Result<Vec<DataRow>, Problem> {
    let mut rows = Vec::with_capacity(part.num_rows());
    if part.num_columns() != fields.len() {
        return Err(Problem::new(
            "XX000",
            "a fault of the engine: the rows have other columns than were announced",
        ));
    }
    let mut encoder = RowEncoder::new(part, Arc::clone(fields));
    while let Some(row) = encoder.next_row() {
        rows.push(row?);
    }
    Ok(rows)
}
