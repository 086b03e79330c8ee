"""What the sample queries have to answer, asked of the lake's Parquet by DuckDB, past every script and view.

    python expected.py LAKE infra/tables.json
"""

import datetime
import decimal
import json
import sys
from pathlib import Path

import duckdb

lake, tables = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())["tables"]
asked = duckdb.connect()
asked.execute("SET TimeZone = 'UTC'")
asked.execute("SET default_null_order = 'nulls_last'")


def files(folder: str) -> str:
    return f"read_parquet('{lake}/{folder}/**/*.parquet', hive_partitioning = false, union_by_name = true)"


def newest(folder: str) -> str:
    return f"(SELECT * FROM {files(folder)} WHERE processing_date = (SELECT max(processing_date) FROM {files(folder)}))"


USERS = newest("curated/users_transformed")
STREAMS = ["users", "user_interactions", "video_engagements", "ad_events"]


def volume(stream: str) -> str:
    # An object's day is its folder's, and a record counts once.
    path = f"read_parquet('{lake}/raw/{stream}/**/*.parquet', filename = true, hive_partitioning = false)"
    return (
        f"SELECT '{stream}' AS stream, day AS date, count(*) AS records FROM (SELECT DISTINCT _topic, _generation, _partition, "
        f"_offset, regexp_extract(filename, '/date=([^/]+)/', 1)::DATE AS day FROM {path}) GROUP BY day"
    )


QUERIES = {
    "01_latest_users": f"SELECT id, gender, country, age_group, registration_date FROM {USERS} "
    "ORDER BY registration_date DESC, id LIMIT 10",
    "02_totals": "SELECT count(*) AS total_users, count(DISTINCT id) AS unique_users, count(DISTINCT country) AS countries, "
    f"count(DISTINCT email_domain) AS email_domains, avg(data_quality_score) AS avg_data_quality FROM {USERS}",
    "03_gender": f"SELECT gender, count(*) AS users, round(100 * count(*) / (SELECT count(*) FROM {USERS}), 2) AS percentage "
    f"FROM {USERS} GROUP BY gender ORDER BY users DESC, gender",
    "04_countries": "SELECT country, user_count, user_count_rank, avg_age, male_percentage, female_percentage "
    f"FROM {newest('analytics/fact_geographic_analysis')} WHERE analysis_type = 'country' ORDER BY user_count_rank LIMIT 10",
    "05_states": f"SELECT demographic_value AS state, user_count, percentage FROM {newest('analytics/user_demographics')} "
    "WHERE demographic_type = 'state' ORDER BY user_count DESC, state LIMIT 10",
    "06_domains": "SELECT email_domain, email_provider_type, user_count, market_share_percentage "
    f"FROM {newest('analytics/fact_email_domain_analysis')} ORDER BY user_count DESC, email_domain LIMIT 10",
    "07_registrations_by_year": "SELECT date_part('year', registration_date) AS registration_year, count(*) AS registrations "
    f"FROM {USERS} WHERE registration_date IS NOT NULL GROUP BY 1 ORDER BY 1",
    "08_age_groups": f"SELECT age_group, count(*) AS users, avg(age_years) AS avg_age FROM {USERS} "
    "GROUP BY age_group ORDER BY avg_age, age_group",
    "09_gender_by_country": f"SELECT country, gender, count(*) AS users FROM {USERS} GROUP BY ALL ORDER BY country, gender",
    "11_latest_processing": "SELECT processing_date, total_records, avg_quality_score, valid_emails, valid_phones, "
    f"quality_check_timestamp FROM {files('curated/data_quality_summary')} ORDER BY processing_date DESC LIMIT 1",
    "12_volume_a_day": " UNION ALL ".join(volume(stream) for stream in STREAMS if (lake / "raw" / stream).is_dir()) + " ORDER BY stream, date",
    # The monitors that the users alone decide; the others compare tables, which is asked here by another way.
    "10_data_quality_checks": "SELECT * FROM ("
    f"SELECT 'users without an id' AS check_name, (count(*) - count(id))::DOUBLE AS observed FROM {USERS} UNION ALL "
    f"SELECT 'ids of more than one row', coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM {USERS} WHERE id IS NOT NULL GROUP BY id) UNION ALL "
    f"SELECT 'invalid e-mail addresses, percent', 100 * avg(CASE WHEN email_valid THEN 0 ELSE 1 END) FROM {USERS} UNION ALL "
    f"SELECT 'users that the summary does not count', abs((SELECT count(*) FROM {USERS}) - max(total_records)) FROM {newest('curated/data_quality_summary')} UNION ALL "
    f"SELECT 'users that the countries do not count', abs((SELECT count(*) FROM {USERS}) - sum(user_count)) FROM {newest('analytics/fact_geographic_analysis')} "
    "WHERE analysis_type = 'country' UNION ALL "
    f"SELECT 'users without a current version', count(*) FROM (SELECT id FROM {USERS} WHERE id IS NOT NULL EXCEPT "
    f"SELECT user_id FROM {files('analytics/dim_user_demographics')})) ORDER BY check_name",
    "current_dimension": "SELECT count(*) AS users, count(DISTINCT user_id) AS ids, max(processing_date) AS newest, "
    "min(processing_date) AS oldest, count(DISTINCT city) AS cities FROM (SELECT DISTINCT ON (user_id) * "
    f"FROM {files('analytics/dim_user_demographics')} ORDER BY user_id, processing_date DESC)",
}


def once(stream: str) -> str:
    """A stream's records, each once, with the day of the folder that they lie in."""
    position = "_topic, _generation, _partition, _offset"
    path = f"read_parquet('{lake}/raw/{stream}/**/*.parquet', filename = true, hive_partitioning = false, union_by_name = true)"
    day = "regexp_extract(filename, '/date=([^/]+)/', 1)::DATE AS day"
    return f"(SELECT DISTINCT ON ({position}) *, {day} FROM {path} ORDER BY {position})"


def of_streams() -> dict[str, str]:
    found = {}
    if (lake / "raw/user_interactions").is_dir():
        found["gold.shop_funnel_daily"] = (
            "SELECT day AS event_date, count(DISTINCT session_id) AS sessions, "
            "count(DISTINCT session_id) FILTER (event_type = 'VIEW_PRODUCT') AS viewed, "
            "count(DISTINCT session_id) FILTER (event_type = 'PAYMENT' AND status = 'SUCCESS') AS paid, "
            f"count(*) FILTER (status = 'ERROR') AS errors FROM {once('user_interactions')} GROUP BY 1 ORDER BY 1"
        )
    if (lake / "raw/video_engagements").is_dir():
        found["gold.video_engagement_daily"] = (
            "SELECT day AS event_date, count(*) FILTER (action = 'START') AS starts, "
            f"count(*) FILTER (action = 'LIKE') AS likes FROM {once('video_engagements')} GROUP BY 1 ORDER BY 1"
        )
    if (lake / "raw/ad_events").is_dir():
        found["gold.ad_performance_daily"] = (
            "SELECT count(*) FILTER (action = 'IMPRESSION') AS impressions, count(*) FILTER (action = 'CLICK') AS clicks, "
            f"sum(cost_micros) / 1e6 AS cost FROM {once('ad_events')}"
        )
    return found


QUERIES |= of_streams() | {
    "gold.user_growth": "SELECT count(*) AS months, sum(registrations) AS registrations "
    f"FROM {newest('timeseries/fact_registration_trends')} WHERE period_type = 'monthly'",
    "gold.audience_segments": "SELECT count(*) AS segments, sum(users) AS users FROM (SELECT count(*) AS users FROM "
    f"(SELECT DISTINCT ON (user_id) * FROM {files('analytics/dim_user_demographics')} ORDER BY user_id, processing_date DESC) "
    "GROUP BY target_segment, age_group, generation, country)",
}


def plain(value: object) -> object:
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f").removesuffix(".000000")
    if isinstance(value, datetime.date):
        return str(value)
    return float(value) if isinstance(value, decimal.Decimal) else value


def rows(sql: str) -> list[dict]:
    answer = asked.execute(sql)
    names = [column[0] for column in answer.description]
    return [dict(zip(names, map(plain, row), strict=True)) for row in answer.fetchall()]


def non_null(table: dict) -> dict:
    keys = {column["name"] for column in table["partitions"]}
    names = [column["name"] for column in table["columns"] if column["name"] not in keys]
    counted = ", ".join(f'count("{name}") AS "{name}"' for name in names)
    every = ", ".join(f'count(*) AS "{key}"' for key in sorted(keys))
    return rows(f"SELECT {counted}, {every} FROM {files(table['folder'])}")[0]


# A stream that nobody sent has no folder, and its table no row.
written = [table for table in tables if any((lake / table["folder"]).rglob("*.parquet"))]
counts = {f"{table['layer']}.{table['name']}": non_null(table) for table in written}
print(json.dumps({"queries": {name: rows(sql) for name, sql in QUERIES.items()}, "non_null": counts}))
