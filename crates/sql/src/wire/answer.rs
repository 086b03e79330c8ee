//! What is sent for a statement, and cursors, which keep some of it back.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use pgwire::api::results::DataRowEncoder;
use pgwire::messages::data::DataRow;

use crate::wire::copy::CopyForm;
use crate::wire::interrupt::Bounds;
use crate::wire::problem::Problem;
use crate::wire::row_form::{self, Fields};
use crate::wire::running::Running;
use crate::wire::statement::Query;

pub(super) enum Answer {
    Done(String),
    Rows(Rows),
    Copy(Running, CopyForm),
}

/// Rows that are to be sent, and where they come from.
pub(super) struct Rows {
    pub(super) fields: Fields,
    pub(super) source: Source,
    pub(super) verb: &'static str,
}

pub(super) enum Source {
    Running(Box<Running>),
    Table(std::vec::IntoIter<DataRow>),
    /// Some of a cursor's, which is given back then.
    Cursor {
        name: String,
        cursor: Box<Cursor>,
        left: Option<u64>,
    },
}

/// A query that is fetched from by its name.
pub(super) struct Cursor {
    pub(super) query: Query,
    pub(super) schema: SchemaRef,
    /// It starts with the first fetch, which says in which form its values are wanted.
    pub(super) running: Option<Running>,
    pub(super) hold: bool,
}

impl Rows {
    pub(super) async fn next(&mut self, bounds: &Bounds<'_>) -> Result<Option<DataRow>, Problem> {
        match &mut self.source {
            Source::Running(running) => running.next(bounds).await,
            Source::Table(rows) => Ok(rows.next()),
            Source::Cursor { left: Some(0), .. } => Ok(None),
            Source::Cursor { cursor, left, .. } => {
                *left = left.map(|left| left - 1);
                match &mut cursor.running {
                    Some(running) => running.next(bounds).await,
                    None => Ok(None),
                }
            }
        }
    }

    pub(super) fn tag(&self, sent: u64) -> String {
        match self.verb {
            verb @ ("SELECT" | "FETCH") => format!("{verb} {sent}"),
            verb => verb.to_owned(),
        }
    }
}

pub(super) fn table(schema: &Schema, formats: &[i16], rows: &[Vec<&str>]) -> Result<Answer, Problem> {
    let fields = row_form::fields(schema, formats)?;
    let mut encoder = DataRowEncoder::new(Arc::clone(&fields));
    let mut encoded = Vec::with_capacity(rows.len());
    for row in rows {
        for value in row {
            encoder.encode_field(value)?;
        }
        encoded.push(encoder.take_row());
    }
    Ok(Answer::Rows(Rows { fields, source: Source::Table(encoded.into_iter()), verb: "SHOW" }))
}

pub(super) fn rows_of(running: Running, verb: &'static str) -> Answer {
    let fields = Arc::clone(&running.fields);
    Answer::Rows(Rows { fields, source: Source::Running(Box::new(running)), verb })
}

pub(super) fn placed(problem: Problem, query: &Query) -> Problem {
    if query.is_rewritten { problem.without_position() } else { problem }
}
