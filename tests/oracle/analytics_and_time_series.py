"""An independent reading of tables.md: users_transformed -> the 9 analytics and 6 time-series tables, cell by cell.

    python analytics_and_time_series.py check LAKE AS_OF STARTED_AT_MICROS [--tables a,b] [--memory-limit 4GB]
    python analytics_and_time_series.py views LAKE AS_OF OUT.json

`check` computes the day AS_OF with tables_sql.py and compares schema, rows, their order and every cell with what the
lake holds; it prints one line a table, or its first differences, and exits 1 on any difference. `views` writes
{"current": [...], "history": [...]}, the two views of dim_user_demographics over the partitions up to AS_OF; dates
are ISO, instants are microseconds.
"""

import argparse
import datetime as dt
import glob
import json
import os
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tables_sql import MACROS, READS, TABLES

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
SHOWN = 20
# Summation order is free for these two, so they agree within a relative 1e-9.
FREE_ORDER = {"z_score", "robust_z"}

ANOMALY = "z_score f64, is_anomaly bool, anomaly_type str, anomaly_severity str, robust_z f64"
REGISTRATION_TRENDS = """
    period_type str, time_period str, registrations i64, countries_represented i64, avg_age_at_registration f64,
    male_percentage f64, female_percentage f64, avg_data_quality f64, processing_date date, previous_registrations i64,
    growth_rate f64, created_at instant"""
QUALITY_TRENDS = """
    quality_date date, total_records i64, avg_quality_score f64, excellent_quality_count i64, good_quality_count i64,
    fair_quality_count i64, poor_quality_count i64, valid_emails i64, valid_phones i64,
    excellent_quality_percentage f64, good_quality_percentage f64, email_validity_percentage f64,
    phone_validity_percentage f64, previous_avg_quality f64, quality_trend str, quality_change f64,
    processing_date date, created_at instant"""

# Layer, number of leading key columns, columns in order.
PUBLISHED = {
    "dim_user_demographics": ("analytics", 1, """
        user_id str, age_group str, generation str, gender str, country str, city str, email_provider_type str,
        account_tenure_category str, data_quality_score f64, processing_date date, demographic_score f64,
        target_segment str, dim_created_at instant, dim_updated_at instant, is_current bool"""),
    "fact_geographic_analysis": ("analytics", 4, """
        analysis_type str, geographic_level str, country str, city str, user_count i64, unique_email_domains i64,
        avg_age f64, avg_data_quality f64, male_percentage f64, female_percentage f64, business_email_percentage f64,
        processing_date date, user_count_rank i64, created_at instant"""),
    "fact_age_generation_analysis": ("analytics", 3, """
        age_group str, generation str, gender str, user_count i64, avg_data_quality f64, avg_account_age_days f64,
        countries_represented i64, unique_email_domains i64, personal_email_count i64, business_email_count i64,
        veteran_users i64, new_users i64, total_users_in_batch i64, percentage_of_total f64,
        business_email_percentage f64, veteran_percentage f64, engagement_score f64, engagement_tier str,
        processing_date date, created_at instant"""),
    "fact_email_provider_analysis": ("analytics", 1, """
        email_provider_type str, total_users i64, unique_domains i64, avg_age f64, avg_data_quality f64,
        countries_represented i64, analysis_level str, processing_date date, created_at instant"""),
    "fact_email_domain_analysis": ("analytics", 2, """
        email_domain str, email_provider_type str, user_count i64, countries_using i64, avg_user_age f64,
        avg_data_quality f64, male_users i64, female_users i64, total_users_in_batch i64, market_share_percentage f64,
        gender_ratio_male_female f64, analysis_level str, processing_date date, created_at instant"""),
    "fact_data_quality_metrics": ("analytics", 1, """
        total_records i64, excellent_quality i64, good_quality i64, fair_quality i64, poor_quality i64,
        very_poor_quality i64, avg_quality_score f64, min_quality_score f64, max_quality_score f64, valid_emails i64,
        valid_phones i64, unique_users i64, records_with_issues i64, excellent_quality_percentage f64,
        good_quality_percentage f64, email_validity_percentage f64, phone_validity_percentage f64,
        data_completeness_score f64, processing_date date, created_at instant"""),
    "fact_quality_by_segment": ("analytics", 2, """
        age_group str, generation str, segment_total i64, avg_segment_quality f64, valid_emails_in_segment i64,
        valid_phones_in_segment i64, segment_email_validity_rate f64, segment_phone_validity_rate f64,
        processing_date date, created_at instant"""),
    "user_analytics": ("analytics", 2, """
        metric_type str, metric_name str, metric_value i64, percentage f64, created_at instant,
        processing_date date"""),
    "user_demographics": ("analytics", 2, """
        demographic_type str, demographic_value str, user_count i64, percentage f64, created_at instant,
        processing_date date"""),
    "fact_registration_trends": ("timeseries", 2, REGISTRATION_TRENDS),
    "fact_geographic_expansion": ("timeseries", 1, """
        country str, user_count i64, first_user_date date, latest_user_date date, cities_represented i64,
        avg_user_age f64, avg_data_quality f64, days_since_first_user i64, user_acquisition_rate f64,
        total_users_global i64, market_share_percentage f64, user_count_rank i64, expansion_rate_rank i64,
        expansion_category str, processing_date date, created_at instant"""),
    "fact_age_demographic_trends": ("timeseries", 3, """
        age_group str, generation str, registration_year i64, total_users_in_group i64, avg_data_quality f64,
        total_countries i64, total_users_in_year i64, percentage_of_year f64, previous_year_percentage f64,
        trend_direction str, trend_magnitude f64, processing_date date, created_at instant"""),
    "fact_data_quality_trends": ("timeseries", 1, QUALITY_TRENDS),
    "fact_registration_anomalies": ("timeseries", 2, REGISTRATION_TRENDS + ", " + ANOMALY),
    "fact_quality_anomalies": ("timeseries", 1, QUALITY_TRENDS + ", " + ANOMALY),
}
ARROW = {
    "str": pa.string(), "i64": pa.int64(), "f64": pa.float64(), "bool": pa.bool_(), "date": pa.date32(),
    "instant": pa.timestamp("us", tz="UTC"),
}
SQL_TYPES = {
    "str": "VARCHAR", "i64": "BIGINT", "f64": "DOUBLE", "bool": "BOOLEAN", "date": "DATE",
    "instant": "TIMESTAMP WITH TIME ZONE",
}


def columns_of(table):
    """[(name, kind)] in the published order."""
    return [tuple(column.split()) for column in PUBLISHED[table][2].split(",")]


def keys_of(table):
    return [name for name, _ in columns_of(table)[: PUBLISHED[table][1]]]


def partition(lake, layer, table, day):
    return f"{lake}/{layer}/{table}/processing_date={day}/part-00000.parquet"


def partitions(lake, table, holds):
    """The published files of a table whose day fulfils `holds`, oldest first."""
    files = glob.glob(partition(glob.escape(lake), PUBLISHED[table][0], table, "*"))
    return sorted(f for f in files if holds(dt.date.fromisoformat(f.split("processing_date=")[1][:10])))


def scan(files):
    names = ", ".join("'" + f.replace("'", "''") + "'" for f in files)
    return f"read_parquet([{names}], hive_partitioning = false, file_row_number = true)"


def view_of_published(connection, name, table, files):
    """A view over the files with the published columns, also when there is no file."""
    columns = columns_of(table)
    if files:
        body = f"SELECT {', '.join(column for column, _ in columns)} FROM {scan(files)}"
    else:
        body = "SELECT " + ", ".join(f"NULL::{SQL_TYPES[kind]} AS {column}" for column, kind in columns) + " LIMIT 0"
    connection.execute(f"CREATE VIEW {name} AS {body}")


class Oracle:
    """One day of a lake, computed with tables_sql; every table is computed once, when first wanted."""

    def __init__(self, lake, as_of, started_at, memory_limit):
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute(f"SET memory_limit = '{memory_limit}'")
        self.connection.execute(MACROS)
        self.parameters = {"as_of": as_of, "started_at": started_at}
        self.computed = set()
        users = scan([partition(lake, "curated", "users_transformed", as_of)])
        self.connection.execute(f"CREATE VIEW users AS SELECT * FROM {users}")
        for table in ("dim_user_demographics", "fact_data_quality_metrics"):
            view_of_published(
                self.connection, f"earlier_{table}", table, partitions(lake, table, lambda day: day < as_of)
            )

    def compute(self, table):
        if table in self.computed:
            return
        self.computed.add(table)
        if table in READS:
            self.compute(READS[table])
        self.connection.execute(f"CREATE TABLE {table} AS {TABLES[table]}", self.parameters)
        found = [(name, kind) for name, kind, *_ in self.connection.execute(f"DESCRIBE {table}").fetchall()]
        meant = [(name, SQL_TYPES[kind]) for name, kind in columns_of(table)]
        assert found == meant, f"the oracle's own {table} has {found}, the contract {meant}"

    def rows(self, sql):
        return self.connection.execute(sql).fetchall()


def schema_differences(table, file):
    found = [(field.name, field.type) for field in pq.read_schema(file)]
    found = [(name, pa.string() if kind == pa.large_string() else kind) for name, kind in found]
    meant = [(name, ARROW[kind]) for name, kind in columns_of(table)]
    if found == meant:
        return []
    differences = [f"{table}: column {n}: ours {m[0]} {m[1]}, theirs {f[0]} {f[1]}"
                   for n, (m, f) in enumerate(zip(meant, found)) if m != f]
    if len(meant) != len(found):
        differences.append(f"{table}: {len(meant)} columns are ours, {len(found)} theirs")
    return differences


def differs(column, kind):
    """A condition that holds where a cell of `ours` and `theirs` differs; floats are compared bit for bit."""
    ours, theirs = f"ours.{column}", f"theirs.{column}"
    if kind != "f64":
        return f"{ours} IS DISTINCT FROM {theirs}"
    if column in FREE_ORDER:
        near = f"abs({ours} - {theirs}) <= 1e-9 * greatest(abs({ours}), abs({theirs}), 1e-3)"
        unequal = f"(({ours} IS NULL) <> ({theirs} IS NULL) OR NOT coalesce({near}, true))"
    else:
        unequal = f"({ours} IS DISTINCT FROM {theirs} OR coalesce(signbit({ours}) <> signbit({theirs}), false))"
    return f"({unequal} OR coalesce(NOT isfinite({theirs}), false))"


def all_agree(oracle, table):
    """Whether the rows agree position by position; this alone proves count, order and cells."""
    conditions = " OR ".join(differs(column, kind) for column, kind in columns_of(table))
    [(rows, wrong)] = oracle.rows(
        f"SELECT count(*), count(*) FILTER (ours.rowid IS NULL OR theirs.file_row_number IS NULL OR {conditions})"
        f" FROM {table} AS ours FULL JOIN theirs ON ours.rowid = theirs.file_row_number"
    )
    return rows, wrong == 0


def explain(oracle, table):
    """The first differences by key; only when keys and cells agree, by position."""
    keys = keys_of(table)
    matched = " AND ".join(f"ours.{key} IS NOT DISTINCT FROM theirs.{key}" for key in keys)
    ours_key = "{" + ", ".join(f"'{key}': ours.{key}" for key in keys) + "}"
    theirs_key = "{" + ", ".join(f"'{key}': theirs.{key}" for key in keys) + "}"
    lines = []
    counts = [oracle.rows(f"SELECT count(*) FROM {name}")[0][0] for name in (table, "theirs")]
    if counts[0] != counts[1]:
        lines.append(f"{table}: {counts[0]} rows are ours, {counts[1]} theirs")
    repeated = oracle.rows(
        f"SELECT {theirs_key}, count(*) FROM theirs GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT {SHOWN}"
    )
    lines += [f"{table} {key}: theirs has it {count} times" for key, count in repeated]
    for words, key, kept, other in (
        ("only ours", ours_key, f"{table} AS ours", "theirs"), ("only theirs", theirs_key, "theirs", f"{table} AS ours")
    ):
        alone = oracle.rows(f"SELECT {key} FROM {kept} ANTI JOIN {other} ON {matched} ORDER BY 1 LIMIT {SHOWN}")
        lines += [f"{table} {key}: {words}" for (key,) in alone]
    for column, kind in columns_of(table):
        if column in keys:
            continue
        cells = oracle.rows(
            f"SELECT {ours_key}, ours.{column}, theirs.{column} FROM {table} AS ours JOIN theirs ON {matched}"
            f" WHERE {differs(column, kind)} ORDER BY ours.rowid LIMIT {SHOWN}"
        )
        lines += [f"{table} {key} {column}: ours {a!r}, theirs {b!r}" for key, a, b in cells]
    if not lines:
        moved = oracle.rows(
            f"SELECT ours.rowid, {ours_key}, {theirs_key} FROM {table} AS ours"
            f" JOIN theirs ON ours.rowid = theirs.file_row_number WHERE NOT ({matched}) ORDER BY 1 LIMIT {SHOWN}"
        )
        lines += [f"{table} row {n}: ours {a}, theirs {b} (order)" for n, a, b in moved]
    return lines


def compare(oracle, lake, table, as_of):
    """(rows, differences) of one table."""
    file = partition(lake, PUBLISHED[table][0], table, as_of)
    if not os.path.exists(file):
        return 0, [f"{table}: no file {file}"]
    oracle.compute(table)
    differences = schema_differences(table, file)
    if differences:
        return 0, differences
    oracle.connection.execute(f"CREATE OR REPLACE VIEW theirs AS SELECT * FROM {scan([file])}")
    rows, agree = all_agree(oracle, table)
    return (rows, []) if agree else (rows, explain(oracle, table))


def check(arguments):
    lake, as_of = os.path.abspath(arguments.lake), dt.date.fromisoformat(arguments.as_of)
    started_at = EPOCH + dt.timedelta(microseconds=arguments.started_at_micros)
    tables = arguments.tables.split(",") if arguments.tables else list(PUBLISHED)
    oracle = Oracle(lake, as_of, started_at, arguments.memory_limit)
    total, failed = 0, False
    for table in tables:
        rows, differences = compare(oracle, lake, table, as_of)
        if differences:
            failed = True
            print("\n".join(differences[:SHOWN]))
            if len(differences) > SHOWN:
                print(f"{table}: … more differences")
        else:
            cells = rows * len(columns_of(table))
            total += cells
            print(f"{table}: {rows} rows, {cells} cells agree", flush=True)
    print(f"total: {total} cells agree")
    return 1 if failed else 0


CURRENT = """
SELECT * REPLACE (true AS is_current)
FROM versions
QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY processing_date DESC) = 1
ORDER BY user_id
"""
HISTORY = """
SELECT
    * EXCLUDE (is_current), processing_date AS valid_from,
    lead(processing_date) OVER (PARTITION BY user_id ORDER BY processing_date) AS valid_to,
    valid_to IS NULL AS is_current
FROM versions
ORDER BY user_id, valid_from
"""


def as_json(value):
    if isinstance(value, dt.datetime):
        return (value - EPOCH) // dt.timedelta(microseconds=1)
    return value.isoformat() if isinstance(value, dt.date) else value


def views(arguments):
    as_of = dt.date.fromisoformat(arguments.as_of)
    files = partitions(os.path.abspath(arguments.lake), "dim_user_demographics", lambda day: day <= as_of)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    view_of_published(connection, "versions", "dim_user_demographics", files)
    out = {}
    for name, sql in (("current", CURRENT), ("history", HISTORY)):
        answer = connection.execute(sql)
        names = [column[0] for column in answer.description]
        out[name] = [dict(zip(names, map(as_json, row))) for row in answer.fetchall()]
    with open(arguments.out, "w", encoding="utf-8") as file:
        json.dump(out, file, ensure_ascii=False, indent=1)
    print(f"{len(out['current'])} users, {len(out['history'])} versions")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("check")
    command.add_argument("lake")
    command.add_argument("as_of")
    command.add_argument("started_at_micros", type=int)
    command.add_argument("--tables")
    command.add_argument("--memory-limit", default="4GB")
    command.set_defaults(run=check)
    command = commands.add_parser("views")
    command.add_argument("lake")
    command.add_argument("as_of")
    command.add_argument("out")
    command.set_defaults(run=views)
    arguments = parser.parse_args()
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
