"""Reads an Iceberg table by pyiceberg and tells what it sees as JSON: read_by_pyiceberg.py METADATA_FILE
[CONDITION ...], of which each is answered with the number of files that it opens."""

import json
import sys

from pyiceberg.table import StaticTable

table = StaticTable.from_metadata(sys.argv[1])


def rows(scan):
    found = scan.to_arrow()
    found = found.sort_by("n")
    return json.loads(json.dumps(found.to_pylist(), default=lambda value: value.isoformat()))


def files(condition):
    return len(list(table.scan(row_filter=condition).plan_files()))


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
    "planned": [files(condition) for condition in sys.argv[2:]],
    "bounds": sorted({name for entry in entries for name, of in entry["readable_metrics"].items() if of["lower_bound"] is not None}),
    "partitions": sorted(str(*p["partition"].values()) + " " + str(p["record_count"]) for p in table.inspect.partitions().to_pylist()),
}))
