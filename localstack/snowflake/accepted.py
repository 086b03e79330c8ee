"""Statements that only an account could carry out: answered, counted by kind, and not verified.

What can be looked at without an account is: an external table may use only a stage and a file format that were made, and the
statement of a task is run, and its work taken back.
"""

from __future__ import annotations

import re

from rowset import done, texts
from statement import Statement

KINDS = {
    "storage integration": r"(CREATE|ALTER) STORAGE INTEGRATION ",
    "role": r"CREATE ROLE ",
    "grant": r"GRANT .+ TO (ROLE|USER) ",
    "warehouse": r"(CREATE|ALTER) WAREHOUSE ",
    "user": r"(CREATE|ALTER) USER ",
    "stage": r"(CREATE|ALTER)( OR REPLACE)? STAGE ",
    "file format": r"CREATE( OR REPLACE)? FILE FORMAT ",
    "task": r"(CREATE|ALTER)( OR REPLACE)? TASK ",
    "role in use": r"USE (ROLE|WAREHOUSE|SECONDARY) ",
}


class Accepted:
    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.stages: dict[str, str] = {}
        self.file_formats: set[str] = set()
        self.integrations: set[str] = set()

    def run(self, connection: object, statement: Statement) -> tuple[list, list] | None:
        if statement.match(r"ALTER SESSION SET TIMEZONE"):
            if not statement.match(r"ALTER SESSION SET TIMEZONE\s*=\s*'UTC'$"):
                raise ValueError("this server's days are UTC's")
            return done("Statement executed successfully.")
        if described := statement.match(r"DESC(RIBE)?( STORAGE)? INTEGRATION (\w+)$"):
            return self.describe(described[3].upper())
        for kind, pattern in KINDS.items():
            if statement.match(pattern):
                self.look_at(kind, connection, statement)
                self.counts[kind] = self.counts.get(kind, 0) + 1
                return done("Accepted and not verified.")
        return None

    def without_rights(self, statement: Statement) -> Statement:
        """Who may grant in a schema is nobody's business here; the schema is made."""
        made = re.fullmatch(r"(CREATE\s+SCHEMA\s.*?)\s+WITH\s+MANAGED\s+ACCESS", statement.text, re.IGNORECASE | re.DOTALL)
        if not made:
            return statement
        self.counts["managed access"] = self.counts.get("managed access", 0) + 1
        return Statement(made[1])

    def look_at(self, kind: str, connection: object, statement: Statement) -> None:
        name = r"(?:IF NOT EXISTS )?([\w.]+)"
        if kind == "storage integration" and statement.match("CREATE "):
            self.integrations.add(statement.match(r"CREATE STORAGE INTEGRATION " + name)[1].upper())
        elif kind == "stage" and (url := statement.find(r"URL = '(s3://[^']+/)'")):
            named = statement.match(r"(?:CREATE|ALTER)(?: OR REPLACE)? STAGE " + name)
            self.stages[named[1].upper()] = url[1]
        elif kind == "file format":
            if not statement.find(r"TYPE = PARQUET\b") or not statement.find(r"USE_LOGICAL_TYPE = TRUE\b"):
                raise ValueError("timestamps of this file format would be numbers")
            named = statement.match(r"CREATE(?: OR REPLACE)? FILE FORMAT " + name)
            self.file_formats.add(named[1].upper())
        elif kind == "task" and statement.match("CREATE "):
            body = re.search(r"\sAS\s+(?=INSERT|MERGE|CALL)(.*)$", statement.text, re.IGNORECASE | re.DOTALL)
            if not body:
                raise ValueError("a task that does not begin with INSERT or MERGE")
            duckdb = connection._duck_conn
            duckdb.begin()
            try:
                connection.cursor().execute(body[1], server=True)
            finally:
                duckdb.rollback()

    def describe(self, name: str) -> tuple[list, list]:
        """What a role's trust is written from; the values are nobody's."""
        if name not in self.integrations:
            raise ValueError(f"Integration '{name}' does not exist or not authorized.")
        told = {
            "STORAGE_AWS_IAM_USER_ARN": "arn:aws:iam::123456789012:user/snowflake",
            "STORAGE_AWS_EXTERNAL_ID": "MILLRACE_SFCRole=1_local",
        }
        names = ["property", "property_type", "property_value", "property_default"]
        return texts(names, [[key, "String", value, ""] for key, value in told.items()])
