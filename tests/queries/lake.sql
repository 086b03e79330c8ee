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

-- Inside our queries timestamps are UTC without a zone: so they are here.
CREATE VIEW users_transformed AS
SELECT * REPLACE (processed_at::TIMESTAMP AS processed_at)
FROM read_parquet('${LAKE}/curated/users_transformed/*/*.parquet', union_by_name = true, hive_partitioning = false);
CREATE VIEW data_quality_summary AS
SELECT * REPLACE (quality_check_timestamp::TIMESTAMP AS quality_check_timestamp)
FROM read_parquet('${LAKE}/curated/data_quality_summary/*/*.parquet', hive_partitioning = false);
CREATE VIEW raw_users AS
SELECT DISTINCT ON (_topic, _generation, _partition, _offset) * REPLACE (_timestamp::TIMESTAMP AS _timestamp)
FROM read_parquet('${LAKE}/raw/users/*/*/*.parquet', hive_partitioning = false);
-- As Snowflake has them (sql/021).
CREATE VIEW users_transformed_latest AS
SELECT * FROM users_transformed WHERE processing_date = (SELECT MAX(processing_date) FROM users_transformed);
CREATE VIEW data_quality_summary_latest AS
SELECT * FROM data_quality_summary WHERE processing_date = (SELECT MAX(processing_date) FROM data_quality_summary);
