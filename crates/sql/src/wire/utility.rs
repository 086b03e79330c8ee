//! What statements are answered with: rows of the engine, or what the session itself has to say.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ParamValues;
use pgwire::messages::response::TransactionStatus;

use crate::wire::answer::{Answer, Cursor, Rows, Source, placed, rows_of, table};
use crate::wire::interrupt::Bounds;
use crate::wire::problem::Problem;
use crate::wire::row_form;
use crate::wire::running::{Running, prepare};
use crate::wire::session::Session;
use crate::wire::statement::{Command, Parsed, Query};
use crate::wire::variables::Variables;

/// The one column that SHOW answers with.
fn show_schema(name: &str) -> Schema {
    Schema::new(vec![Field::new(name, DataType::Utf8, true)])
}

fn show_all_schema() -> Schema {
    Schema::new(
        ["name", "setting", "description"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec(),
    )
}

impl Session<'_> {
    /// The columns of what is no query of the engine; none where there are no rows.
    pub(super) fn schema_of(&self, command: &Command) -> Result<Option<SchemaRef>, Problem> {
        Ok(match command {
            Command::Show(name) => Some(Arc::new(show_schema(name))),
            Command::ShowAll => Some(Arc::new(show_all_schema())),
            Command::Fetch { name, moves: false, .. } => Some(Arc::clone(&self.cursor(name)?.schema)),
            _ => None,
        })
    }

    fn cursor(&self, name: &str) -> Result<&Cursor, Problem> {
        self.cursors.get(name).ok_or_else(|| no_cursor(name))
    }

    pub(super) async fn run_query(
        &self,
        query: &Query,
        parameters: Option<ParamValues>,
        formats: &[i16],
        bounds: &Bounds<'_>,
    ) -> Result<Running, Problem> {
        let engine = &self.shared.engine;
        let run = async {
            let prepared = prepare(engine, &query.sql, self.access, &self.beside, bounds).await?;
            Running::start(engine, prepared, &query.names, parameters, formats, bounds).await
        };
        run.await.map_err(|problem| placed(problem, query))
    }

    pub(super) async fn answer(
        &mut self,
        parsed: &Parsed,
        parameters: Option<ParamValues>,
        formats: &[i16],
        bounds: &Bounds<'_>,
    ) -> Result<Answer, Problem> {
        self.check_transaction(parsed)?;
        let done = |tag: &str| Ok(Answer::Done(tag.to_owned()));
        match &parsed.command {
            Command::Query(query) => {
                let running = self.run_query(query, parameters, formats, bounds).await?;
                Ok(rows_of(running, query.verb))
            }
            Command::Copy { query, form } => {
                let running = self.run_query(query, parameters, &[form.format()], bounds).await?;
                Ok(Answer::Copy(running, *form))
            }
            Command::Set { name, value } => {
                self.variables().set(name, value)?;
                self.report(name);
                done("SET")
            }
            Command::Nothing(tag) => done(tag),
            Command::Show(name) => {
                let value = self.variables().get(name).map(str::to_owned);
                let unknown =
                    || Problem::new("42704", format!("unrecognized configuration parameter \"{name}\""));
                let value = value.ok_or_else(unknown)?;
                table(&show_schema(name), formats, &[vec![&value]])
            }
            Command::ShowAll => {
                let all: Vec<(String, String)> = {
                    let variables = self.variables();
                    variables.all().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
                };
                let rows: Vec<Vec<&str>> =
                    all.iter().map(|(name, value)| vec![name.as_str(), value.as_str(), ""]).collect();
                table(&show_all_schema(), formats, &rows)
            }
            Command::Reset(name) => {
                match name {
                    Some(name) => {
                        self.variables().reset(name);
                        self.report(name);
                    }
                    None => self.reset_all(),
                }
                done("RESET")
            }
            Command::Begin => {
                self.transaction = TransactionStatus::Transaction;
                done("BEGIN")
            }
            Command::Commit | Command::Rollback => {
                let failed = self.transaction == TransactionStatus::Error;
                self.end_transaction();
                done(if failed || matches!(parsed.command, Command::Rollback) {
                    "ROLLBACK"
                } else {
                    "COMMIT"
                })
            }
            Command::RollbackTo => {
                self.in_transaction("ROLLBACK TO SAVEPOINT")?;
                self.transaction = TransactionStatus::Transaction;
                done("ROLLBACK")
            }
            Command::Savepoint => {
                self.in_transaction("SAVEPOINT")?;
                done("SAVEPOINT")
            }
            Command::Release => {
                self.in_transaction("RELEASE SAVEPOINT")?;
                done("RELEASE")
            }
            Command::DiscardAll => {
                self.cursors.clear();
                self.statements.clear();
                self.portals.clear();
                self.reset_all();
                done("DISCARD ALL")
            }
            Command::Deallocate(name) => {
                match name {
                    Some(name) => drop(self.statements.remove(name)),
                    None => self.statements.clear(),
                }
                done(if name.is_some() { "DEALLOCATE" } else { "DEALLOCATE ALL" })
            }
            Command::Declare { name, query, hold } => self.declare(name, query, *hold, bounds).await,
            Command::Fetch { name, count, moves } => self.fetch(name, *count, *moves, formats, bounds).await,
            Command::CloseCursor(None) => {
                self.cursors.clear();
                done("CLOSE CURSOR ALL")
            }
            Command::CloseCursor(Some(name)) => {
                self.cursors.remove(name).ok_or_else(|| no_cursor(name))?;
                done("CLOSE CURSOR")
            }
        }
    }

    fn in_transaction(&self, verb: &str) -> Result<(), Problem> {
        match self.transaction {
            TransactionStatus::Idle => {
                Err(Problem::new("25P01", format!("{verb} can only be used in transaction blocks")))
            }
            _ => Ok(()),
        }
    }

    fn end_transaction(&mut self) {
        self.transaction = TransactionStatus::Idle;
        self.cursors.retain(|_, cursor| cursor.hold);
        self.portals.clear();
    }

    /// Clients keep what they are told of.
    fn report(&mut self, name: &str) {
        if let Some(name) = Variables::reported(name) {
            let value = self.variables().get(name).map(str::to_owned);
            self.writes.parameter(name, &value.unwrap_or_default());
        }
    }

    fn reset_all(&mut self) {
        self.variables().reset_all();
        self.report_all();
    }

    pub(super) fn report_all(&mut self) {
        let all: Vec<_> =
            self.variables().all_reported().map(|(name, value)| (name, value.to_owned())).collect();
        for (name, value) in all {
            self.writes.parameter(name, &value);
        }
    }

    async fn declare(
        &mut self,
        name: &str,
        query: &Query,
        hold: bool,
        bounds: &Bounds<'_>,
    ) -> Result<Answer, Problem> {
        if !hold {
            self.in_transaction("DECLARE CURSOR")?;
        }
        if self.cursors.contains_key(name) {
            return Err(Problem::new("42P03", format!("cursor \"{name}\" already exists")));
        }
        let prepared = prepare(&self.shared.engine, &query.sql, self.access, &self.beside, bounds).await;
        let prepared = prepared.map_err(|problem| placed(problem, query))?;
        let cursor = Cursor {
            query: query.clone(),
            schema: query.names.name(&prepared.schema()),
            running: None,
            hold,
        };
        self.cursors.insert(name.to_owned(), cursor);
        Ok(Answer::Done("DECLARE CURSOR".to_owned()))
    }

    async fn fetch(
        &mut self,
        name: &str,
        count: Option<u64>,
        moves: bool,
        formats: &[i16],
        bounds: &Bounds<'_>,
    ) -> Result<Answer, Problem> {
        let query = match self.cursor(name)? {
            Cursor { running: None, query, .. } => Some(query.clone()),
            _ => None,
        };
        if let Some(query) = query {
            let running = self.run_query(&query, None, formats, bounds).await?;
            if let Entry::Occupied(mut cursor) = self.cursors.entry(name.to_owned()) {
                cursor.get_mut().running = Some(running);
            }
        }
        let mut cursor = self.cursors.remove(name).ok_or_else(|| no_cursor(name))?;
        if moves {
            let mut moved = 0;
            if let Some(running) = &mut cursor.running {
                while count.is_none_or(|count| moved < count) && running.next(bounds).await?.is_some() {
                    moved += 1;
                }
            }
            self.cursors.insert(name.to_owned(), cursor);
            return Ok(Answer::Done(format!("MOVE {moved}")));
        }
        let fields = match &cursor.running {
            Some(running) => Arc::clone(&running.fields),
            None => row_form::fields(&cursor.schema, formats)?,
        };
        let source = Source::Cursor { name: name.to_owned(), cursor: Box::new(cursor), left: count };
        Ok(Answer::Rows(Rows { fields, source, verb: "FETCH" }))
    }
}

fn no_cursor(name: &str) -> Problem {
    Problem::new("34000", format!("cursor \"{name}\" does not exist"))
}
