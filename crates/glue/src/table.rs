//! A table's entry, and the database around it.

use aws_sdk_glue::types::{DatabaseInput, Table};

use super::service_error::{has_changed, is_absent, is_there};
use crate::database::{GlueDataCatalog, TURNS};
use crate::description;
use millrace_lake::aws::Said;
use millrace_lake::data_catalog::{Change, DataCatalogError, TableEntry};

/// Makes Glue say of `table` what it says itself.
pub(super) async fn ensure(glue: &GlueDataCatalog, table: &TableEntry) -> Result<Change, DataCatalogError> {
    for _ in 0..TURNS {
        let change = match read(glue, &table.name).await? {
            None => create(glue, table).await?,
            Some(found) if description::is_same_table(table, &found) => Some(Change::Unchanged),
            Some(found) => update(glue, table, &found).await?,
        };
        if let Some(change) = change {
            return Ok(change);
        }
    }
    let said = Said(format!("others changed it {TURNS} times meanwhile"));
    Err(glue.attempted("register the table", &table.name).retry(said))
}

pub(super) async fn read(glue: &GlueDataCatalog, name: &str) -> Result<Option<Table>, DataCatalogError> {
    match glue.client.get_table().database_name(glue.database()).name(name).send().await {
        Ok(answer) => Ok(answer.table),
        // The table or its database: whoever creates it learns which.
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(glue.attempted("read the table", name).refused(&error)),
    }
}

/// `None` where another made it at the same time.
async fn create(glue: &GlueDataCatalog, table: &TableEntry) -> Result<Option<Change>, DataCatalogError> {
    let attempted = glue.attempted("create the table", &table.name);
    let input = description::table_input(table, None).map_err(|error| {
        attempted.stop("the entry is not complete, this is a bug", Said(error.to_string()))
    })?;
    let mut made_database = false;
    loop {
        let request = glue.client.create_table().database_name(glue.database());
        match request.table_input(input.clone()).send().await {
            Ok(_) => return Ok(Some(Change::Created)),
            Err(error) if is_there(&error) || has_changed(&error) => return Ok(None),
            Err(error) if is_absent(&error) && !made_database => {
                create_database(glue).await?;
                made_database = true;
            }
            Err(error) => return Err(attempted.refused(&error)),
        }
    }
}

pub(super) async fn create_database(glue: &GlueDataCatalog) -> Result<(), DataCatalogError> {
    let attempted = glue.attempted("create the database", glue.database());
    let input = DatabaseInput::builder()
        .name(glue.database())
        .description("tables of the Millrace lake")
        .build()
        .map_err(|error| {
            attempted.stop("the entry is not complete, this is a bug", Said(error.to_string()))
        })?;
    match glue.client.create_database().database_input(input).send().await {
        Ok(_) => Ok(()),
        Err(error) if is_there(&error) => Ok(()),
        Err(error) => Err(attempted.refused(&error)),
    }
}

/// `None` where another changed or removed it since it was read.
async fn update(
    glue: &GlueDataCatalog,
    table: &TableEntry,
    found: &Table,
) -> Result<Option<Change>, DataCatalogError> {
    let attempted = glue.attempted("update the table", &table.name);
    let input = description::table_input(table, Some(found)).map_err(|error| {
        attempted.stop("the entry is not complete, this is a bug", Said(error.to_string()))
    })?;
    let request = glue.client.update_table().database_name(glue.database()).table_input(input);
    match request.set_version_id(found.version_id().map(str::to_owned)).send().await {
        Ok(_) => Ok(Some(Change::Updated)),
        Err(error) if has_changed(&error) || is_absent(&error) => Ok(None),
        Err(error) => Err(attempted.refused(&error)),
    }
}
