"""Answers queries by a PostgreSQL of its own over the rows of the lake that lake.sql makes, one JSON object a line.

usage: postgres.py LAKE < queries.json      (a JSON array of statements)

The server is started on loopback and ended with this script. It refuses to run as root, so that then the user postgres runs it.
"""
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile

import duckdb
import psycopg

from answer import plain

TYPES = {
    "VARCHAR": "text",
    "DOUBLE": "double precision",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "DATE": "date",
    "BOOLEAN": "boolean",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "VARCHAR[]": "text[]",
}
TABLES = (
    "users_transformed",
    "users_transformed_latest",
    "data_quality_summary",
    "data_quality_summary_latest",
    "raw_users",
    "raw_user_interactions",
    "raw_video_engagements",
    "raw_ad_events",
    "fact_registration_trends",
)


def program(name):
    """Debian keeps the server's programs out of the path."""
    found = shutil.which(name) or next(iter(sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None)
    if found is None:
        sys.exit(f"there is no {name}: install PostgreSQL's server")
    return str(found)


@contextlib.contextmanager
def server():
    with tempfile.TemporaryDirectory(prefix="millrace-postgres-") as folder:
        as_other = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
            as_other = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        data = f"{folder}/data"
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder, **as_other}
        locale = ["--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run([program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", *locale], **quiet)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off -c TimeZone=UTC"
        subprocess.run([program("pg_ctl"), "-D", data, "-w", "-o", options, "-l", f"{folder}/log", "start"], **quiet)
        try:
            yield f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
        finally:
            subprocess.run([program("pg_ctl"), "-D", data, "-m", "immediate", "stop"], **quiet)


def load(lake, postgres):
    """Every table with the rows that DuckDB's views of the lake have."""
    here = pathlib.Path(__file__).parent
    source = duckdb.connect()
    source.execute((here / "lake.sql").read_text().replace("${LAKE}", str(lake)))
    for table in TABLES:
        described = source.execute(f"DESCRIBE {table}").fetchall()
        columns = ", ".join(f'"{name}" {TYPES[kind]}' for name, kind, *_ in described)
        postgres.execute(f"CREATE TABLE {table} ({columns})")
        names = ", ".join(f'"{name}"' for name, *_ in described)
        with postgres.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in source.execute(f"SELECT * FROM {table}").fetchall():
                copy.write_row(row)


def main():
    lake = pathlib.Path(sys.argv[1])
    with server() as address, psycopg.connect(address, autocommit=True) as postgres:
        load(lake, postgres)
        for sql in json.load(sys.stdin):
            try:
                # What writes is undone.
                with postgres.transaction(force_rollback=True):
                    rows = [[plain(value) for value in row] for row in postgres.execute(sql).fetchall()]
                print(json.dumps({"rows": rows}))
            except psycopg.Error as error:
                print(json.dumps({"error": str(error)}))


main()
