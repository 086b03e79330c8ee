"""The same by DuckDB, without a network: by_duckdb.py LAKE HISTORY."""

import json
import pathlib
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

lake = pathlib.Path(sys.argv[1])
history = json.loads(pathlib.Path(sys.argv[2]).read_text())["snapshots"]
compared = 0
tables = sorted({one["table"] for one in history})
for name in tables:
    folder = lake / "iceberg" / name / "metadata"
    metadata = folder / f"v{(folder / 'version-hint.text').read_text()}.metadata.json"
    (plain,) = [path for path in lake.glob(f"*/{name}") if path.parent.name != "iceberg"]
    seen = f"SELECT * FROM iceberg_scan('{metadata}')"
    # As bags: a row that is there twice is to be there twice.
    published = f"SELECT * FROM read_parquet('{plain}/*/*.parquet', hive_partitioning = false)"
    for one, other in ((seen, published), (published, seen)):
        (more,) = connection.execute(f"SELECT COUNT(*) FROM ({one} EXCEPT ALL {other})").fetchone()
        assert more == 0, f"{name}: {more} rows of {one} are not in {other}"
    compared += connection.execute(f"SELECT COUNT(*) FROM ({seen})").fetchone()[0]
    for snapshot in (one for one in history if one["table"] == name):
        then = f"iceberg_scan('{metadata}', snapshot_from_id = {snapshot['snapshot']}::UBIGINT)"
        (rows,) = connection.execute(f"SELECT COUNT(*) FROM {then}").fetchone()
        assert rows == snapshot["rows"], f"{name} as of {snapshot}: {rows}"
print(json.dumps({"tables": tables, "rows": compared}))
