//! Where Iceberg tables' metadata is, kept in a database of Glue's and swapped by a table's `VersionId`.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_glue::types::{Table, TableInput};
use millrace_iceberg::{
    CatalogueEntry, IcebergError, Located, LocationCatalogue, LocationPointer, Pointer, Swap, Warehouse,
};
use millrace_lake::aws::Said;

use crate::database::GlueDataCatalog;
use crate::iceberg_description::{self, METADATA_LOCATION, PREVIOUS_METADATA_LOCATION, TABLE_TYPE};
use crate::service_error::{has_changed, is_absent, is_there};
use crate::table;

/// The Iceberg tables of one database, which holds no others: Athena and Spark find them there by their names.
#[derive(Debug, Clone)]
pub struct GlueIcebergCatalog {
    glue: Arc<GlueDataCatalog>,
    warehouse: Warehouse,
}

impl GlueIcebergCatalog {
    /// Of the tables in `warehouse`, by the database that `glue` is connected to.
    pub fn new(glue: GlueDataCatalog, warehouse: Warehouse) -> Self {
        Self { glue: Arc::new(glue), warehouse }
    }

    /// The pointer of a table, there or not yet.
    pub fn pointer(&self, table: &str) -> Arc<dyn Pointer> {
        Arc::new(LocationPointer::new(self.warehouse.clone(), table, self.glue.clone()))
    }
}

#[async_trait]
impl LocationCatalogue for GlueDataCatalog {
    async fn find(&self, table: &str) -> Result<Option<Located>, IcebergError> {
        table::read(self, table).await?.map(|found| located(self, &found)).transpose()
    }

    async fn say(&self, base: Option<&Located>, entry: &CatalogueEntry<'_>) -> Result<Swap, IcebergError> {
        let swap = match base {
            None => create(self, entry).await?,
            Some(base) => update(self, base, entry).await?,
        };
        tracing::debug!(
            database = self.database(),
            table = entry.table,
            location = entry.location,
            ?swap,
            "iceberg_location_swapped"
        );
        Ok(swap)
    }
}

/// What Glue says of an Iceberg table. Any other table is refused: it would be made one by a swap, and its readers would find nothing.
fn located(glue: &GlueDataCatalog, found: &Table) -> Result<Located, IcebergError> {
    let parameter = |name: &str| found.parameters().and_then(|all| all.get(name)).map(String::as_str);
    let attempted = glue.attempted("use as an Iceberg table the table", found.name());
    let table_type = parameter(TABLE_TYPE.0);
    if !table_type.is_some_and(|found| found.eq_ignore_ascii_case(TABLE_TYPE.1)) {
        let said = Said(format!("its parameter {} is {}", TABLE_TYPE.0, table_type.unwrap_or("not set")));
        let hint = "a table of this name is there that is no Iceberg table; give Iceberg tables a database of their own \
             (MILLRACE_ICEBERG_DATABASE), or remove that table from the catalogue (its data stays)";
        return Err(attempted.stop(hint, said).into());
    }
    let lacks =
        |what: &str, hint: &str| IcebergError::from(attempted.stop(hint, Said(format!("{what} is not set"))));
    let location = parameter(METADATA_LOCATION).ok_or_else(|| {
        lacks(
            METADATA_LOCATION,
            "the entry doesn't say where the table's metadata is; set its parameter metadata_location to the newest file below the \
             table's folder metadata/, or remove the table from the catalogue",
        )
    })?;
    let version = found.version_id().ok_or_else(|| {
        lacks("VersionId", "the server tells no versions of tables, by which commits are held against one another; use AWS's")
    })?;
    Ok(Located { location: location.to_owned(), version: version.to_owned() })
}

async fn create(glue: &GlueDataCatalog, entry: &CatalogueEntry<'_>) -> Result<Swap, IcebergError> {
    let input = input(glue, "create the table", entry, None)?;
    let attempted = glue.attempted("create the table", entry.table);
    let mut made_database = false;
    loop {
        let request = glue.client.create_table().database_name(glue.database()).table_input(input.clone());
        match request.send().await {
            Ok(_) => return Ok(Swap::Done),
            Err(error) if is_there(&error) || has_changed(&error) => return who_won(glue, entry).await,
            Err(error) if is_absent(&error) && !made_database => {
                table::create_database(glue).await?;
                made_database = true;
            }
            Err(error) => return Err(attempted.refused(&error).into()),
        }
    }
}

async fn update(
    glue: &GlueDataCatalog,
    base: &Located,
    entry: &CatalogueEntry<'_>,
) -> Result<Swap, IcebergError> {
    // Glue replaces an entry whole: what others wrote beside our part is read and written again.
    let Some(found) = table::read(glue, entry.table).await? else { return Err(removed(glue, entry)) };
    if located(glue, &found)? != *base {
        return Ok(Swap::Lost);
    }
    let input = input(glue, "update the table", entry, Some(&found))?;
    let request = glue.client.update_table().database_name(glue.database()).table_input(input);
    // A version for each commit would soon reach Glue's limit of versions; Iceberg's metadata has the history.
    let request = request.version_id(&base.version).skip_archive(true);
    match request.send().await {
        Ok(_) => Ok(Swap::Done),
        Err(error) if has_changed(&error) => who_won(glue, entry).await,
        Err(error) if is_absent(&error) => Err(removed(glue, entry)),
        Err(error) => Err(glue.attempted("update the table", entry.table).refused(&error).into()),
    }
}

/// A refusal may be the answer to a second try whose first one went through, its answer lost. Nobody else has this metadata's name: it is
/// looked for as what is now, and as what somebody has gone on from.
async fn who_won(glue: &GlueDataCatalog, entry: &CatalogueEntry<'_>) -> Result<Swap, IcebergError> {
    let Some(found) = table::read(glue, entry.table).await? else { return Ok(Swap::Lost) };
    let now = located(glue, &found)?.location;
    let before = found.parameters().and_then(|all| all.get(PREVIOUS_METADATA_LOCATION));
    let is_ours = now == entry.location || before.is_some_and(|before| before == entry.location);
    Ok(if is_ours { Swap::Done } else { Swap::Lost })
}

fn removed(glue: &GlueDataCatalog, entry: &CatalogueEntry<'_>) -> IcebergError {
    IcebergError::NoTable { table: entry.table.to_owned(), place: glue.shown().to_owned() }
}

fn input(
    glue: &GlueDataCatalog,
    action: &'static str,
    entry: &CatalogueEntry<'_>,
    found: Option<&Table>,
) -> Result<TableInput, IcebergError> {
    iceberg_description::table_input(entry, found).map_err(|error| {
        let said = Said(error.to_string());
        glue.attempted(action, entry.table).stop("the entry is not complete, this is a bug", said).into()
    })
}
