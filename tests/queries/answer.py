"""Fills a lake by lake.sql and prints DuckDB's answer to each query, one JSON object a line.

usage: answer.py LAKE < queries.json      (a JSON array of statements)
"""
import datetime
import decimal
import json
import math
import pathlib
import sys
import uuid

import duckdb

def plain(value):
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return {"microseconds": value // datetime.timedelta(microseconds=1)}
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, uuid.UUID):
        return str(value)
    return value


def main():
    lake = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).parent
    for folder in (
        "curated/users_transformed/processing_date=2026-01-31",
        "curated/users_transformed/processing_date=2026-01-30",
        "curated/data_quality_summary/processing_date=2026-01-31",
        "raw/users/date=2026-01-31/hour=00",
        "raw/user_interactions/date=2026-01-31/hour=00",
        "raw/user_interactions/date=2026-01-31/hour=13",
        "raw/video_engagements/date=2026-01-31/hour=06",
        "raw/ad_events/date=2026-01-31/hour=12",
        "timeseries/fact_registration_trends/processing_date=2026-01-31",
    ):
        (lake / folder).mkdir(parents=True, exist_ok=True)

    connection = duckdb.connect()
    # Rows that are equal to an ORDER BY come in one order, run after run.
    connection.execute("SET threads = 1")
    # As PostgreSQL has it, and we.
    connection.execute("SET default_null_order = 'nulls_last_on_asc_first_on_desc'")
    connection.execute((here / "lake.sql").read_text().replace("${LAKE}", str(lake)))
    for sql in json.load(sys.stdin):
        try:
            cursor = connection.execute(sql)
            rows = [[plain(value) for value in row] for row in cursor.fetchall()]
            print(json.dumps({"rows": rows}))
        except duckdb.Error as error:
            print(json.dumps({"error": str(error)}))


if __name__ == "__main__":
    main()
