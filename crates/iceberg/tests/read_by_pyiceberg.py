"""Reads an Iceberg table by pyiceberg and tells what it sees as JSON: read_by_pyiceberg.py METADATA_FILE."""

import json
import sys

from pyiceberg.table import StaticTable

table = StaticTable.from_metadata(sys.argv[1])


def rows(scan):
    found = scan.to_arrow()
    found = found.sort_by("n")
    return json.loads(json.dumps(found.to_pylist(), default=lambda value: value.isoformat()))


def files(*conditions):
    return [len(list(table.scan(row_filter=condition).plan_files())) for condition in conditions]


first, *_, last = sorted(table.snapshots(), key=lambda snapshot: snapshot.sequence_number)
current = table.current_snapshot()
entries = table.inspect.entries().to_pylist()
print(json.dumps({
    "spec": str(table.spec()),
    "sort": [field.source_id for field in table.sort_order().fields],
    "columns": [field.name for field in table.schema().fields],
    "now": rows(table.scan()),
    "then": {str(s.snapshot_id): rows(table.scan(snapshot_id=s.snapshot_id)) for s in table.snapshots()},
    "operations": [s.summary.operation.value for s in table.snapshots()],
    "summary": current.summary.additional_properties,
    "planned": files("processing_date = '2026-02-01'", "n >= 100000", "n = 20", "city < 'A'", "city > 'Ciudad del Est~'", "email = 'nobody'"),
    "statuses": sorted(entry["status"] for entry in entries),
    "bounds": sorted({name for entry in entries for name, of in entry["readable_metrics"].items() if of["lower_bound"] is not None}),
    "nulls": {name: of["null_value_count"] for name, of in entries[0]["readable_metrics"].items()},
    "partitions": sorted(str(p["partition"]["processing_date"]) + " " + str(p["record_count"]) for p in table.inspect.partitions().to_pylist()),
}))
