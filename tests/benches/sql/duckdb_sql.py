"""DuckDB as the peer of `sql`: reads a line of JSON a question and answers one. Usage: duckdb_sql.py LAKE THREADS BYTES."""

import datetime
import glob
import json
import sys
import tempfile
import time

import duckdb

LAKE, THREADS, MEMORY = sys.argv[1:]


def value(cell):
    if isinstance(cell, datetime.datetime):
        # As ours writes it: as many digits of a second as there are, in threes.
        digits = "seconds" if cell.microsecond == 0 else "microseconds" if cell.microsecond % 1000 else "milliseconds"
        return cell.astimezone(datetime.timezone.utc).replace(tzinfo=None).isoformat(timespec=digits) + "Z"
    if isinstance(cell, datetime.date):
        return cell.isoformat()
    if isinstance(cell, (list, tuple)):
        return [value(part) for part in cell]
    return cell if cell is None or isinstance(cell, (bool, int, float, str)) else str(cell)


def main(spilled):
    config = {"threads": int(THREADS), "memory_limit": f"{MEMORY}B", "temp_directory": spilled}
    connection = duckdb.connect(config=config)
    connection.execute("SET TimeZone = 'UTC'")
    for name, pattern, folders in [
        ("users_transformed_latest", "curated/users_transformed/*/*.parquet", "processing_date"),
        ("raw_user_interactions", "raw/user_interactions/*/*/*.parquet", "date, hour"),
    ]:
        if glob.glob(f"{LAKE}/{pattern}"):
            left_out = "" if folders == "processing_date" else f"EXCLUDE ({folders})"
            connection.execute(
                f"CREATE VIEW {name} AS SELECT * {left_out} FROM read_parquet('{LAKE}/{pattern}', hive_partitioning = true)"
            )
    print(json.dumps({"version": duckdb.__version__}), flush=True)
    for line in sys.stdin:
        begin = time.perf_counter()
        rows = connection.execute(json.loads(line)).fetchall()
        seconds = time.perf_counter() - begin
        print(json.dumps({"seconds": seconds, "rows": [[value(cell) for cell in row] for row in rows]}), flush=True)


if __name__ == "__main__":
    # Where ours spills too, and not into the checkout.
    with tempfile.TemporaryDirectory() as spilled:
        main(spilled)
