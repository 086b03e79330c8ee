"""EXPLAIN USING TABULAR: which files of the external tables a query would open, known before it runs.

As Snowflake does, by the partitions' filters that are values once the views are unfolded; DuckDB's planner tells them, through views,
groups and windows whose keys have the partition. A filter that only the running query knows, such as a subquery's, prunes nothing
here, though DuckDB itself would. The column `files` is this server's own.
"""

from __future__ import annotations

import json
import re

from rowset import texts
from statement import Statement

COLUMNS = ["operation", "objects", "partitionsTotal", "partitionsAssigned", "files"]


def explained(connection: object, tables: dict, statement: Statement) -> tuple[list, list] | None:
    asked = statement.match(r"EXPLAIN USING TABULAR (.*)$")
    if not asked:
        return None
    cursor = connection.cursor()
    cursor.execute(asked[1], server=True)
    duckdb = connection._duck_conn
    [[_, plan]] = duckdb.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {cursor._last_sql}").fetchall()
    rows = []
    for scan in scans(json.loads(plan)):
        name = next((name for name, table in tables.items() if table.reads(scan.get("Filename(s)", ""))), None)
        if name is None and "Scanning Files" in scan:
            # None of its files is left, so that nothing names them.
            rows.append(["ExternalScan", "", scan["Scanning Files"].partition("/")[2], "0", ""])
        elif name:
            rows.append(scanned(duckdb, name, tables[name], scan.get("File Filters")))
    return texts(COLUMNS, sorted(rows))


def scans(plan: dict) -> list[dict]:
    own = plan.get("extra_info") or {}
    found = [own] if own.get("Function") == "READ_PARQUET" else []
    for child in [*plan.get("operator", []), *plan.get("children", [])]:
        found += scans(child)
    return found


def scanned(duckdb: object, name: str, table: object, filters: str | None) -> list[str]:
    def files(where: str) -> list[str]:
        return [row[0] for row in duckdb.execute(f"SELECT DISTINCT filename FROM {table.read} {where} ORDER BY 1").fetchall()]

    every = files("")
    # DuckDB writes filters one behind the other.
    left = files("WHERE " + re.sub(r"\)\(", ") AND (", filters)) if filters else every
    return ["ExternalScan", name, str(len(every)), str(len(left)), "\n".join(left)]
