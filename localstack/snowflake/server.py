"""A server that speaks as much of Snowflake's protocol as `millrace snowflake` needs, on 127.0.0.1.

SQL is run by fakesnow, which translates Snowflake's to DuckDB's. What fakesnow has not is here: the login by key pair, answers as
rows of JSON (the Rust connector reads no Arrow), external tables over a lake in a folder and what they stand on, roles and grants,
blocks and procedures, the files that a query would open. Statements that only an account could carry out are accepted, counted, and
told of under /not-verified; any other that cannot be run fails. /notifications has what was sent.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import secrets
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import snowflake.connector.errors
from fakesnow.instance import FakeSnow

from accepted import Accepted
from external_tables import ExternalTables
from grants import Grants
from key_pair import KeyPair, Refused, made_in
from pruning import explained
from refusals import missing
from rowset import done, rows_of
from scripting import Scripting
from statement import Statement, without_comments


# Rows that come with an answer; the others are fetched by their own addresses, as from Snowflake's store.
ROWS_OF_A_CHUNK = 1000


@dataclass
class Session:
    connection: object
    role: str | None


class Warehouse:
    """The objects that all sessions share, and who may log in."""

    def __init__(self, lake: Path, key: KeyPair) -> None:
        self.key = key
        # Neither is made by a login: the scripts have to.
        self.fakesnow = FakeSnow(create_database_on_connect=False, create_schema_on_connect=False)
        self.accepted = Accepted()
        self.grants = Grants(self.is_there)
        self.external = ExternalTables(lake, self.grants)
        self.locations = self.external.locations
        self.scripting = Scripting(self.run, lambda: self.locations.notification)
        self.sessions: dict[str, Session] = {}
        self.ended: set[str] = set()
        self.chunks: dict[str, bytes] = {}
        self.alone = threading.Lock()

    def login(self, data: dict, named: dict[str, str]) -> dict:
        try:
            self.key.check(data)
        except Refused as why:
            # Snowflake's own answer has data of another shape than a login's.
            return refused("390144", f"JWT token is invalid. [{why}]", {"authnMethod": "KEYPAIR", "signInOptions": {}})
        token = secrets.token_urlsafe(32)
        with self.alone:
            places = (named[one].upper() if one in named else None for one in ("databaseName", "schemaName"))
            role = named["roleName"].upper() if "roleName" in named else None
            self.sessions[token] = Session(self.fakesnow.connect(*places), role)
        return {"success": True, "data": {"token": token, "parameters": [], "sessionInfo": {}}}

    def query(self, token: str, text: str, address: str) -> dict:
        session = self.sessions.get(token)
        if token in self.ended:
            return refused("390112", "Your session has expired. Please login again.", None)
        if session is None:
            return refused("390104", "User must login again to access the service.", None)
        try:
            with self.alone:
                statement = Statement(without_comments(text))
                if statement.match(r"SELECT SYSTEM\$ABORT_SESSION\(CURRENT_SESSION\(\)\)$"):
                    self.ended.add(token)
                    columns, rows = done("session aborted.")
                else:
                    columns, rows = self.run(session, statement)
        except snowflake.connector.errors.Error as error:
            return failed(f"{error.errno:06d}", error.msg or "the statement failed")
        except Exception as error:  # an unknown statement is a failure, never a pass
            return failed("000900", f"the test server cannot run this: {type(error).__name__}: {error}")
        data = {"queryResultFormat": "json", "rowtype": columns, "total": len(rows), "returned": len(rows)}
        data |= {"rowset": rows[:ROWS_OF_A_CHUNK], "queryId": secrets.token_hex(16), "chunkHeaders": {"x-chunk": "1"}}
        later = [rows[begin : begin + ROWS_OF_A_CHUNK] for begin in range(ROWS_OF_A_CHUNK, len(rows), ROWS_OF_A_CHUNK)]
        return {"success": True, "data": {**data, "chunks": [self.chunk(rows, address) for rows in later]}}

    def chunk(self, rows: list, address: str) -> dict:
        """Rows without the brackets around them, compressed, to be had once."""
        plain = json.dumps(rows)[1:-1].encode()
        path = f"/chunks/{secrets.token_hex(16)}"
        self.chunks[path] = packed = gzip.compress(plain)
        sizes = {"rowCount": len(rows), "uncompressedSize": len(plain), "compressedSize": len(packed)}
        return {"url": f"http://{address}{path}", **sizes}

    def run(self, session: Session, statement: Statement) -> tuple[list, list]:
        connection = session.connection
        if using := statement.match(r"USE ROLE (\w+)$"):
            session.role = self.grants.role(using[1])
            return done("Statement executed successfully.")
        if call := statement.match(r"CALL ([\w.]+)\(\)$"):
            return self.call(session, statement, call[1].upper())
        self.grants.check(session.role, statement)
        if granted := self.grants.run(connection, statement):
            self.accepted.count("role" if statement.match("CREATE ") else "grant")
            return granted
        if standing := self.locations.run(statement):
            self.accepted.count(standing[0])
            return standing[1]
        for answer in (
            self.external.run(connection, statement),
            self.scripting.run(session, statement),
            explained(connection, self.external.tables, self.with_stages(statement)),
            self.accepted.run(session.role, statement, self.scripting.procedures, self.locations.notification),
        ):
            if answer is not None:
                return answer
        cursor = connection.cursor()
        cursor.execute(self.accepted.without_rights(self.with_stages(statement)).text, server=True)
        self.lose_grants(statement)
        return rows_of(cursor)

    def call(self, session: Session, statement: Statement, name: str) -> tuple[list, list]:
        """A procedure runs by its owner's rights; who calls it needs USAGE."""
        roles = self.grants.of(session.role) if session.role else set()
        if not self.grants.owns_all(session.role) and not any(("USAGE", name, role) in self.grants.granted for role in roles):
            raise missing("Unknown user-defined function", name)
        return self.scripting.run(Session(session.connection, None), statement)

    def with_stages(self, statement: Statement) -> Statement:
        of_stages = r"([\w]+)\.information_schema\.stages\b"
        return Statement(re.sub(of_stages, lambda named: self.locations.rows_of_stages(named[1]), statement.text, flags=re.I))

    def lose_grants(self, statement: Statement) -> None:
        replaced = statement.match(r"CREATE OR REPLACE (VIEW|TABLE) ([\w.]+)(?P<kept> COPY GRANTS)?")
        dropped = statement.match(r"DROP (VIEW|TABLE) (?:IF EXISTS )?([\w.]+)")
        if dropped or (replaced and not replaced["kept"]):
            self.grants.forget((dropped or replaced)[2].upper())

    def is_there(self, connection: object, kind: str, name: str) -> bool:
        known = {
            "EXTERNAL TABLE": self.external.tables,
            "STAGE": self.locations.stages,
            "FILE FORMAT": self.locations.file_formats,
            "PROCEDURE": self.scripting.procedures,
            "WAREHOUSE": self.accepted.made["warehouse"],
        }
        if kind in known:
            return name in known[kind]
        place = dict(zip(("catalog", "schema", "name"), name.split(".")))
        table = {"DATABASE": "schemata", "SCHEMA": "schemata"}.get(kind, "tables")
        columns = {"schemata": ["catalog_name", "schema_name"], "tables": ["table_catalog", "table_schema", "table_name"]}[table]
        where = " AND ".join(f"upper({column}) = '{part}'" for column, part in zip(columns, place.values()))
        asked = f"SELECT COUNT(*) FROM system.information_schema.{table} WHERE {where}"
        return connection._duck_conn.execute(asked).fetchall() != [(0,)]


def refused(code: str, message: str, data: dict | None) -> dict:
    return {"success": False, "code": code, "message": message, "data": data}


def failed(code: str, message: str) -> dict:
    """A statement's failure."""
    data = {"internalError": False, "errorCode": code, "age": 0, "sqlState": "42000", "queryId": secrets.token_hex(16)}
    return refused(code, message, {**data, "line": -1, "pos": -1, "type": "COMPILATION"})


def handler(warehouse: Warehouse) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if packed := warehouse.chunks.pop(self.path, None):
                return self.send(200, "application/octet-stream", packed)
            answers = {
                "/health": lambda: {"ok": True},
                "/not-verified": lambda: warehouse.accepted.counts,
                "/notifications": lambda: warehouse.scripting.sent,
            }
            answer = answers.get(self.path)
            self.answer(200, answer()) if answer else self.answer(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            path, _, query = self.path.partition("?")
            request = json.loads(body or b"{}")
            if path == "/session/v1/login-request":
                named = dict(pair.partition("=")[::2] for pair in query.split("&"))
                self.answer(200, warehouse.login(request["data"], named))
            elif path == "/queries/v1/query-request":
                token = self.headers.get("Authorization", "").removeprefix('Snowflake Token="').removesuffix('"')
                self.answer(200, warehouse.query(token, request["sqlText"], self.headers["Host"]))
            else:
                self.answer(404, {})

        def answer(self, status: int, told: object) -> None:
            self.send(status, "application/json", json.dumps(told).encode())

        def send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Statements may hold what nobody should find in a log."""

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--lake", type=Path, required=True, help="the folder that external tables read")
    parser.add_argument("--account", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--keys", type=Path, required=True, help="a folder for the key pairs that are made")
    arguments = parser.parse_args()
    key = KeyPair(arguments.account, arguments.user, made_in(arguments.keys))
    warehouse = Warehouse(arguments.lake.resolve(), key)
    ThreadingHTTPServer(("127.0.0.1", arguments.port), handler(warehouse)).serve_forever()


if __name__ == "__main__":
    main()
