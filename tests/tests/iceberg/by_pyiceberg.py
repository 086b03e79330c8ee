"""Holds a lake's Iceberg tables, as pyiceberg reads them, against the plain files beside them: by_pyiceberg.py LAKE HISTORY, where HISTORY is
what `millrace tables --history --json` printed. Tells how many tables and rows it compared."""

import json
import pathlib
import sys

import pyarrow
import pyarrow.parquet
from pyiceberg.table import StaticTable

lake = pathlib.Path(sys.argv[1])
history = json.loads(pathlib.Path(sys.argv[2]).read_text())["snapshots"]


def newest(table):
    folder = lake / "iceberg" / table / "metadata"
    return str(folder / f"v{(folder / 'version-hint.text').read_text()}.metadata.json")


def plain(table):
    (folder,) = [path for path in lake.glob(f"*/{table}") if path.parent.name != "iceberg"]
    days = [pyarrow.parquet.read_table(path, partitioning=None) for path in sorted(folder.rglob("*.parquet"))]
    return pyarrow.concat_tables(days)


def told(rows):
    """Every cell, whatever an engine calls its type; NaN is itself."""
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in rows.to_pylist())


compared = 0
tables = sorted({one["table"] for one in history})
for name in tables:
    table = StaticTable.from_metadata(newest(name))
    seen, expected = table.scan().to_arrow(), plain(name)
    assert seen.column_names == expected.column_names, name
    assert told(seen) == told(expected), f"{name}: {seen.num_rows} rows by pyiceberg, {expected.num_rows} published"
    compared += seen.num_rows
    for snapshot in (one for one in history if one["table"] == name):
        rows = table.scan(snapshot_id=snapshot["snapshot"]).to_arrow().num_rows
        assert rows == snapshot["rows"], f"{name} as of {snapshot}: {rows}"
print(json.dumps({"tables": tables, "rows": compared}))
