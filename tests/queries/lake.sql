-- A small lake for the queries of this folder, made by DuckDB. ${LAKE} is the folder to fill.
SET TimeZone = 'UTC';

CREATE TABLE people AS
SELECT * FROM (VALUES
    ('u01', 'Lærke',   'Olsen',    'female',  'laerke@gmail.com',     'Denmark',       'DK', 'Hals',     DATE '1987-05-02', 39, '35-44', DATE '2016-03-31', 3593, 100.0, []::VARCHAR[],                                  56.1,  12.5),
    ('u02', 'José',    'García',   'male',    'jose@corp.es',         'Spain',         'ES', 'Sevilla',  DATE '1992-02-29', 33, '25-34', DATE '2020-02-29', 2163, 100.0, []::VARCHAR[],                                  37.4,  -5.9),
    ('u03', 'Ann',     'O''Brien', 'female',  NULL,                   'Ireland',       'IE', 'Cork',     DATE '2000-12-31', 25, '25-34', DATE '2026-01-01',   30,  85.0, ['invalid_email'],                              51.9,  -8.5),
    ('u04', 'Bob',     NULL,       'unknown', 'bob_1@yahoo.com',      'United States', 'US', NULL,       NULL,              NULL, 'unknown', DATE '2025-07-04', 211, 90.0, ['invalid_phone'],                             NULL,  NULL),
    ('u05', 'Zoë',     'Ångström', 'female',  'zoe@uni.edu',          'Norway',        'NO', 'Oslo',     DATE '1965-01-01', 61, '55-64', DATE '2010-10-10', 5592, 100.0, []::VARCHAR[],                                  59.9,  10.7),
    ('u06', 'bob',     'Smith',    'male',    'bob.smith@gmail.com',  'United States', 'US', 'Austin',   DATE '1999-07-15', 26, '25-34', NULL,              NULL, 100.0, []::VARCHAR[],                                 30.3, -97.7),
    ('u07', 'Ürsula',  'Groß',     'female',  '100%@x.de',            'Germany',       'DE', 'Köln',     DATE '1980-08-08', 45, '45-54', DATE '2019-11-30', 2254,  75.0, ['invalid_email', 'invalid_phone'],             50.9,   6.9),
    (NULL,  'Nobody',  'Known',    'unknown', NULL,                   NULL,            NULL, NULL,       NULL,              NULL, 'unknown', NULL,             NULL,  55.0, ['missing_id', 'invalid_email', 'invalid_phone'], NULL, NULL),
    ('u09', 'Mads',    'Olsen',    'male',    'mads@hotmail.com',     'Denmark',       'DK', 'Aarhus',   DATE '2010-06-01', 15, 'under-18', DATE '2026-01-30',  1,  90.0, ['invalid_phone'],                             56.2,  10.2),
    ('u10', 'Pia',     'Olsen',    'female',  'pia@hotmail.com',      'Denmark',       'DK', 'Aarhus',   DATE '1955-06-01', 70, '65+',    DATE '2015-01-30', 4019, 100.0, []::VARCHAR[],                                 -0.5,   0.5),
    ('u11', 'Tom',     'Smith',    'male',    'tom@corp.ie',          'Ireland',       'IE', 'Cork',     DATE '1990-01-31', 36, '35-44', DATE '2022-02-28', 1433, 100.0, []::VARCHAR[],                                  51.9,  -8.4),
    ('u12', 'Eva',     'Smith',    'female',  'eva@corp.ie',          'Ireland',       'IE', 'Dublin',   DATE '1990-02-01', 35, '35-44', DATE '2022-03-01', 1432, 100.0, []::VARCHAR[],                                  53.3,  -6.2)
) AS t(id, first_name, last_name, gender, email, country, country_code, city, birth_date, age_years, age_group,
       registration_date, account_age_days, data_quality_score, quality_issues, latitude, longitude);

-- Columns that no query here asks for are left out: the scan states the schema and answers null for them.
COPY (
    SELECT id, first_name, last_name, first_name || coalesce(' ' || last_name, '') AS full_name, gender, email,
           split_part(email, '@', 2) AS email_domain, email IS NOT NULL AS email_valid, city, country, country_code,
           latitude::DOUBLE AS latitude, longitude::DOUBLE AS longitude, birth_date, age_years::INTEGER AS age_years, age_group, registration_date,
           account_age_days::INTEGER AS account_age_days, data_quality_score::DOUBLE AS data_quality_score, quality_issues,
           TIMESTAMPTZ '2026-01-31 10:11:12.345678Z' AS processed_at, DATE '2026-01-31' AS processing_date,
           'users_created' AS source_topic, (row_number() OVER (ORDER BY id) % 3)::INTEGER AS source_partition,
           (row_number() OVER (ORDER BY id))::BIGINT AS source_offset
    FROM people ORDER BY id
) TO '${LAKE}/curated/users_transformed/processing_date=2026-01-31/part-00000.parquet' (FORMAT parquet);

COPY (
    SELECT id, first_name, last_name, gender, country, country_code, age_years::INTEGER AS age_years, 80.0::DOUBLE AS data_quality_score,
           TIMESTAMPTZ '2026-01-30 23:59:59Z' AS processed_at, DATE '2026-01-30' AS processing_date
    FROM people WHERE id IN ('u01', 'u02') ORDER BY id
) TO '${LAKE}/curated/users_transformed/processing_date=2026-01-30/part-00000.parquet' (FORMAT parquet);

COPY (
    SELECT 12::BIGINT AS total_records, 12::BIGINT AS high_quality_records, 91.25::DOUBLE AS avg_quality_score,
           TIMESTAMPTZ '2026-01-31 10:11:12Z' AS quality_check_timestamp, DATE '2026-01-31' AS processing_date
) TO '${LAKE}/curated/data_quality_summary/processing_date=2026-01-31/part-00000.parquet' (FORMAT parquet);

CREATE TABLE landed AS
SELECT id AS user_id, first_name, country, 'users_created' AS _topic, 'g1' AS _generation, 0::INTEGER AS _partition,
       (row_number() OVER (ORDER BY id) - 1)::BIGINT AS _offset,
       TIMESTAMPTZ '2026-01-31 00:00:00Z' + to_milliseconds(1500 * row_number() OVER (ORDER BY id)) AS _timestamp
FROM people;

-- Offsets 4 to 7 are in both objects.
COPY (SELECT * FROM landed WHERE _offset < 8 ORDER BY _offset) TO
    '${LAKE}/raw/users/date=2026-01-31/hour=00/users_created-g1-00000-00000000000000000000-00000000000000000007.parquet' (FORMAT parquet);
COPY (SELECT * FROM landed WHERE _offset >= 4 ORDER BY _offset) TO
    '${LAKE}/raw/users/date=2026-01-31/hour=00/users_created-g1-00000-00000000000000000004-00000000000000000011.parquet' (FORMAT parquet);
COPY (SELECT * REPLACE (1 AS _partition) FROM landed WHERE _offset < 2 ORDER BY _offset) TO
    '${LAKE}/raw/users/date=2026-01-31/hour=00/users_created-g1-00001-00000000000000000000-00000000000000000001.parquet' (FORMAT parquet);

-- Events of streams: by arithmetic alone, so that every DuckDB makes the same. Some hours have an object, with nulls in most columns.
CREATE TABLE interactions AS
SELECT 'e' || lpad(i::VARCHAR, 4, '0') AS event_id, 'u' || lpad((i * 7 % 15 + 1)::VARCHAR, 2, '0') AS user_id,
       's' || (i % 40)::VARCHAR AS session_id,
       ['PAGE_VIEW', 'ADD_TO_CART', 'CHECKOUT', 'SEARCH', NULL][i % 5 + 1] AS event_type,
       CASE WHEN i % 29 = 3 THEN NULL ELSE TIMESTAMPTZ '2026-01-31 00:00:00Z' + to_milliseconds(i * 143977) END AS event_timestamp,
       CASE WHEN i % 11 = 5 THEN NULL ELSE (i * 37 % 900 + 12)::INTEGER END AS request_latency_ms,
       CASE WHEN i % 6 = 1 THEN 'ERROR' ELSE 'SUCCESS' END AS status,
       CASE WHEN i % 6 = 1 THEN [404, 500, 503][i % 3 + 1]::INTEGER END AS error_code,
       CASE WHEN i % 4 = 0 THEN (i % 90)::INTEGER END AS product_id,
       'user_interactions' AS _topic, 'g1' AS _generation, 0::INTEGER AS _partition, i::BIGINT AS _offset,
       TIMESTAMPTZ '2026-01-31 00:00:00Z' + to_milliseconds(i * 143977 + 250) AS _timestamp,
       TIMESTAMPTZ '2026-02-01 00:00:00Z' AS _ingested_at
FROM range(600) AS t(i);
CREATE TABLE engagements AS
SELECT 'v' || lpad(i::VARCHAR, 4, '0') AS event_id, 'u' || lpad((i * 5 % 13 + 1)::VARCHAR, 2, '0') AS user_id, 's' || (i % 30)::VARCHAR AS session_id,
       'video' || (i % 9)::VARCHAR AS video_id, ['PLAY', 'PAUSE', 'COMPLETE'][i % 3 + 1] AS action,
       CASE WHEN i % 7 = 2 THEN NULL ELSE (i * 911 % 60000)::BIGINT END AS position_ms, 60000::BIGINT AS video_length_ms,
       TIMESTAMPTZ '2026-01-31 06:00:00Z' + to_milliseconds(i * 91011) AS event_timestamp, ['tv', 'phone'][i % 2 + 1] AS device, '1.2' AS app_version,
       'video_engagements' AS _topic, 'g1' AS _generation, 0::INTEGER AS _partition, i::BIGINT AS _offset,
       TIMESTAMPTZ '2026-01-31 06:00:00Z' + to_milliseconds(i * 91011 + 99) AS _timestamp, TIMESTAMPTZ '2026-02-01 00:00:00Z' AS _ingested_at
FROM range(300) AS t(i);
CREATE TABLE ads AS
SELECT 'a' || lpad(i::VARCHAR, 4, '0') AS event_id, 'u' || lpad((i * 3 % 11 + 1)::VARCHAR, 2, '0') AS user_id, 's' || (i % 30)::VARCHAR AS session_id,
       'ad' || (i % 17)::VARCHAR AS ad_id, 'c' || (i % 4)::VARCHAR AS campaign_id, ['top', 'side', NULL][i % 3 + 1] AS placement,
       ['IMPRESSION', 'IMPRESSION', 'CLICK', 'CONVERSION'][i % 4 + 1] AS action,
       (i * 1733 % 50000)::BIGINT AS cost_micros, CASE WHEN i % 4 = 3 THEN (i * 7919 % 900000)::BIGINT END AS revenue_micros,
       TIMESTAMPTZ '2026-01-31 12:00:00Z' + to_milliseconds(i * 60013) AS event_timestamp,
       'ad_events' AS _topic, 'g1' AS _generation, 0::INTEGER AS _partition, i::BIGINT AS _offset,
       TIMESTAMPTZ '2026-01-31 12:00:00Z' + to_milliseconds(i * 60013 + 5) AS _timestamp, TIMESTAMPTZ '2026-02-01 00:00:00Z' AS _ingested_at
FROM range(250) AS t(i);
COPY (SELECT * FROM interactions WHERE _offset < 350 ORDER BY _offset) TO
    '${LAKE}/raw/user_interactions/date=2026-01-31/hour=00/user_interactions-g1-00000-00000000000000000000-00000000000000000349.parquet' (FORMAT parquet);
COPY (SELECT * FROM interactions WHERE _offset >= 340 ORDER BY _offset) TO
    '${LAKE}/raw/user_interactions/date=2026-01-31/hour=13/user_interactions-g1-00000-00000000000000000340-00000000000000000599.parquet' (FORMAT parquet);
COPY (SELECT * FROM engagements ORDER BY _offset) TO
    '${LAKE}/raw/video_engagements/date=2026-01-31/hour=06/video_engagements-g1-00000-00000000000000000000-00000000000000000299.parquet' (FORMAT parquet);
COPY (SELECT * FROM ads ORDER BY _offset) TO
    '${LAKE}/raw/ad_events/date=2026-01-31/hour=12/ad_events-g1-00000-00000000000000000000-00000000000000000249.parquet' (FORMAT parquet);
COPY (
    SELECT kind AS period_type, left((DATE '2024-01-01' + to_months(i::INTEGER))::DATE::VARCHAR, CASE kind WHEN 'monthly' THEN 7 ELSE 4 END) AS time_period,
           (i * 13 % 40 + 3)::BIGINT AS registrations, (i % 9 + 1)::BIGINT AS countries_represented, (30.0 + i % 20)::DOUBLE AS avg_age_at_registration,
           50.0::DOUBLE AS male_percentage, 49.5::DOUBLE AS female_percentage, (92.0 + i % 7)::DOUBLE AS avg_data_quality, DATE '2026-01-31' AS processing_date,
           CASE WHEN i > 0 THEN ((i - 1) * 13 % 40 + 3)::BIGINT END AS previous_registrations, NULL::DOUBLE AS growth_rate,
           TIMESTAMPTZ '2026-02-01 00:30:00Z' AS created_at
    FROM range(24) AS t(i), (VALUES ('monthly'), ('yearly')) AS k(kind) WHERE kind = 'monthly' OR i % 12 = 0
    ORDER BY 1, 2
) TO '${LAKE}/timeseries/fact_registration_trends/processing_date=2026-01-31/part-00000.parquet' (FORMAT parquet);

CREATE VIEW users_transformed AS
SELECT * FROM read_parquet('${LAKE}/curated/users_transformed/*/*.parquet', union_by_name = true, hive_partitioning = false);
CREATE VIEW data_quality_summary AS
SELECT * FROM read_parquet('${LAKE}/curated/data_quality_summary/*/*.parquet', hive_partitioning = false);
CREATE VIEW raw_users AS
SELECT DISTINCT ON (_topic, _generation, _partition, _offset) *
FROM read_parquet('${LAKE}/raw/users/*/*/*.parquet', hive_partitioning = false);
CREATE VIEW raw_user_interactions AS
SELECT DISTINCT ON (_topic, _generation, _partition, _offset) * FROM read_parquet('${LAKE}/raw/user_interactions/*/*/*.parquet', hive_partitioning = false);
CREATE VIEW raw_video_engagements AS SELECT * FROM read_parquet('${LAKE}/raw/video_engagements/*/*/*.parquet', hive_partitioning = false);
CREATE VIEW raw_ad_events AS SELECT * FROM read_parquet('${LAKE}/raw/ad_events/*/*/*.parquet', hive_partitioning = false);
CREATE VIEW fact_registration_trends AS
SELECT * FROM read_parquet('${LAKE}/timeseries/fact_registration_trends/*/*.parquet', hive_partitioning = false);
-- As Snowflake has them (sql/021).
CREATE VIEW users_transformed_latest AS
SELECT * FROM users_transformed WHERE processing_date = (SELECT MAX(processing_date) FROM users_transformed);
CREATE VIEW data_quality_summary_latest AS
SELECT * FROM data_quality_summary WHERE processing_date = (SELECT MAX(processing_date) FROM data_quality_summary);
