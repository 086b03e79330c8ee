"""A server that speaks as much of Snowflake's protocol as `millrace snowflake` needs, on 127.0.0.1.

SQL is run by fakesnow, which translates Snowflake's to DuckDB's. What fakesnow has not is here: the login by key pair, answers as
rows of JSON (the Rust connector reads no Arrow), external tables over a lake in a folder. Statements that only an account could
carry out are accepted, counted, and told of under /not-verified; any other that cannot be run fails.
"""

from __future__ import annotations

import argparse
import gzip
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import snowflake.connector.errors
from fakesnow.instance import FakeSnow

from accepted import Accepted
from external_tables import ExternalTables
from key_pair import KeyPair, Refused, made_in
from rowset import done, rows_of
from statement import Statement, without_comments


# Rows that come with an answer; the others are fetched by their own addresses, as from Snowflake's store.
ROWS_OF_A_CHUNK = 1000


class Warehouse:
    """The objects that all sessions share, and who may log in."""

    def __init__(self, lake: Path, key: KeyPair) -> None:
        self.key = key
        # Neither is made by a login: the scripts have to.
        self.fakesnow = FakeSnow(create_database_on_connect=False, create_schema_on_connect=False)
        self.accepted = Accepted()
        self.external = ExternalTables(lake, self.accepted)
        self.sessions: dict[str, object] = {}
        self.ended: set[str] = set()
        self.chunks: dict[str, bytes] = {}
        self.alone = threading.Lock()

    def login(self, data: dict, database: str | None, schema: str | None) -> dict:
        try:
            self.key.check(data)
        except Refused as why:
            # Snowflake's own answer has data of another shape than a login's.
            return refused("390144", f"JWT token is invalid. [{why}]", {"authnMethod": "KEYPAIR", "signInOptions": {}})
        token = secrets.token_urlsafe(32)
        with self.alone:
            self.sessions[token] = self.fakesnow.connect(database and database.upper(), schema and schema.upper())
        return {"success": True, "data": {"token": token, "parameters": [], "sessionInfo": {}}}

    def query(self, token: str, text: str, address: str) -> dict:
        connection = self.sessions.get(token)
        if token in self.ended:
            return refused("390112", "Your session has expired. Please login again.", None)
        if connection is None:
            return refused("390104", "User must login again to access the service.", None)
        try:
            with self.alone:
                statement = Statement(without_comments(text))
                if statement.match(r"SELECT SYSTEM\$ABORT_SESSION\(CURRENT_SESSION\(\)\)$"):
                    self.ended.add(token)
                    columns, rows = done("session aborted.")
                else:
                    columns, rows = self.run(connection, statement)
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

    def run(self, connection: object, statement: Statement) -> tuple[list, list]:
        for run in (self.external.run, self.accepted.run):
            answer = run(connection, statement)
            if answer is not None:
                return answer
        cursor = connection.cursor()
        cursor.execute(self.accepted.without_rights(statement).text, server=True)
        return rows_of(cursor)


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
            answers = {"/health": lambda: {"ok": True}, "/not-verified": lambda: warehouse.accepted.counts}
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
                self.answer(200, warehouse.login(request["data"], named.get("databaseName"), named.get("schemaName")))
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
