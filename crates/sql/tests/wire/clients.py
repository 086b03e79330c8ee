"""What Python's clients of PostgreSQL see of the server at HOST:PORT: one line a check, and 1 where one fails.

clients.py PORT PASSWORD CLIENT…, of psycopg2, psycopg, sqlalchemy, adbc.
"""

import datetime
import sys

PORT, PASSWORD = int(sys.argv[1]), sys.argv[2]
DSN = f"host=127.0.0.1 port={PORT} user=bi password={PASSWORD} dbname=lake"
FAILED = []


def check(name, work, expected):
    try:
        got = work()
    except Exception as error:  # noqa: BLE001: every client has its own
        got = f"{type(error).__name__}: {error}"
    ok = expected(got) if callable(expected) else got == expected
    print(("ok   " if ok else "FAIL ") + name + ("" if ok else f": {got!r}"))
    if not ok:
        FAILED.append(name)


def psycopg2_checks():
    import psycopg2
    import psycopg2.errors

    connection = psycopg2.connect(DSN)
    cursor = connection.cursor()

    def rows(sql, values=None):
        cursor.execute(sql, values)
        return cursor.fetchall()

    def state(sql):
        try:
            rows(sql)
        except psycopg2.Error as error:
            connection.rollback()
            return error.pgcode
        return "00000"

    check("psycopg2 counts", lambda: rows("select count(*) from users_transformed"), [(5,)])
    check(
        "psycopg2 binds",
        lambda: rows("select id, age_years from users_transformed where age_years > %s and country = %s", (30, "Denmark")),
        [("u01", 39)],
    )
    check(
        "psycopg2 types",
        lambda: rows("select birth_date, processed_at, data_quality_score, country from users_transformed where id = 'u05'"),
        [(
            datetime.date(1956, 4, 24),
            datetime.datetime(2026, 1, 31, 10, 11, 12, 345678, tzinfo=datetime.timezone.utc),
            75.5,
            None,
        )],
    )
    check("psycopg2 states", lambda: [state("selec 1"), state("select * from nowhere"), state("select contry from users_transformed"), state("delete from users_transformed")], ["42601", "42P01", "42703", "25006"])

    def aborted():
        try:
            rows("select nothing")
        except psycopg2.Error:
            pass
        try:
            rows("select 1")
        except psycopg2.errors.InFailedSqlTransaction:
            connection.rollback()
            return rows("select 1")

    check("psycopg2 failed transaction", aborted, [(1,)])

    def named():
        with connection.cursor("many") as server:
            server.itersize = 2
            server.execute("select id from users_transformed order by id")
            return [row[0] for row in server]

    check("psycopg2 named cursor", named, ["u01", "u02", "u03", "u04", "u05"])

    def copied():
        import io

        out = io.StringIO()
        cursor.copy_expert("copy (select id, country from users_transformed order by id) to stdout", out)
        return out.getvalue().splitlines()[-1]

    check("psycopg2 copy", copied, "u05\t\\N")
    connection.rollback()

    def refused():
        try:
            psycopg2.connect(DSN.replace(PASSWORD, "wrong"))
        except psycopg2.OperationalError as error:
            return str(error)

    check("psycopg2 wrong password", refused, lambda text: "password authentication failed" in str(text))
    connection.close()


def psycopg_checks():
    import psycopg

    with psycopg.connect(DSN, autocommit=True) as connection:
        run = lambda sql, values=None, **more: connection.execute(sql, values, **more).fetchall()
        day = datetime.date(2026, 1, 31)
        check("psycopg binds", lambda: run("select id from users_transformed where country = %s and processing_date = %s order by id", ("Denmark", day)), [("u01",), ("u04",)])
        check("psycopg counts by a number", lambda: run("select count(*) from users_transformed where age_years > %s", (30,)), [(3,)])
        check(
            "psycopg binary",
            lambda: run("select birth_date, age_years, data_quality_score, processed_at, id, null, true, count(*) over (), 1.50::decimal(10,2) from users_transformed where id = 'u01'", binary=True),
            [(datetime.date(1987, 5, 2), 39, 100.0, datetime.datetime(2026, 1, 31, 10, 11, 12, 345678, tzinfo=datetime.timezone.utc), "u01", None, True, 1, __import__("decimal").Decimal("1.50"))],
        )
        check("psycopg prepares", lambda: [connection.execute("select %s::int + 1", (n,), prepare=True).fetchone()[0] for n in range(7)], list(range(1, 8)))
        check("psycopg text back", lambda: run("select %s::text, %s::float8, %s::timestamptz", ("ø'x", 1.5, datetime.datetime(2026, 1, 31, tzinfo=datetime.timezone.utc))), [("ø'x", 1.5, datetime.datetime(2026, 1, 31, tzinfo=datetime.timezone.utc))])

        def server_side():
            with connection.transaction(), connection.cursor(name="some") as cursor:
                cursor.execute("select id from users_transformed order by id")
                return cursor.fetchmany(2), cursor.fetchall()

        check("psycopg server-side cursor", server_side, ([("u01",), ("u02",)], [("u03",), ("u04",), ("u05",)]))

        def pipelined():
            with connection.pipeline():
                all_of = [connection.execute("select %s::int", (n,)) for n in range(5)]
            return [cursor.fetchone()[0] for cursor in all_of]

        check("psycopg pipeline", pipelined, [0, 1, 2, 3, 4])

        def copied():
            with connection.cursor().copy("copy (select id, age_years from users_transformed order by id limit 1) to stdout (format binary)") as copy:
                copy.set_types(["text", "int4"])
                return list(copy.rows())

        check("psycopg binary copy", copied, [("u01", 39)])


def sqlalchemy_checks():
    import sqlalchemy as sa

    version = sa.__version__.split(".")[0]
    engine = sa.create_engine(f"postgresql+psycopg2://bi:{PASSWORD}@127.0.0.1:{PORT}/lake")
    of = lambda name: f"sqlalchemy {version} {name}"
    connection = engine.connect()
    check(of("version"), lambda: engine.dialect.server_version_info, (15, 0))
    inspector = sa.inspect(engine)
    check(of("schemas"), lambda: inspector.get_schema_names(), lambda names: "public" in names)
    check(of("tables"), lambda: inspector.get_table_names("public"), lambda names: "users_transformed" in names and "users_transformed_latest" not in names)
    check(of("views"), lambda: inspector.get_view_names("public"), lambda names: "data_quality_summary_latest" in names)
    columns = lambda: {column["name"]: str(column["type"]) for column in inspector.get_columns("users_transformed", "public")}
    check(
        of("columns"),
        columns,
        lambda got: [got[name] for name in ("id", "age_years", "processed_at", "quality_issues")] == ["TEXT", "INTEGER", "TIMESTAMP", "ARRAY"],
    )
    check(of("primary key"), lambda: inspector.get_pk_constraint("users_transformed", "public")["constrained_columns"], [])
    check(of("foreign keys"), lambda: inspector.get_foreign_keys("users_transformed", "public"), [])
    check(of("indexes"), lambda: inspector.get_indexes("users_transformed", "public"), [])
    check(of("unique"), lambda: inspector.get_unique_constraints("users_transformed", "public"), [])
    check(of("comment"), lambda: inspector.get_table_comment("users_transformed", "public"), {"text": None})
    check(of("has table"), lambda: (inspector.has_table("users_transformed"), inspector.has_table("nowhere")), (True, False))

    def reflected():
        table = sa.Table("users_transformed", sa.MetaData(), autoload_with=engine, schema="public")
        chosen = (table.c.country, sa.func.count().label("n"))
        query = (sa.select(*chosen) if version == "2" else sa.select(list(chosen))).group_by(table.c.country).order_by(sa.desc("n")).limit(1)
        return [tuple(row) for row in connection.execute(query)]

    check(of("reflects"), reflected, [("Denmark", 2)])


def adbc_checks():
    import adbc_driver_postgresql.dbapi as adbc

    def table():
        with adbc.connect(f"postgresql://bi:{PASSWORD}@127.0.0.1:{PORT}/lake") as connection, connection.cursor() as cursor:
            cursor.execute("select id, age_years, processed_at from users_transformed order by id limit 2")
            return cursor.fetch_arrow_table().to_pydict()["age_years"]

    check("adbc", table, [39, 33])


for client in sys.argv[3:]:
    {"psycopg2": psycopg2_checks, "psycopg": psycopg_checks, "sqlalchemy": sqlalchemy_checks, "adbc": adbc_checks}[client]()
sys.exit(1 if FAILED else 0)
