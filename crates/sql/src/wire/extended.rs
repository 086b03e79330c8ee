//! The extended protocol: statements that are planned once, bound to values, and executed in parts.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use pgwire::api::Type;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{BindComplete, CloseComplete, ParseComplete, PortalSuspended};
use pgwire::messages::response::EmptyQueryResponse;

use crate::wire::answer::{Answer, placed, rows_of};
use crate::wire::message::{Bind, Target};
use crate::wire::parameters;
use crate::wire::portal::{Portal, State, Stored};
use crate::wire::problem::Problem;
use crate::wire::row_form::{description, fields};
use crate::wire::running::{Running, prepare};
use crate::wire::session::Session;
use crate::wire::statement::{Command, parse};

/// Statements, and portals, that one connection may have.
const MOST: usize = 10_000;

impl Session<'_> {
    pub(super) async fn parse(&mut self, name: String, sql: &str, stated: Vec<u32>) -> Result<(), Problem> {
        if !name.is_empty() && self.statements.contains_key(&name) {
            return Err(Problem::new("42P05", format!("prepared statement \"{name}\" already exists")));
        }
        if self.statements.len() >= MOST {
            return Err(Problem::new("54000", "too many prepared statements"));
        }
        let sql = sql.trim().trim_end_matches(';');
        let parsed = parse(sql)?;
        let mut stored = Stored {
            types: Vec::new(),
            planned: Vec::new(),
            schema: None,
            fresh: Mutex::default(),
            parsed: None,
        };
        if let Some(parsed) = parsed {
            self.check_transaction(&parsed)?;
            if let Command::Query(query) | Command::Copy { query, .. } = &parsed.command {
                let interrupt = Arc::clone(&self.interrupt);
                let bounds = interrupt.begin(self.variables().statement_timeout());
                let began = Instant::now();
                let prepared =
                    prepare(&self.shared.engine, &query.sql, self.access, &self.beside, &bounds).await;
                if prepared.is_err() {
                    self.log(&parsed, began, &prepared);
                }
                let prepared = prepared.map_err(|problem| placed(problem, query))?;
                stored.planned = prepared.parameters()?;
                stored.types = parameters::types(&stated, &stored.planned);
                if matches!(parsed.command, Command::Query(_)) {
                    let nulls = vec![None; stored.types.len()];
                    let nulls = parameters::values(&stored.types, &stored.planned, &[], &nulls)?;
                    stored.schema = Some(query.names.name(&prepared.schema_with(nulls)?));
                }
                stored.fresh = Mutex::new(Some((Instant::now(), prepared)));
            } else {
                stored.types = parameters::types(&stated, &[]);
            }
            stored.parsed = Some(parsed);
        }
        self.statements.insert(name, Arc::new(stored));
        self.writes.put(&ParseComplete::new());
        Ok(())
    }

    fn statement(&self, name: &str) -> Result<&Arc<Stored>, Problem> {
        let absent = || Problem::new("26000", format!("prepared statement \"{name}\" does not exist"));
        self.statements.get(name).ok_or_else(absent)
    }

    pub(super) fn bind(&mut self, bind: Bind) -> Result<(), Problem> {
        let stored = Arc::clone(self.statement(&bind.statement)?);
        if let Some(parsed) = &stored.parsed {
            self.check_transaction(parsed)?;
        }
        if !bind.portal.is_empty() && self.portals.contains_key(&bind.portal) {
            return Err(Problem::new("42P03", format!("portal \"{}\" already exists", bind.portal)));
        }
        if self.portals.len() >= MOST {
            return Err(Problem::new("54000", "too many portals"));
        }
        let values = parameters::values(&stored.types, &stored.planned, &bind.formats, &bind.values)?;
        let portal = Portal { stored, values, formats: bind.results, state: State::Bound };
        self.portals.insert(bind.portal, portal);
        self.writes.put(&BindComplete::new());
        Ok(())
    }

    pub(super) fn describe(&mut self, target: Target, name: &str) -> Result<(), Problem> {
        if target == Target::Portal
            && !self.portals.contains_key(name)
            && let Some(cursor) = self.cursors.get(name)
        {
            // A cursor is a portal: psycopg describes it so once it has declared it.
            let columns = fields(&cursor.schema, &[])?;
            self.writes.row_description(&description(&columns));
            return Ok(());
        }
        let (stored, formats) = match target {
            Target::Statement => (Arc::clone(self.statement(name)?), Vec::new()),
            Target::Portal => {
                let portal = self.portals.get(name).ok_or_else(|| no_portal(name))?;
                (Arc::clone(&portal.stored), portal.formats.clone())
            }
        };
        let schema = match (&stored.schema, &stored.parsed) {
            (Some(schema), _) => Some(Arc::clone(schema)),
            (None, Some(parsed)) => self.schema_of(&parsed.command)?,
            (None, None) => None,
        };
        let columns = schema.map(|schema| fields(&schema, &formats)).transpose()?;
        if target == Target::Statement {
            self.writes.put(&ParameterDescription::new(stored.types.iter().map(Type::oid).collect()));
        }
        match columns {
            Some(columns) => self.writes.row_description(&description(&columns)),
            None => self.writes.put(&NoData::new()),
        }
        Ok(())
    }

    pub(super) async fn execute(&mut self, name: &str, max_rows: usize) -> Result<(), Problem> {
        let portal = self.portals.get_mut(name).ok_or_else(|| no_portal(name))?;
        let (stored, values, formats) =
            (Arc::clone(&portal.stored), portal.values.clone(), portal.formats.clone());
        // A portal whose execution fails is over.
        let state = std::mem::replace(&mut portal.state, State::Over);
        let Some(parsed) = &stored.parsed else {
            self.writes.put(&EmptyQueryResponse::new());
            return Ok(());
        };
        let interrupt = Arc::clone(&self.interrupt);
        let bounds = interrupt.begin(self.variables().statement_timeout());
        let began = Instant::now();
        let done = async {
            let answer = match state {
                State::Suspended(rows) => Answer::Rows(rows),
                State::Over => Answer::Done("SELECT 0".to_owned()),
                State::Bound => {
                    self.check_transaction(parsed)?;
                    match (&parsed.command, stored.take_fresh()) {
                        (Command::Query(query), Some(prepared)) => {
                            let running = Running::start(
                                &self.shared.engine,
                                prepared,
                                &query.names,
                                values,
                                &formats,
                                &bounds,
                            )
                            .await;
                            rows_of(running.map_err(|problem| placed(problem, query))?, query.verb)
                        }
                        _ => self.answer(parsed, values, &formats, &bounds).await?,
                    }
                }
            };
            self.send(answer, max_rows, &bounds).await
        };
        let done = done.await;
        self.log(parsed, began, &done);
        if let Some(rows) = done? {
            if let Some(portal) = self.portals.get_mut(name) {
                portal.state = State::Suspended(rows);
            }
            self.writes.put(&PortalSuspended::new());
        }
        Ok(())
    }

    pub(super) fn close(&mut self, target: Target, name: &str) {
        match target {
            Target::Statement => drop(self.statements.remove(name)),
            Target::Portal => {
                if let Some(Portal { state: State::Suspended(rows), .. }) = self.portals.remove(name) {
                    self.put_back(rows);
                }
            }
        }
        self.writes.put(&CloseComplete::new());
    }
}

fn no_portal(name: &str) -> Problem {
    Problem::new("34000", format!("portal \"{name}\" does not exist"))
}
