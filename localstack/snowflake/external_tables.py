"""External tables as views over the lake's Parquet that evaluate the DDL's own expressions.

A row is read whole, as VALUE, an object whose names are the file's to the letter; METADATA$FILENAME is the path behind the
bucket. So a path in another case is null, and a partition is what its expression makes of the path, as in Snowflake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import snowflake.connector.errors

from accepted import Accepted
from rowset import done, texts
from statement import Statement, closing, parts

# What DESCRIBE adds to a type that is named without a size.
SIZES = {"VARCHAR": "(16777216)", "TIMESTAMP_NTZ": "(9)"}


@dataclass
class Column:
    name: str
    declared: str
    expression: str


class ExternalTables:
    def __init__(self, lake: Path, accepted: Accepted) -> None:
        self.lake = lake
        self.accepted = accepted
        self.tables: dict[str, list[Column]] = {}

    def run(self, connection: object, statement: Statement) -> tuple[list, list] | None:
        if match := statement.match(r"CREATE(?: OR REPLACE)? EXTERNAL TABLE (?:IF NOT EXISTS )?([\w.]+)\s*\("):
            return self.create(connection, statement, match)
        if match := statement.match(r"DESC(?:RIBE)? EXTERNAL TABLE ([\w.]+)$"):
            return self.describe(match[1].upper())
        if match := statement.match(r"SHOW EXTERNAL TABLES IN DATABASE (\w+)$"):
            return self.show(match[1].upper())
        return None

    def create(self, connection: object, statement: Statement, match: re.Match) -> tuple[list, list]:
        text, name = statement.text, match[1].upper()
        end = closing(text, match.end() - 1)
        columns = [column(part) for part in parts(text[match.end() : end])]
        rest = Statement(text[end + 1 :])
        location = rest.find(r"LOCATION = @([\w.]+)/([\w/.=-]*\w)/?")
        stage = self.accepted.stages.get(location[1].upper()) if location else None
        if stage is None:
            raise ValueError(f"{name}: there is no such stage, or no LOCATION = @stage/folder/")
        file_format = rest.find(r"FILE_FORMAT = \( FORMAT_NAME = '([\w.]+)' \)")
        if not file_format or file_format[1].upper() not in self.accepted.file_formats:
            raise ValueError(f"{name}: there is no such file format")
        if not rest.find(r"AUTO_REFRESH = TRUE\b"):
            raise ValueError(f"{name}: new objects would not be seen")
        by = rest.find(r"PARTITION BY \(([^)]*)\)")
        for key in parts(by[1]) if by else []:
            of_path = [one for one in columns if one.name == key.upper() and "METADATA$FILENAME" in one.expression.upper()]
            if not of_path:
                raise ValueError(f"{name}: the partition {key} does not come from METADATA$FILENAME")
        pattern = rest.find(r"PATTERN = '([^']*)'")
        database, schema, table = name.split(".")
        files = f'{database}."__FILES"."{schema}_{table}"'
        connection._duck_conn.execute(f'CREATE SCHEMA IF NOT EXISTS {database}."__FILES"')
        connection._duck_conn.execute(
            f"CREATE OR REPLACE VIEW {files} AS {self.rows(location[2], stage, pattern and pattern[1])}"
        )
        selected = [f"({one.expression})::{one.declared} AS {one.name}" for one in columns]
        view = f"CREATE OR REPLACE VIEW {name} AS SELECT VALUE, {', '.join(selected)} FROM {files}"
        connection.cursor().execute(view, server=True)
        self.tables[name] = columns
        return done(f"Table {table} successfully created.")

    def rows(self, folder: str, stage: str, pattern: str | None) -> str:
        """Each row of the files of `folder` as VALUE, with its path as Snowflake has it."""
        prefix, here = re.sub(r"^s3://[^/]+/", "", stage), str(self.lake) + "/"
        if not any((self.lake / folder).rglob("*.parquet")):
            return 'SELECT NULL::JSON AS "VALUE", NULL::VARCHAR AS "METADATA$FILENAME" WHERE FALSE'
        matching = f"WHERE regexp_full_match(filename, '{pattern}')" if pattern else ""
        # Files that come later are seen, as with AUTO_REFRESH.
        return (
            "SELECT to_json(struct_pack(*COLUMNS(* EXCLUDE (filename)))) AS \"VALUE\", "
            f"replace(filename, '{here}', '{prefix}') AS \"METADATA$FILENAME\" "
            f"FROM read_parquet('{here}{folder}/**/*.parquet', filename = true, union_by_name = true, "
            f"hive_partitioning = false) {matching}"
        )

    def show(self, database: str) -> tuple[list, list]:
        """With the queue that S3 has to notify; here it is nobody's."""
        queue = "arn:aws:sqs:eu-west-1:123456789012:sf-snowpipe-local"
        names = [name.split(".") for name in self.tables if name.startswith(f"{database}.")]
        columns = ["name", "database_name", "schema_name", "invalid", "notification_channel"]
        return texts(columns, [[table, database, schema, "false", queue] for _, schema, table in names])

    def describe(self, name: str) -> tuple[list, list]:
        if name not in self.tables:
            raise snowflake.connector.errors.ProgrammingError(
                msg=f"SQL compilation error:\nTable '{name}' does not exist or not authorized.", errno=2003, sqlstate="42S02"
            )
        described = [["VALUE", "VARIANT"]]
        for one in self.tables[name]:
            declared = re.sub(r"\s", "", one.declared.upper())
            described.append([one.name, declared + SIZES.get(declared, "")])
        return texts(["name", "type"], described)


def column(text: str) -> Column:
    """`name TYPE AS (expression)`"""
    match = re.fullmatch(r"(\w+)\s+(.+?)\s+AS\s+(.*)", text, re.IGNORECASE | re.DOTALL)
    if not match:
        raise ValueError(f"{text!r} is not NAME TYPE AS (EXPRESSION)")
    return Column(match[1].upper(), match[2], match[3])
