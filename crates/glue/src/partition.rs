//! A partition's entry.

use aws_sdk_glue::types::{BatchUpdatePartitionRequestEntry, ErrorDetail, Partition};

use super::service_error::{ALREADY_EXISTS, Attempted, NOT_FOUND, is_absent};
use crate::database::{GlueDataCatalog, TURNS};
use crate::description;
use millrace_lake::aws::Said;
use millrace_lake::data_catalog::{Change, DataCatalogError, PartitionEntry, TableEntry};

/// Makes Glue say of `partition` what it says itself. Its table is there.
pub(super) async fn ensure(
    glue: &GlueDataCatalog,
    table: &TableEntry,
    partition: &PartitionEntry,
) -> Result<Change, DataCatalogError> {
    let entry = format!("{} of {}", partition.day, table.name);
    // A day is registered anew for each run of it, and made once.
    for _ in 0..TURNS {
        let change = match read(glue, table, partition, &entry).await? {
            None => create(glue, table, partition, &entry).await?,
            Some(found) if description::is_same_partition(table, partition, &found) => {
                Some(Change::Unchanged)
            }
            Some(found) => update(glue, table, partition, &found, &entry).await?,
        };
        if let Some(change) = change {
            return Ok(change);
        }
    }
    let said = Said(format!("others changed it {TURNS} times meanwhile"));
    Err(glue.attempted("register the partition", &entry).retry(said))
}

async fn read(
    glue: &GlueDataCatalog,
    table: &TableEntry,
    partition: &PartitionEntry,
    entry: &str,
) -> Result<Option<Partition>, DataCatalogError> {
    let request = glue.client.get_partition().database_name(glue.database()).table_name(&table.name);
    match request.partition_values(description::value(partition)).send().await {
        Ok(answer) => Ok(answer.partition),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(glue.attempted("read the partition", entry).refused(&error)),
    }
}

/// `None` where another made it at the same time.
async fn create(
    glue: &GlueDataCatalog,
    table: &TableEntry,
    partition: &PartitionEntry,
    entry: &str,
) -> Result<Option<Change>, DataCatalogError> {
    let attempted = glue.attempted("create the partition", entry);
    let input = description::partition_input(table, partition, None).map_err(|error| {
        attempted.stop("the entry is not complete, this is a bug", Said(error.to_string()))
    })?;
    let request = glue.client.batch_create_partition().database_name(glue.database()).table_name(&table.name);
    let answer = request.partition_input_list(input).send().await;
    let answer = answer.map_err(|error| attempted.refused(&error))?;
    // The batch's own answer is yes whatever became of its parts.
    let refused = answer.errors().first();
    outcome(attempted, Change::Created, ALREADY_EXISTS, refused.map(|error| error.error_detail()))
}

/// `None` where another removed it since it was read.
async fn update(
    glue: &GlueDataCatalog,
    table: &TableEntry,
    partition: &PartitionEntry,
    found: &Partition,
    entry: &str,
) -> Result<Option<Change>, DataCatalogError> {
    let attempted = glue.attempted("update the partition", entry);
    let bug = |error: aws_sdk_glue::error::BuildError| {
        attempted.stop("the entry is not complete, this is a bug", Said(error.to_string()))
    };
    let input = description::partition_input(table, partition, Some(found)).map_err(bug)?;
    let update = BatchUpdatePartitionRequestEntry::builder()
        .partition_value_list(description::value(partition))
        .partition_input(input)
        .build()
        .map_err(bug)?;
    let request = glue.client.batch_update_partition().database_name(glue.database()).table_name(&table.name);
    let answer = request.entries(update).send().await;
    let answer = answer.map_err(|error| attempted.refused(&error))?;
    let refused = answer.errors().first();
    outcome(attempted, Change::Updated, NOT_FOUND, refused.map(|error| error.error_detail()))
}

/// What became of the one part of a batch: `done` where nothing was refused, `None` where the refusal is `anew`.
fn outcome(
    attempted: Attempted<'_>,
    done: Change,
    anew: &str,
    refused: Option<Option<&ErrorDetail>>,
) -> Result<Option<Change>, DataCatalogError> {
    let Some(detail) = refused else { return Ok(Some(done)) };
    let code = detail.and_then(ErrorDetail::error_code).unwrap_or("an error without a name");
    if code == anew {
        return Ok(None);
    }
    Err(attempted.answered(0, code, detail.and_then(ErrorDetail::error_message)))
}
