//! Whom the landing refuses: the lake's list as it was when rows were gathered, and as it is when they are stored.

use std::sync::Arc;

use bytes::Bytes;
use millrace_lake::Key;
use millrace_lake::Store;
use millrace_lake::erasure::letter_subject::{Parts, is_about_refused};
use millrace_lake::erasure::raw::WithoutRefused;
use millrace_lake::erasure::refused_ids::{RefusalWatch, RefusedIds};
use millrace_lake::raw_object_reader::RawFileError;
use millrace_stream::record::Record;

use crate::error::LandError;

/// Takes rows about those who are refused out of an encoded object: `millrace_lake::erasure::raw::without_refused`.
///
/// Handed in by those who cannot read their records again, as it needs a Parquet reader, for which the function's zip has no room.
pub type TakeOut =
    fn(&Key, &Bytes, &'static str, &Arc<RefusedIds>) -> Result<Option<WithoutRefused>, RawFileError>;

#[derive(Debug)]
pub(crate) struct Refusals {
    watch: Arc<RefusalWatch>,
    /// The list that records are held against. Of none is an empty one's until it is first read.
    current: Arc<RefusedIds>,
    take_out: Option<TakeOut>,
}

impl Refusals {
    pub(crate) fn new(store: &Arc<dyn Store>) -> Self {
        let watch = Arc::new(RefusalWatch::new(Arc::clone(store)));
        Self { watch, current: Arc::default(), take_out: None }
    }

    pub(crate) fn with_watch(self, watch: Arc<RefusalWatch>) -> Self {
        Self { watch, ..self }
    }

    pub(crate) fn with_take_out(self, take_out: TakeOut) -> Self {
        Self { take_out: Some(take_out), ..self }
    }

    /// Reads the list where it is too old.
    pub(crate) async fn look(&mut self) -> Result<(), LandError> {
        self.current = self.watch.current().await?;
        Ok(())
    }

    pub(crate) fn current(&self) -> &Arc<RefusedIds> {
        &self.current
    }

    /// Whether a record that is no row is about somebody who is refused: it becomes no dead letter either.
    pub(crate) fn is_about_refused(&self, record: &Record<'_>) -> bool {
        let Record { key, value, .. } = *record;
        is_about_refused(Parts { key, value, headers: &record.headers }, &self.current)
    }

    /// An object whose rows were held against the list `gathered_by`, held against the current one; `None` where it stays as it is.
    pub(crate) fn settle(
        &self,
        table: &str,
        subject: Option<&'static str>,
        gathered_by: &Arc<RefusedIds>,
        body: &Bytes,
    ) -> Result<Option<WithoutRefused>, LandError> {
        let Some(subject) = subject else { return Ok(None) };
        if Arc::ptr_eq(gathered_by, &self.current) || !self.current.adds_to(gathered_by) {
            return Ok(None);
        }
        let Some(take_out) = self.take_out else { return Err(LandError::ErasedMeanwhile) };
        let Ok(table) = Key::new(format!("raw/{table}")) else { return Ok(None) };
        Ok(take_out(&table, body, subject, &self.current)?)
    }
}
