"""Answers as Snowflake writes them in JSON: every value its text, dates as days, instants as seconds since 1970."""

from __future__ import annotations

import datetime
import math

from fakesnow.rowtype import describe_as_rowtype

EPOCH = datetime.datetime(1970, 1, 1)


def rows_of(cursor: object) -> tuple[list, list]:
    columns = describe_as_rowtype(cursor._describe_last_sql())
    table = cursor._arrow_table
    if table is None:
        return columns, []
    kinds = [column["type"] for column in columns]
    values = [column.to_pylist() for column in table.columns]
    rows = [[text(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in zip(*values, strict=True)]
    return columns, rows


def text(value: object, kind: str) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if kind == "boolean":
        return "1" if value else "0"
    if kind == "date":
        return str((value - EPOCH.date()).days)
    if kind.startswith("timestamp"):
        zone = " 1440" if kind == "timestamp_tz" else ""
        since = value.replace(tzinfo=None) - EPOCH
        micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        sign = "-" if micros < 0 else ""
        return f"{sign}{abs(micros) // 1_000_000}.{abs(micros) % 1_000_000:06d}000{zone}"
    if kind == "fixed" and isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def texts(names: list[str], rows: list[list[str]]) -> tuple[list, list]:
    """An answer of texts alone."""
    describe = [(name, "VARCHAR", None, None, None, None) for name in names]
    return describe_as_rowtype(describe), rows


def done(what: str) -> tuple[list, list]:
    return texts(["status"], [[what]])
