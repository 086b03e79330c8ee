//! The lake's Iceberg tables: `millrace adopt`, `vacuum`, `rollback`, and `tables --history`.

pub(crate) mod adopt;
pub(crate) mod history;
pub(crate) mod rollback;
pub(crate) mod vacuum;

use std::sync::Arc;

use anyhow::bail;
use chrono::{DateTime, SecondsFormat, Utc};
use millrace_iceberg::{IcebergError, LakeTables, Snapshot, Table};
use millrace_lake::Store;

use crate::query::no_table;

/// The tables of a lake that has them.
pub(crate) async fn tables_of(store: &Arc<dyn Store>) -> anyhow::Result<LakeTables> {
    match LakeTables::find(store, None).await? {
        Some(tables) => Ok(tables),
        None => bail!(
            "the lake {} has no Iceberg tables: `millrace adopt` makes them of what is published",
            store.address()
        ),
    }
}

/// The table that somebody named, in any case.
pub(crate) fn named(tables: &LakeTables, name: &str) -> anyhow::Result<Table> {
    let known = names();
    let Some(known) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
        bail!("{}", no_table(name, known.iter().map(String::as_str)));
    };
    Ok(tables.table(known)?)
}

/// Every table that may be there.
pub(crate) fn names() -> Vec<String> {
    millrace_tables::tables().iter().map(millrace_tables::Table::name).collect()
}

/// `None` where the table isn't there.
pub(crate) fn unless_missing<T>(told: Result<T, IcebergError>) -> Result<Option<T>, IcebergError> {
    match told {
        Err(IcebergError::NoTable { .. }) => Ok(None),
        told => told.map(Some),
    }
}

/// As `TIMESTAMP AS OF` takes it.
pub(crate) fn instant(of: &Snapshot) -> String {
    text(of.timestamp())
}

pub(crate) fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}
