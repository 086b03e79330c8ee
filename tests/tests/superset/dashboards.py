"""What a person does with Superset and a lake behind `millrace serve --sql`: connects, browses, asks, draws.

usage: dashboards.py SUPERSET ADMINS_PASSWORD SQL_PORT BI_PASSWORD PROGRAM LAKE

Each step is asserted; the numbers of charts are held against the same question to `millrace query`.
"""

import itertools
import sys

from api import Superset
from charts import draw
from lake import Lake, same

NUMBERS = itertools.count(1)
# What SQL Lab's page sends with each statement, in place of the statement's own limit.
PAGES_LIMIT = 1000


def uri(port: str, password: str, user: str = "bi") -> str:
    return f"postgresql+psycopg2://{user}:{password}@127.0.0.1:{port}/lake"


def connect(superset: Superset, port: str, password: str) -> int:
    """A database of Superset's; connections that cannot be are told apart by the page."""

    def tried(given: str) -> dict:
        return {"sqlalchemy_uri": given, "database_name": "lake", "impersonate_user": False}

    test = "/api/v1/database/test_connection/"
    assert superset.post(test, tried(uri(port, password))) == {"message": "OK"}
    for given in (uri(port, "guessed"), uri(port, password, user="nobody")):
        error = superset.refused("POST", test, tried(given))
        assert error["error_type"] == "CONNECTION_INVALID_PASSWORD_ERROR", error
    made = superset.post(
        "/api/v1/database/",
        {"database_name": "lake", "sqlalchemy_uri": uri(port, password), "expose_in_sqllab": True},
    )
    return made["id"]


def browse(superset: Superset, database: int, lake: Lake) -> None:
    """The lists that SQL Lab and the page of a new dataset show."""
    schemas = superset.get(f"/api/v1/database/{database}/schemas/?q=(force:!t)")["result"]
    assert "public" in schemas, schemas
    listed = superset.get(f"/api/v1/database/{database}/tables/?q=(force:!t,schema_name:public)")["result"]
    kinds = {entry["value"]: entry["type"] for entry in listed}
    tables = lake.tables()
    missing = [name for name in tables if kinds.get(name) != "table"]
    assert not missing, f"{missing} are no tables in {kinds}"
    assert kinds.get("users_transformed_latest") == "view", kinds
    for name in ("users_transformed", "raw_user_interactions", "users_transformed_latest"):
        told = superset.get(f"/api/v1/database/{database}/table_metadata/?name={name}&schema=public")
        (row,) = lake.query(f"SELECT * FROM {name} LIMIT 1")
        columns = [column["name"] for column in told["columns"]]
        assert columns == list(row), f"{name}: {columns}"
        assert told["primaryKey"] == {} or not told["primaryKey"].get("constrained_columns"), told["primaryKey"]
        assert told["foreignKeys"] == [] and told["indexes"] == [], told
        select = told["selectStar"]
        assert "FROM public." in select and name in select, select
        answer = ask(superset, database, select)
        (counted,) = lake.query(f"SELECT COUNT(*) AS n FROM {name}")
        assert len(answer["data"]) == min(counted["n"], PAGES_LIMIT), answer["query"]["executedSql"]
    told = superset.get(f"/api/v1/database/{database}/table_metadata/?name=users_transformed&schema=public")
    types = {column["name"]: column["type"] for column in told["columns"]}
    expected = {
        "id": ("VARCHAR", "TEXT"),
        "age_years": ("INTEGER",),
        "account_age_days": ("BIGINT", "INTEGER"),
        "data_quality_score": ("DOUBLE_PRECISION",),
        "birth_date": ("DATE",),
        "processed_at": ("TIMESTAMP",),
        "email_valid": ("BOOLEAN",),
    }
    for name, wanted in expected.items():
        assert types[name] in wanted, f"{name} is {types[name]}"
    assert "ARRAY" in types["quality_issues"] or "[]" in types["quality_issues"], types["quality_issues"]


def request(database: int, sql: str, limit: int) -> dict:
    return {
        "database_id": database,
        "sql": sql,
        "schema": "public",
        "queryLimit": limit,
        "runAsync": False,
        "client_id": f"c{next(NUMBERS)}",
    }


def ask(superset: Superset, database: int, sql: str, limit: int = PAGES_LIMIT) -> dict:
    answer = superset.post("/api/v1/sqllab/execute/", request(database, sql, limit))
    assert answer["status"] == "success", answer
    return answer


def lab(superset: Superset, database: int, lake: Lake) -> None:
    """SQL Lab: answers, limits, and errors that its page marks by their kind."""
    for sql in (
        "SELECT country, COUNT(*) AS n FROM users_transformed GROUP BY country ORDER BY n DESC, country",
        "SELECT email_valid, AVG(data_quality_score) AS score FROM users_transformed GROUP BY email_valid",
        "WITH young AS (SELECT * FROM users_transformed WHERE age_years < 40) "
        "SELECT gender, COUNT(*) AS n, MIN(age_years) AS youngest FROM young GROUP BY gender -- of them\n",
        "SELECT i.status, COUNT(DISTINCT u.country) AS countries FROM raw_user_interactions i "
        "JOIN users_transformed u ON u.id = i.user_id GROUP BY i.status",
    ):
        same(lake.query(sql), ask(superset, database, sql)["data"], sql, ordered="ORDER BY" in sql)
    # What drivers may take for a parameter.
    (row,) = ask(superset, database, "SELECT 'Lærke 100%' AS name, NULL AS nothing, 'a:b %s' AS pair")["data"]
    assert row == {"name": "Lærke 100%", "nothing": None, "pair": "a:b %s"}, row
    limited = ask(superset, database, "SELECT id FROM users_transformed", limit=7)
    assert len(limited["data"]) == 7 and "LIMIT 8" in limited["query"]["executedSql"], limited["query"]["executedSql"]
    for sql, *words in (
        # Superset formats statements before it sends them: of its lines, it is the second.
        ("SELECT contry FROM users_transformed", "contry", "line 2"),
        ("SELECT 1 FROM users_transfrmed", "users_transfrmed"),
        ("SELECT 1 / (age_years - age_years) AS n FROM users_transformed", "division by zero"),
    ):
        error = superset.refused("POST", "/api/v1/sqllab/execute/", request(database, sql, PAGES_LIMIT))
        assert all(word in error["message"].lower() for word in words), f"{sql}: {error}"


def main() -> None:
    url, admins, port, password, program, folder = sys.argv[1:]
    lake = Lake(program, folder)
    superset = Superset(url, "admin", admins)
    database = connect(superset, port, password)
    print("connected", flush=True)
    browse(superset, database, lake)
    print("browsed", flush=True)
    lab(superset, database, lake)
    print("asked", flush=True)
    print(f"drew {draw(superset, database, lake)} charts", flush=True)


main()
