//! What a REST catalogue is asked instead of a swap: it makes the metadata itself, from the difference of two.
//!
//! Source: Iceberg's `open-api/rest-catalog-open-api.yaml`, `CreateTableRequest` and `CommitTableRequest`. No server has answered them here.

use serde_json::{Value, json};

use crate::failure::IcebergError;
use crate::table_metadata::{MAIN, TableMetadata};

/// The body of `POST /v1/{prefix}/namespaces/{namespace}/tables` for a new table.
///
/// # Errors
/// The metadata has no current schema or spec.
pub fn create_table(name: &str, metadata: &TableMetadata) -> Result<Value, IcebergError> {
    let order = metadata.sort_orders.iter().find(|order| order["order-id"] == metadata.default_sort_order_id);
    Ok(json!({
        "name": name,
        "location": metadata.location,
        "schema": metadata.schema()?,
        "partition-spec": metadata.spec(metadata.default_spec_id)?,
        "write-order": order,
        "properties": metadata.properties,
    }))
}

/// The body of `POST /v1/{prefix}/namespaces/{namespace}/tables/{table}` that makes `next` of `base`. Of two such requests from one base the
/// catalogue answers one with 409, which is a lost swap; 500, 502 and 504 leave open what came of it.
///
/// # Errors
/// `next` has what no request says: another identity, another place, a spec that is new.
pub fn commit_table(base: &TableMetadata, next: &TableMetadata) -> Result<Value, IcebergError> {
    let alike = (&base.table_uuid, &base.location, &base.partition_specs, base.default_spec_id)
        == (&next.table_uuid, &next.location, &next.partition_specs, next.default_spec_id)
        && (&base.sort_orders, base.default_sort_order_id) == (&next.sort_orders, next.default_sort_order_id);
    if !alike {
        return Err(IcebergError::Unsupported {
            place: base.location.clone(),
            found: "a change of identity, place, partition spec or sort order in a request".to_owned(),
        });
    }
    let mut requirements = vec![
        json!({"type": "assert-table-uuid", "uuid": base.table_uuid}),
        // Also where there is none yet: then nobody may have made one.
        json!({"type": "assert-ref-snapshot-id", "ref": MAIN, "snapshot-id": base.current_snapshot_id}),
    ];
    let mut updates = Vec::new();
    let new_schemas = next.schemas.iter().filter(|schema| !base.schemas.contains(schema));
    for schema in new_schemas {
        updates.push(json!({"action": "add-schema", "schema": schema}));
    }
    if next.current_schema_id != base.current_schema_id {
        requirements
            .push(json!({"type": "assert-current-schema-id", "current-schema-id": base.current_schema_id}));
        requirements.push(
            json!({"type": "assert-last-assigned-field-id", "last-assigned-field-id": base.last_column_id}),
        );
        updates.push(json!({"action": "set-current-schema", "schema-id": next.current_schema_id}));
    }
    let set: serde_json::Map<String, Value> = next
        .properties
        .iter()
        .filter(|(name, value)| base.properties.get(*name) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    if !set.is_empty() {
        updates.push(json!({"action": "set-properties", "updates": set}));
    }
    let gone: Vec<&String> =
        base.properties.keys().filter(|name| !next.properties.contains_key(*name)).collect();
    if !gone.is_empty() {
        updates.push(json!({"action": "remove-properties", "removals": gone}));
    }
    for snapshot in next.snapshots.iter().filter(|one| base.snapshot(one.snapshot_id).is_none()) {
        updates.push(json!({"action": "add-snapshot", "snapshot": snapshot}));
    }
    for (name, head) in next.refs.iter().filter(|(name, head)| base.refs.get(*name) != Some(head)) {
        let mut update = json!({"action": "set-snapshot-ref", "ref-name": name});
        if let (Some(update), Value::Object(head)) = (update.as_object_mut(), json!(head)) {
            update.extend(head);
        }
        updates.push(update);
    }
    let removed: Vec<i64> =
        base.snapshots.iter().map(|one| one.snapshot_id).filter(|id| next.snapshot(*id).is_none()).collect();
    if !removed.is_empty() {
        updates.push(json!({"action": "remove-snapshots", "snapshot-ids": removed}));
    }
    Ok(json!({"requirements": requirements, "updates": updates}))
}
