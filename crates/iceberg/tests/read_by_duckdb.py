"""Reads an Iceberg table by DuckDB's extension, without a network, and tells what it sees as JSON: read_by_duckdb.py METADATA_FILE."""

import json
import sys

import duckdb
from duckdb_extensions import import_extension

# From packages, and not from DuckDB's own server.
for extension in ("avro", "iceberg"):
    import_extension(extension)
connection = duckdb.connect()
connection.execute("SET autoinstall_known_extensions = false")
for extension in ("avro", "iceberg"):
    connection.execute(f"LOAD {extension}")

metadata = sys.argv[1].removeprefix("file://")


def rows(options=""):
    found = connection.execute(f"SELECT * FROM iceberg_scan('{metadata}'{options}) ORDER BY n")
    names = [column[0] for column in found.description]
    return [dict(zip(names, row)) for row in found.fetchall()]


snapshots = connection.execute(f"SELECT snapshot_id FROM iceberg_snapshots('{metadata}') ORDER BY sequence_number").fetchall()
print(json.dumps({
    "now": rows(),
    "then": {str(snapshot): rows(f", snapshot_from_id={snapshot}::UBIGINT") for (snapshot,) in snapshots},
    "filtered": connection.execute(f"SELECT COUNT(*), SUM(n) FROM iceberg_scan('{metadata}') WHERE processing_date = DATE '2026-02-01' AND city >= 'Ciudad del Este y más 00021'").fetchall(),
}, default=str))
