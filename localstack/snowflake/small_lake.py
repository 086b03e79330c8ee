"""A small lake in a folder: every table of infra/tables.json, with values that are the same each time.

Users, their dimension, summary and countries hang together; of the other tables only names and types are as they would be.
Some raw objects overlap, as after a retry.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import duckdb

DAYS = ["2026-01-01", "2026-01-02"]
USERS = 120
HIVE = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "array<string>": "VARCHAR[]",
}
COUNTRIES = "['Canada', 'Denmark', 'Finland', 'Norway']"
GROUPS = "['18-24', '25-34', '35-44', '45-54', '65+']"
GENERATIONS = "['Gen Z', 'Millennial', 'Gen X', 'Boomer', 'Boomer']"

# What is known of a user's columns, by the user's number `i` and the day `day`; a column that is not here has any value.
USER = {
    "id": "CASE WHEN i % 40 = 39 THEN NULL ELSE 'user-' || lpad(i::VARCHAR, 4, '0') END",
    "gender": "['female', 'male', 'unknown'][1 + CASE WHEN i % 20 = 0 THEN 2 ELSE i % 2 END]",
    "email_domain": "['gmail.com', 'example.com', 'school.edu'][1 + i % 3]",
    "email_provider_type": "['Personal', 'Business', 'Educational'][1 + i % 3]",
    "email_valid": "i % 15 <> 0",
    "phone_valid": "i % 12 <> 0",
    "state": "'State ' || (i % 14)::VARCHAR",
    "country": f"CASE WHEN i % 30 = 29 THEN NULL ELSE {COUNTRIES}[1 + i % 4] END",
    "age_years": "18 + (i * 7) % 60",
    "age_group": f"{GROUPS}[1 + ((i * 7) % 60) // 12]",
    "generation": f"{GENERATIONS}[1 + ((i * 7) % 60) // 12]",
    "registration_date": "CASE WHEN i % 50 = 49 THEN NULL ELSE DATE '2015-01-01' + (i * 31)::INTEGER END",
    "data_quality_score": "100 - CASE WHEN i % 15 = 0 THEN 15 ELSE 0 END - CASE WHEN i % 12 = 0 THEN 10 ELSE 0 END",
    "quality_issues": "list_filter([CASE WHEN i % 15 = 0 THEN 'invalid_email' END, CASE WHEN i % 12 = 0 THEN 'invalid_phone' END], lambda x: x IS NOT NULL)",
    "processing_date": "day",
}
OF_USERS = {
    "data_quality_summary": {
        "total_records": "COUNT(*)",
        "high_quality_records": "COUNT(*) FILTER (data_quality_score >= 80)",
        "avg_quality_score": "AVG(data_quality_score)",
        "valid_emails": "COUNT(*) FILTER (email_valid)",
        "valid_phones": "COUNT(*) FILTER (phone_valid)",
        "processing_date": "day",
    },
    "fact_geographic_analysis": {
        "analysis_type": "'country'",
        "geographic_level": "COALESCE(country, 'unknown')",
        "country": "COALESCE(country, 'unknown')",
        "city": "NULL",
        "user_count": "COUNT(*)",
        "avg_age": "AVG(age_years)",
        "user_count_rank": "ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC, COALESCE(country, 'unknown'))",
        "processing_date": "day",
    },
}


def any_value(column: dict, index: int) -> str:
    """A value of the column's type by the row's number; null now and then, but never in a source position or a day."""
    name, hive = column["name"], column["type"]
    value = {
        "string": f"'{name} ' || (i % {3 + index})::VARCHAR",
        "int": f"(i * {1 + index}) % 1000",
        "bigint": f"i * {1 + index}",
        "double": f"(i * {1 + index}) / 8",
        "boolean": f"(i + {index}) % 3 = 0",
        "date": f"DATE '2025-06-01' + (i + {index})::INTEGER",
        "timestamp": f"TIMESTAMPTZ '2026-01-01 06:00:00.123456+00' + INTERVAL (i * {1 + index}) SECOND",
        "array<string>": "['x']",
    }[hive]
    if name.startswith("_") or name in ("processing_date", "quality_date"):
        return value
    return f"CASE WHEN (i + {index}) % 11 = 0 THEN NULL ELSE {value} END"


class Lake:
    def __init__(self, folder: Path, tables: list[dict]) -> None:
        self.folder = folder
        self.tables = {table["name"]: table for table in tables}
        self.duckdb = duckdb.connect()
        self.duckdb.execute("SET TimeZone = 'UTC'")

    def write(self, table: dict, part: str, known: dict, source: str) -> Path:
        """The columns of `table`, those that are `known` by their own expression, over the rows of `source`."""
        columns = [
            f"({known.get(column['name'], any_value(column, index))})::{HIVE[column['type']]} AS \"{column['name']}\""
            for index, column in enumerate(table["columns"])
        ]
        path = self.folder / table["folder"] / part
        path.parent.mkdir(parents=True, exist_ok=True)
        self.duckdb.execute(f"COPY (SELECT {', '.join(columns)} FROM {source}) TO '{path}' (FORMAT parquet)")
        return path

    def raw(self, table: dict) -> None:
        topic = {"raw_users": "users_created"}.get(table["name"], table["name"].removeprefix("raw_"))
        position = {"_topic": f"'{topic}'", "_generation": "'g0001'", "_partition": "i % 2", "_offset": "i // 2"}
        choices = {
            "event_type": "['VIEW_PRODUCT', 'ADD_TO_CART', 'CHECKOUT', 'PAYMENT', 'SEARCH'][1 + i % 5]",
            "status": "CASE WHEN i % 9 = 0 THEN 'ERROR' ELSE 'SUCCESS' END",
        }
        if table["name"] == "raw_video_engagements":
            choices["action"] = "['START', 'PAUSE', 'LIKE', 'STOP'][1 + i % 4]"
        elif table["name"] == "raw_ad_events":
            choices["action"] = "['IMPRESSION', 'IMPRESSION', 'CLICK', 'CONVERSION'][1 + i % 4]"
        for day, hour, begin, end in [(DAYS[0], "06", 0, 50), (DAYS[0], "07", 50, 80), (DAYS[1], "00", 80, 130)]:
            rows = f"(SELECT range AS i FROM range({begin}, {end}))"
            path = self.write(table, f"date={day}/hour={hour}/{topic}-{begin}.parquet", {**position, **choices}, rows)
            if begin == 50:
                # The second object of an hour has the first's rows again, and none of its own.
                shutil.copy(path, path.with_name(f"{topic}-again.parquet"))

    def day(self, day: str, number: int) -> None:
        begin = f"DATE '{day}'"
        users = f"(SELECT range AS i, {begin} AS day FROM range({USERS - 10 + 5 * number}))"
        path = self.write(self.tables["users_transformed"], f"processing_date={day}/part-00000.parquet", USER, users)
        for name, table in self.tables.items():
            part = f"processing_date={day}/part-00000.parquet"
            if name == "users_transformed" or table["layer"] == "raw":
                continue
            if name == "dim_user_demographics":
                # All users on the first day, then those that are new and some that changed.
                changed = "" if number == 0 else f"WHERE i % 7 = 0 OR i >= {USERS - 10}"
                known = {key: USER[key] for key in USER if key != "id"} | {
                    "user_id": USER["id"],
                    "is_current": "TRUE",
                    "city": f"'city of day {number}'",
                }
                self.write(table, part, known, f"(SELECT * FROM {users} {changed}) WHERE ({USER['id']}) IS NOT NULL")
            elif name in OF_USERS:
                groups = " GROUP BY COALESCE(country, 'unknown'), day" if "analysis_type" in OF_USERS[name] else " GROUP BY day"
                aggregates = ", ".join(f'{sql} AS "{key}"' for key, sql in OF_USERS[name].items())
                inner = f"SELECT {aggregates}, 1 AS i FROM (SELECT *, {begin} AS day FROM '{path}') {groups}"
                self.write(table, part, {key: f'"{key}"' for key in OF_USERS[name]}, f"({inner})")
            else:
                known = {
                    "processing_date": begin,
                    "period_type": "['monthly', 'quarterly'][1 + i % 2]",
                    "time_period": "'2025-' || lpad((1 + i % 12)::VARCHAR, 2, '0')",
                    "demographic_type": "['country', 'state'][1 + i % 2]",
                    "demographic_value": "'place ' || i::VARCHAR",
                    "email_domain": "'domain-' || i::VARCHAR || '.example'",
                    "user_count": "100 - i",
                    "registrations": "7 * i",
                }
                self.write(table, part, known, f"(SELECT range AS i FROM range({20 + number}))")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path, help="infra/tables.json")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    lake = Lake(arguments.folder, json.loads(arguments.tables.read_text())["tables"])
    for table in lake.tables.values():
        if table["layer"] == "raw":
            lake.raw(table)
    for number, day in enumerate(DAYS):
        lake.day(day, number)


if __name__ == "__main__":
    main()
