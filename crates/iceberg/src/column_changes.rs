//! Changes of metadata alone: added columns, and an earlier snapshot that is read again.

use arrow_schema::{Fields, Schema};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::committing::{Change, Next};
use crate::failure::IcebergError;
use crate::pointer::Current;
use crate::table_schema::{self, NAME_MAPPING, reads_as};

pub(crate) struct AddColumns<'a> {
    pub(crate) table: &'a str,
    pub(crate) schema: &'a Schema,
    pub(crate) now: DateTime<Utc>,
}

#[async_trait]
impl Change for AddColumns<'_> {
    type Told = Vec<String>;

    async fn on(&self, base: &Current) -> Result<Next<Vec<String>>, IcebergError> {
        let mut next = base.metadata.clone();
        let now = next.schema()?.clone();
        let mut new = Vec::new();
        for column in self.schema.fields() {
            let Some(there) = now.field(column.name()) else {
                new.push(column.clone());
                continue;
            };
            let wanted = table_schema::field_type(column.data_type());
            if !wanted.is_some_and(|wanted| reads_as(&wanted, &there.field_type)) {
                let reason =
                    format!("it is there, and not as {}; give the new one another name", column.data_type());
                let place = self.table.to_owned();
                return Err(IcebergError::Column { place, column: column.name().clone(), reason });
            }
        }
        if new.is_empty() {
            return Ok(Next::Nothing(Vec::new()));
        }
        let (fields, last) = table_schema::number(self.table, &Fields::from(new), next.last_column_id)?;
        let names = fields.iter().map(|field| field.name.clone()).collect();
        let mut schema = now;
        schema.fields.extend(fields);
        let highest = next.schemas.iter().map(|schema| schema.schema_id).max().unwrap_or(0);
        schema.schema_id = highest.checked_add(1).ok_or_else(|| {
            IcebergError::damaged(&base.location, format!("its highest schema-id is {highest}"))
        })?;
        next.last_column_id = last;
        next.current_schema_id = schema.schema_id;
        next.properties.insert(NAME_MAPPING.to_owned(), schema.name_mapping());
        next.schemas.push(schema);
        next.last_updated_ms = next.next_millis(self.now);
        Ok(Next::Metadata(Box::new(next), names))
    }
}

pub(crate) struct Rollback<'a> {
    pub(crate) table: &'a str,
    pub(crate) snapshot: i64,
    pub(crate) now: DateTime<Utc>,
}

#[async_trait]
impl Change for Rollback<'_> {
    type Told = ();

    async fn on(&self, base: &Current) -> Result<Next<()>, IcebergError> {
        let mut next = base.metadata.clone();
        if next.snapshot(self.snapshot).is_none() {
            return Err(IcebergError::NoSnapshot { table: self.table.to_owned(), snapshot: self.snapshot });
        }
        if next.current_snapshot_id == Some(self.snapshot) {
            return Ok(Next::Nothing(()));
        }
        let millis = next.next_millis(self.now);
        next.set_main(self.snapshot, millis);
        next.last_updated_ms = millis;
        Ok(Next::Metadata(Box::new(next), ()))
    }
}
