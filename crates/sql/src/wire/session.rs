//! What one client's connection has: its settings, transaction, statements and cursors.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pgwire::messages::response::TransactionStatus;

use crate::engine::Beside;
use crate::snapshot::Access;
use crate::wire::answer::{Answer, Cursor, Rows, Source};
use crate::wire::interrupt::{Bounds, Interrupt, stopping};
use crate::wire::login::Writes;
use crate::wire::portal::{Portal, Stored};
use crate::wire::problem::Problem;
use crate::wire::shared::Shared;
use crate::wire::statement::Parsed;
use crate::wire::variables::Variables;

pub(super) struct Session<'a> {
    pub(super) shared: &'a Shared,
    pub(super) writes: Writes,
    pub(super) user: String,
    pub(super) access: Access,
    pub(super) beside: Arc<Beside>,
    /// Shared with the function that statements ask for them by.
    pub(super) variables: Arc<Mutex<Variables>>,
    pub(super) interrupt: Arc<Interrupt>,
    pub(super) transaction: TransactionStatus,
    pub(super) cursors: HashMap<String, Cursor>,
    pub(super) statements: HashMap<String, Arc<Stored>>,
    pub(super) portals: HashMap<String, Portal>,
    /// After an error, what follows is passed over until the client has seen it.
    pub(super) is_skipping: bool,
}

impl Session<'_> {
    pub(super) fn variables(&self) -> MutexGuard<'_, Variables> {
        self.variables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn check_transaction(&self, parsed: &Parsed) -> Result<(), Problem> {
        match self.transaction {
            TransactionStatus::Error if !parsed.ends_transaction() => Err(Problem::aborted()),
            _ => Ok(()),
        }
    }

    pub(super) async fn flush(&mut self) -> Result<(), Problem> {
        // A client that reads nothing is waited for, but not beyond the server's end.
        let interrupt = Arc::clone(&self.interrupt);
        tokio::select! {
            biased;
            () = interrupt.left.cancelled() => Err(left()),
            () = interrupt.stop.cancelled() => Err(stopping()),
            flushed = self.writes.flush() => flushed.map_err(|_| left()),
        }
    }

    /// What is left of the rows, where the client wanted no more at once.
    pub(super) async fn send(
        &mut self,
        answer: Answer,
        max_rows: usize,
        bounds: &Bounds<'_>,
    ) -> Result<Option<Rows>, Problem> {
        match answer {
            Answer::Done(tag) => self.writes.complete(&tag),
            Answer::Rows(mut rows) => {
                let mut sent = 0_u64;
                while max_rows == 0 || sent < max_rows as u64 {
                    let Some(row) = rows.next(bounds).await? else {
                        let tag = rows.tag(sent);
                        self.put_back(rows);
                        self.writes.complete(&tag);
                        return Ok(None);
                    };
                    sent += 1;
                    self.writes.row(&row);
                    if self.writes.is_much() {
                        bounds.within(self.writes.flush()).await?.map_err(|_| left())?;
                    }
                }
                return Ok(Some(rows));
            }
            Answer::Copy(mut running, form) => {
                self.writes.raw(b'H', &form.announcement(running.fields.len()));
                // In one message with what follows: psycopg looks for both there.
                let mut begin = form.begin(&running.fields).unwrap_or_default();
                let mut sent = 0_u64;
                while let Some(row) = running.next(bounds).await? {
                    sent += 1;
                    self.writes.copy_data([std::mem::take(&mut begin), form.row(&row)].concat().into());
                    if self.writes.is_much() {
                        bounds.within(self.writes.flush()).await?.map_err(|_| left())?;
                    }
                }
                let end = [begin, form.end().unwrap_or_default()].concat();
                if !end.is_empty() {
                    self.writes.copy_data(end.into());
                }
                self.writes.raw(b'c', &[]);
                self.writes.complete(&format!("COPY {sent}"));
            }
        }
        Ok(None)
    }

    pub(super) fn log<T>(&self, parsed: &Parsed, began: Instant, done: &Result<T, Problem>) {
        let state = done.as_ref().map_or_else(|problem| problem.state, |_| "00000");
        let milliseconds = began.elapsed().as_millis();
        tracing::info!(user = self.user, state, milliseconds, statement = parsed.shown, "statement");
    }

    /// A cursor stays where its fetch has ended; one whose query has failed is gone.
    pub(super) fn put_back(&mut self, rows: Rows) {
        if let Source::Cursor { name, cursor, .. } = rows.source {
            self.cursors.insert(name, *cursor);
        }
    }
}

pub(super) fn left() -> Problem {
    Problem::fatal("08006", "the client has left")
}
