"""What each snapshot of a table holds, by pyiceberg, as JSON: read_by_pyiceberg.py METADATA_FILE COLUMN ..."""

import json
import sys

from pyiceberg.table import StaticTable

table = StaticTable.from_metadata(sys.argv[1])
columns = sys.argv[2:]


def told(snapshot):
    scan = table.scan(snapshot_id=snapshot.snapshot_id)
    rows = scan.select(*columns).to_arrow().to_pylist()
    lines = sorted(" ".join(str(row[column]) for column in columns) for row in rows)
    return {"columns": [field.name for field in scan.projection().fields], "rows": lines}


print(json.dumps({str(snapshot.snapshot_id): told(snapshot) for snapshot in table.snapshots()}))
