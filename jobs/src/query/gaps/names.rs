//! The tables that a query names.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{ObjectName, Query, Statement, Visit, Visitor};

use crate::query::{Lake, QueryError};

/// Fails where `statement` reads a table that neither the lake has nor the query defines.
pub(super) fn check(statement: &Statement, lake: &Lake) -> Result<(), QueryError> {
    let mut defined = Defined::default();
    let _ = statement.visit(&mut defined);
    match statement.visit(&mut Read { lake, defined: defined.0 }) {
        ControlFlow::Break(name) => Err(QueryError::NoTable { name, known: lake.names() }),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// The names of all CTEs.
#[derive(Default)]
struct Defined(HashSet<String>);

impl Visitor for Defined {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(ctes.map(|cte| cte.alias.name.value.clone()));
        ControlFlow::Continue(())
    }
}

struct Read<'a> {
    lake: &'a Lake,
    defined: HashSet<String>,
}

impl Visitor for Read<'_> {
    type Break = String;

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<String> {
        match relation.0.as_slice() {
            [part] => match part.as_ident() {
                Some(name) if !self.lake.knows(&name.value) && !self.defined.contains(&name.value) => {
                    ControlFlow::Break(name.value.clone())
                }
                _ => ControlFlow::Continue(()),
            },
            // Polars says what it does not know of these.
            _ => ControlFlow::Continue(()),
        }
    }
}
