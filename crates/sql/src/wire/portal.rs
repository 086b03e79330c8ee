//! Statements that a client has named, and those with their values.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ParamValues;
use pgwire::api::Type;

use crate::engine::Prepared;
use crate::wire::answer::Rows;
use crate::wire::statement::Parsed;

/// How long a plan counts as one of this moment. A statement that is executed later sees the lake as it is then.
const FRESH: Duration = Duration::from_secs(1);

/// A statement by its name.
pub(super) struct Stored {
    /// None of an empty text.
    pub(super) parsed: Option<Parsed>,
    pub(super) types: Vec<Type>,
    pub(super) planned: Vec<Option<DataType>>,
    /// Of a query its columns.
    pub(super) schema: Option<SchemaRef>,
    pub(super) fresh: Mutex<Option<(Instant, Prepared)>>,
}

/// A statement with its values.
pub(super) struct Portal {
    pub(super) stored: Arc<Stored>,
    pub(super) values: Option<ParamValues>,
    pub(super) formats: Vec<i16>,
    pub(super) state: State,
}

pub(super) enum State {
    Bound,
    Suspended(Rows),
    Over,
}

impl Stored {
    /// Its plan, where it is one of this moment.
    pub(super) fn take_fresh(&self) -> Option<Prepared> {
        let taken = self.fresh.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.filter(|(at, _)| at.elapsed() < FRESH).map(|(_, prepared)| prepared)
    }
}
