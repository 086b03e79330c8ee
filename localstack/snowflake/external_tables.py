"""External tables as views over the lake's Parquet that evaluate the DDL's own expressions.

A row is read whole, as VALUE, an object whose names are the file's to the letter; METADATA$FILENAME is the path behind the
bucket. So a path in another case is null, and a partition is what its expression makes of the path, as in Snowflake. Where that is
what the folder says, which is looked at in every file, DuckDB's own column of the folder stands for it: by that it knows the files
that a filter leaves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from grants import Grants
from locations import Locations
from refusals import exists, missing
from rowset import done, texts
from statement import Statement, closing, parts

# What DESCRIBE adds to a type that is named without a size.
SIZES = {"VARCHAR": "(16777216)", "TIMESTAMP_NTZ": "(9)"}


@dataclass
class Column:
    name: str
    declared: str
    expression: str


@dataclass
class Table:
    columns: list[Column]
    stage: str
    file_format: str
    folder: str
    read: str  # how DuckDB reads its files; nothing where there is none

    def reads(self, names: str) -> bool:
        """Whether these are its files, or the pattern of all of them."""
        return bool(self.read) and names.startswith(self.folder + "/")


class ExternalTables:
    def __init__(self, lake: Path, grants: Grants) -> None:
        self.lake = lake
        self.grants = grants
        self.locations = Locations(self.dependants)
        self.tables: dict[str, Table] = {}

    def dependants(self, name: str) -> list[str]:
        """The external tables that stand on the stage or the file format `name`."""
        return [one for one, table in self.tables.items() if name in (table.stage, table.file_format)]

    def run(self, connection: object, statement: Statement) -> tuple[list, list] | None:
        if match := statement.match(r"CREATE( OR REPLACE)? EXTERNAL TABLE ([\w.]+)\s*\("):
            return self.create(connection, statement, match)
        if match := statement.match(r"DROP EXTERNAL TABLE (IF EXISTS )?([\w.]+)$"):
            return self.drop(connection, match[2].upper(), bool(match[1]))
        if match := statement.match(r"DESC(?:RIBE)? EXTERNAL TABLE ([\w.]+)$"):
            return self.describe(match[1].upper())
        if match := statement.match(r"SHOW EXTERNAL TABLES IN DATABASE (\w+)$"):
            return self.show(match[1].upper())
        return None

    def create(self, connection: object, statement: Statement, match: re.Match) -> tuple[list, list]:
        text, name = statement.text, match[2].upper()
        if name in self.tables and not match[1]:
            raise exists(name)
        end = closing(text, match.end() - 1)
        columns = [column(part) for part in parts(text[match.end() : end])]
        rest = Statement(text[end + 1 :])
        location = rest.find(r"LOCATION = @([\w.]+)/([\w/.=-]*\w)/?")
        stage = self.locations.stages.get(location[1].upper()) if location else None
        if stage is None:
            raise missing("Stage", location[1].upper() if location else name)
        file_format = rest.find(r"FILE_FORMAT = \( FORMAT_NAME = '([\w.]+)' \)")
        if not file_format or file_format[1].upper() not in self.locations.file_formats:
            raise missing("File format", file_format[1].upper() if file_format else name)
        if not rest.find(r"AUTO_REFRESH = TRUE\b"):
            raise ValueError(f"{name}: new objects would not be seen")
        by = rest.find(r"PARTITION BY \(([^)]*)\)")
        keys = []
        for key in parts(by[1]) if by else []:
            of_path = [one for one in columns if one.name == key.upper() and "METADATA$FILENAME" in one.expression.upper()]
            if not of_path:
                raise ValueError(f"{name}: the partition {key} does not come from METADATA$FILENAME")
            keys += of_path
        pattern = rest.find(r"PATTERN = '([^']*)'")
        database, schema, table = name.split(".")
        files = f'{database}."__FILES"."{schema}_{table}"'
        read, rows = self.rows(location[2], stage.url, pattern and pattern[1], keys)
        connection._duck_conn.execute(f'CREATE SCHEMA IF NOT EXISTS {database}."__FILES"')
        connection._duck_conn.execute(f"CREATE OR REPLACE VIEW {files} AS {rows}")
        for key in keys:
            self.stand_for(connection, key, files)
        selected = [f"({one.expression})::{one.declared} AS {one.name}" for one in columns]
        view = f"CREATE OR REPLACE VIEW {name} AS SELECT VALUE, {', '.join(selected)} FROM {files}"
        connection.cursor().execute(view, server=True)
        if not rest.find(r"COPY GRANTS\b"):
            self.grants.forget(name)
        place = f"{self.lake}/{location[2]}"
        self.tables[name] = Table(columns, location[1].upper(), file_format[1].upper(), place, read)
        return done(f"Table {table} successfully created.")

    def drop(self, connection: object, name: str, unless: bool) -> tuple[list, list]:
        if name in self.tables:
            connection._duck_conn.execute(f"DROP VIEW {name}")
            del self.tables[name]
            self.grants.forget(name)
        elif not unless:
            raise missing("External table", name)
        return done(f"{name} successfully dropped.")

    def stand_for(self, connection: object, key: Column, files: str) -> None:
        """The folder's own column in the place of the expression, where both say the same of each file."""
        folder = f'"__{key.name}"'
        cursor = connection.cursor()
        unlike = f"({key.expression})::{key.declared} IS DISTINCT FROM {folder}::{key.declared}"
        cursor.execute(f"SELECT COUNT(*) FROM {files} WHERE {unlike}", server=True)
        if cursor.fetchall() == [(0,)]:
            key.expression = folder

    def rows(self, folder: str, stage: str, pattern: str | None, keys: list[Column]) -> tuple[str, str]:
        """Each row of the files of `folder` as VALUE, with its path as Snowflake has it and its folders' own columns."""
        prefix, here = re.sub(r"^s3://[^/]+/", "", stage), str(self.lake) + "/"
        # An expression that reads no folder of the lake's has no such column.
        names = {key.name: key.name.lower() for key in keys}
        if not any((self.lake / folder).rglob("*.parquet")):
            nothing = "".join(f', NULL::{key.declared} AS "__{key.name}"' for key in keys)
            return "", f'SELECT NULL::JSON AS "VALUE", NULL::VARCHAR AS "METADATA$FILENAME"{nothing} WHERE FALSE'
        matching = f"WHERE regexp_full_match(filename, '{pattern}')" if pattern else ""
        types = ", ".join(f"'{name}': {key.declared}" for name, key in zip(names.values(), keys, strict=True))
        read = (
            f"read_parquet('{here}{folder}/**/*.parquet', filename = true, union_by_name = true, "
            f"hive_partitioning = true, hive_types = {{{types}}})"
        )
        folders = "".join(f', {name} AS "__{key}"' for key, name in names.items())
        but = ", ".join(["filename", *names.values()])
        # Files that come later are seen, as with AUTO_REFRESH.
        return read, (
            f"SELECT to_json(struct_pack(*COLUMNS(* EXCLUDE ({but})))) AS \"VALUE\", "
            f"replace(filename, '{here}', '{prefix}') AS \"METADATA$FILENAME\"{folders} FROM {read} {matching}"
        )

    def show(self, database: str) -> tuple[list, list]:
        """With the queue that S3 has to notify; here it is nobody's."""
        queue = "arn:aws:sqs:eu-west-1:123456789012:sf-snowpipe-local"
        names = [name.split(".") for name in self.tables if name.startswith(f"{database}.")]
        columns = ["name", "database_name", "schema_name", "invalid", "notification_channel"]
        return texts(columns, [[table, database, schema, "false", queue] for _, schema, table in names])

    def describe(self, name: str) -> tuple[list, list]:
        if name not in self.tables:
            raise missing("Table", name)
        described = [["VALUE", "VARIANT"]]
        for one in self.tables[name].columns:
            declared = re.sub(r"\s", "", one.declared.upper())
            described.append([one.name, declared + SIZES.get(declared, "")])
        return texts(["name", "type"], described)


def column(text: str) -> Column:
    """`name TYPE AS (expression)`"""
    match = re.fullmatch(r"(\w+)\s+(.+?)\s+AS\s+(.*)", text, re.IGNORECASE | re.DOTALL)
    if not match:
        raise ValueError(f"{text!r} is not NAME TYPE AS (EXPRESSION)")
    return Column(match[1].upper(), match[2], match[3])
