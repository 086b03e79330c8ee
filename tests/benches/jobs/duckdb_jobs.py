"""The three jobs in DuckDB, as one who knows it would write them: the peer of `cargo xtask bench jobs`.

    python duckdb_jobs.py LAKE AS_OF STARTED_AT_MICROS OUT

Reads LAKE's raw objects and writes OUT/<table>/part-00000.parquet, 17 tables, each in key order. The 15 tables of the
second and third job are the oracle's SQL; users_transformed is here. Prints one JSON object: seconds of each job and in
all, from the first read to the last file written, CPU seconds and the peak memory of the process; its own start and
the opening of DuckDB are told apart as `start_seconds`.
"""

import time

STARTED = time.monotonic()

import datetime as dt
import json
import os
import pathlib
import resource
import sys

import duckdb

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "oracle"))

from tables_sql import MACROS, TABLES

WHITE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
# A run of white space that is not one blank already; it finds nothing in most texts, and so costs no copy.
UNEVEN = "[{0}][{0} ]*| [{0} ]+".format(WHITE.replace(" ", ""))

TEXT_MACROS = f"""
-- trim() with characters of one's own is slow, and hardly a text needs it
CREATE OR REPLACE TEMP MACRO trimmed(t) AS
    CASE WHEN contains('{WHITE}', t[1]) OR contains('{WHITE}', t[-1]) THEN nullif(trim(t, '{WHITE}'), '') ELSE t END;
CREATE OR REPLACE TEMP MACRO squeezed(t) AS regexp_replace(trimmed(t), '{UNEVEN}', ' ', 'g');
-- upper() maps one character to one, so a ß stays
CREATE OR REPLACE TEMP MACRO word_case(w) AS upper(w[1]) || w[2:];
CREATE OR REPLACE TEMP MACRO name_case(t) AS
    CASE WHEN contains(t, ' ') THEN array_to_string(list_transform(string_split(t, ' '), lambda w: word_case(w)), ' ')
         ELSE word_case(t) END;
CREATE OR REPLACE TEMP MACRO part(whole, present) AS CASE WHEN present THEN whole END;
-- at UTC by arithmetic: a cast of an instant would ask the time zone's rules for each row
CREATE OR REPLACE TEMP MACRO utc_date(instant) AS make_timestamp(epoch_us(instant))::DATE;
CREATE OR REPLACE TEMP MACRO ymd(d) AS year(d) * 10000 + month(d) * 100 + day(d);
"""

# Overlapping objects may hold one source position twice. Two rows of one position are of one id, so where there is an
# id the newest of it is one row anyway, and only rows without an id compete by position. Finding where the newest rows
# lie and then reading them alone is twice as fast as a window over all their columns.
NEWEST = """
FROM (
    SELECT *, file_index, CASE WHEN trimmed(user_id) IS NOT NULL THEN user_id END AS id
    FROM read_parquet($raw, hive_partitioning = false, file_row_number = true)
)
WHERE row(file_index, file_row_number) IN (
    SELECT arg_max(
        row(file_index, file_row_number), row(_generation, _timestamp, _offset, _partition, _topic)
    )
    FROM (
        SELECT *, file_index, CASE WHEN trimmed(user_id) IS NOT NULL THEN user_id END AS id
        FROM read_parquet($raw, hive_partitioning = false, file_row_number = true)
    )
    WHERE _timestamp < $end
    GROUP BY id, CASE WHEN id IS NULL THEN row(_topic, _generation, _partition, _offset) END
)
"""

HTML_EMAIL = (
    r"[a-zA-Z0-9.!#$%&''*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+"
)

USERS_TRANSFORMED = f"""
WITH newest AS ({NEWEST}),
cleaned AS (
    SELECT
        id, name_case(squeezed(first_name)) AS first_name, name_case(squeezed(last_name)) AS last_name,
        lower(trimmed(gender)) AS given_gender, trimmed(email) AS email, trimmed(username) AS username,
        trimmed(phone) AS given_phone, regexp_replace(given_phone, '[^0-9]+', '', 'g') AS digits,
        nullif(concat_ws(' ', squeezed(street_number), squeezed(street_name)), '') AS street_address,
        squeezed(city) AS city, squeezed(state) AS state, squeezed(country) AS country,
        trimmed(country_code) AS country_code, trimmed(postcode) AS post_code,
        part(latitude, isfinite(latitude)) AS latitude, part(longitude, isfinite(longitude)) AS longitude,
        utc_date(dob) AS birth_date, utc_date(registered_at) AS registration_date,
        trimmed(picture_url) AS picture, trimmed(source) AS data_source,
        _topic, _generation, _partition, _offset
    FROM newest
),
derived AS (
    SELECT
        *,
        CASE WHEN given_gender IN ('male', 'female') THEN given_gender ELSE 'unknown' END AS gender,
        part(split_part(email, '@', -1), contains(email, '@')) AS given_domain,
        nullif(lower(given_domain), '') AS email_domain,
        nullif(part(left(email, len(email) - len(given_domain) - 1), contains(email, '@')), '') AS email_local,
        -- the expression with at least one dot behind the @
        coalesce(regexp_full_match(email, '{HTML_EMAIL}'), false) AS email_valid,
        coalesce(len(digits) BETWEEN 7 AND 15, false) AS phone_valid,
        part((ymd($as_of) - ymd(birth_date)) // 10000, birth_date <= $as_of)::INTEGER AS age_years,
        ($as_of - registration_date)::INTEGER AS account_age_days
    FROM cleaned
)
SELECT
    id, first_name, last_name, nullif(concat_ws(' ', first_name, last_name), '') AS full_name, gender, email,
    email_domain,
    CASE WHEN email_domain IS NULL THEN 'unknown'
         WHEN email_domain IN ('gmail.com', 'yahoo.com', 'hotmail.com', 'outlook.com') THEN 'Personal'
         WHEN regexp_matches(email_domain, '(^|\\.)(edu|(edu|ac)\\.[a-z][a-z])$') THEN 'Educational'
         WHEN regexp_matches(email_domain, '(^|\\.)(gov|gov\\.[a-z][a-z])$') THEN 'Government'
         ELSE 'Business' END AS email_provider_type,
    email_valid, username,
    CASE WHEN len(digits) = 10 AND country_code IN ('US', 'CA')
         THEN '(' || digits[1:3] || ') ' || digits[4:6] || '-' || digits[7:10]
         ELSE given_phone END AS phone,
    phone_valid,
    nullif(concat_ws(', ', street_address, city, state, country), '') AS address,
    street_address, city, state, country, country_code, post_code, latitude, longitude, birth_date, age_years,
    CASE WHEN age_years IS NULL THEN 'unknown' WHEN age_years < 18 THEN 'under-18' WHEN age_years < 25 THEN '18-24'
         WHEN age_years < 35 THEN '25-34' WHEN age_years < 45 THEN '35-44' WHEN age_years < 55 THEN '45-54'
         WHEN age_years < 65 THEN '55-64' ELSE '65+' END AS age_group,
    CASE WHEN birth_date IS NULL THEN 'unknown' WHEN birth_date > $as_of THEN 'Gen Alpha'
         WHEN year(birth_date) <= 1945 THEN 'Silent' WHEN year(birth_date) <= 1964 THEN 'Boomer'
         WHEN year(birth_date) <= 1980 THEN 'Gen X' WHEN year(birth_date) <= 1996 THEN 'Millennial'
         WHEN year(birth_date) <= 2012 THEN 'Gen Z' ELSE 'Gen Alpha' END AS generation,
    registration_date, account_age_days,
    CASE WHEN account_age_days IS NULL THEN 'unknown' WHEN account_age_days < 30 THEN 'New'
         WHEN account_age_days < 365 THEN 'Regular' ELSE 'Veteran' END AS account_tenure_category,
    ( 100 - CASE WHEN id IS NULL THEN 20 ELSE 0 END - CASE WHEN email_valid THEN 0 ELSE 15 END
          - CASE WHEN phone_valid THEN 0 ELSE 10 END )::DOUBLE AS data_quality_score,
    CASE WHEN id IS NULL THEN ['missing_id'] ELSE []::VARCHAR[] END
        || CASE WHEN email_valid THEN []::VARCHAR[] ELSE ['invalid_email'] END
        || CASE WHEN phone_valid THEN []::VARCHAR[] ELSE ['invalid_phone'] END AS quality_issues,
    picture,
    email_local || CASE gender WHEN 'male' THEN '@corp-m.example' WHEN 'female' THEN '@corp-f.example' END
        AS business_email,
    username || '@corp' AS user_company,
    $started_at AS processed_at, $as_of AS processing_date, data_source, 'raw-transformation' AS job_name,
    _topic AS source_topic, _generation AS source_generation, _partition AS source_partition,
    _offset AS source_offset
FROM derived
ORDER BY id NULLS FIRST, source_topic, source_generation, source_partition, source_offset
"""

SUMMARY = """
SELECT
    count(*) AS total_records,
    count(*) FILTER (data_quality_score >= 80) AS high_quality_records,
    count(*) FILTER (data_quality_score >= 50 AND data_quality_score < 80) AS medium_quality_records,
    count(*) FILTER (data_quality_score < 50) AS low_quality_records,
    avg(data_quality_score) AS avg_quality_score,
    count(*) FILTER (email_valid) AS valid_emails,
    count(*) FILTER (phone_valid) AS valid_phones,
    count(DISTINCT email_domain) AS unique_email_domains,
    count(DISTINCT country) AS unique_countries,
    $started_at AS quality_check_timestamp, $as_of AS processing_date, 'raw-transformation' AS job_name
FROM users
"""

ANALYTICS = [
    "dim_user_demographics", "fact_geographic_analysis", "fact_age_generation_analysis",
    "fact_email_provider_analysis", "fact_email_domain_analysis", "fact_data_quality_metrics",
    "fact_quality_by_segment", "user_analytics", "user_demographics",
]
TIME_SERIES = [
    "fact_registration_trends", "fact_geographic_expansion", "fact_age_demographic_trends",
    "fact_data_quality_trends", "fact_registration_anomalies", "fact_quality_anomalies",
]
# Read by another table of theirs.
KEPT = {"fact_data_quality_metrics", "fact_registration_trends", "fact_data_quality_trends"}
# No day was published before this one.
FIRST_DAY = """
CREATE TEMP TABLE earlier_dim_user_demographics (
    user_id VARCHAR, age_group VARCHAR, generation VARCHAR, gender VARCHAR, country VARCHAR, city VARCHAR,
    email_provider_type VARCHAR, account_tenure_category VARCHAR, data_quality_score DOUBLE, processing_date DATE,
    demographic_score DOUBLE, target_segment VARCHAR);
"""


class Peer:
    def __init__(self, lake, as_of, started_at, out):
        self.out = out
        self.raw = os.path.join(lake, "raw/users/**/*.parquet")
        self.as_of = dt.date.fromisoformat(as_of)
        epoch = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
        self.started_at = epoch + dt.timedelta(microseconds=int(started_at))
        self.end = dt.datetime.combine(self.as_of, dt.time(), dt.timezone.utc) + dt.timedelta(days=1)
        os.makedirs(os.path.join(out, ".spill"), exist_ok=True)
        self.connection = duckdb.connect(config={"threads": 2, "memory_limit": "8GB"})
        self.execute(f"SET temp_directory = '{out}/.spill'; SET TimeZone = 'UTC'")
        self.execute(MACROS)
        self.execute(TEXT_MACROS)

    def execute(self, sql, **more):
        # DuckDB refuses a parameter that the statement does not name.
        known = {"as_of": self.as_of, "started_at": self.started_at, "end": self.end, "raw": self.raw}
        named = {name: value for name, value in known.items() if f"${name}" in sql}
        return self.connection.execute(sql, named) if named else self.connection.execute(sql)

    def file(self, table):
        return os.path.join(self.out, table, "part-00000.parquet")

    def write(self, table, sql):
        os.makedirs(os.path.dirname(self.file(table)), exist_ok=True)
        self.execute(f"COPY ({sql}) TO '{self.file(table)}' (FORMAT parquet, COMPRESSION zstd)")
        print(f"duckdb: {table}", file=sys.stderr)

    def raw_transformation(self):
        self.write("users_transformed", USERS_TRANSFORMED)
        # Each table decodes the columns that it reads: faster than one table of DuckDB's own for all of them.
        self.execute(f"CREATE VIEW users AS FROM read_parquet('{self.file('users_transformed')}')")
        self.write("data_quality_summary", SUMMARY)

    def analytics_aggregation(self):
        self.execute(FIRST_DAY)
        self.publish(ANALYTICS)

    def time_series_analysis(self):
        self.execute("CREATE TEMP TABLE earlier_fact_data_quality_metrics AS FROM fact_data_quality_metrics LIMIT 0")
        self.publish(TIME_SERIES)

    def publish(self, tables):
        for table in tables:
            if table in KEPT:
                self.execute(f"CREATE TEMP TABLE {table} AS {TABLES[table]}")
                self.write(table, f"FROM {table}")
            else:
                self.write(table, TABLES[table])


def main():
    peer = Peer(*sys.argv[1:5])
    begun = time.monotonic()
    jobs = {}
    for name, job in [
        ("raw-transformation", peer.raw_transformation),
        ("analytics-aggregation", peer.analytics_aggregation),
        ("time-series-analysis", peer.time_series_analysis),
    ]:
        since = time.monotonic()
        job()
        jobs[name] = time.monotonic() - since
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "peer": f"DuckDB {duckdb.__version__}",
        "start_seconds": begun - STARTED,
        "seconds": time.monotonic() - begun,
        "jobs": jobs,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_rss_bytes": usage.ru_maxrss * 1024,
    }))


main()
