-- Monitors: each check is a row with what was seen, what is allowed and whether it holds; a task writes them down once a day.

CREATE OR REPLACE VIEW &{database}.operations.data_quality_checks COPY GRANTS AS
WITH users AS (
    SELECT * FROM &{database}.curated.users_transformed_latest
),

measured AS (
    SELECT 'newest day is late, hours' AS check_name, &{freshness_hours} AS allowed,
        DATEDIFF('hour', MAX(processing_date)::TIMESTAMP_NTZ, SYSDATE()) AS observed
    FROM users
    UNION ALL
    SELECT 'users without an id' AS check_name, 0 AS allowed, COUNT_IF(id IS NULL) AS observed
    FROM users
    UNION ALL
    SELECT 'ids of more than one row' AS check_name, 0 AS allowed, COUNT(id) - COUNT(DISTINCT id) AS observed
    FROM users
    UNION ALL
    SELECT 'quality scores outside 0 to 100' AS check_name, 0 AS allowed,
        COUNT_IF(data_quality_score < 0 OR data_quality_score > 100) AS observed
    FROM users
    UNION ALL
    SELECT 'invalid e-mail addresses, percent' AS check_name, 10 AS allowed,
        100 * COUNT_IF(NOT email_valid) / NULLIF(COUNT(*), 0) AS observed
    FROM users
    UNION ALL
    SELECT 'users that the summary does not count' AS check_name, 0 AS allowed,
        ABS((SELECT COUNT(*) FROM users) - MAX(total_records)) AS observed
    FROM &{database}.curated.data_quality_summary_latest
    UNION ALL
    SELECT 'users that the countries do not count' AS check_name, 0 AS allowed,
        ABS((SELECT COUNT(*) FROM users) - SUM(user_count)) AS observed
    FROM &{database}.analytics.fact_geographic_analysis_latest
    WHERE analysis_type = 'country'
    UNION ALL
    SELECT 'users without a current version' AS check_name, 0 AS allowed, COUNT(*) AS observed
    FROM users
    LEFT JOIN &{database}.analytics.dim_user_demographics_current AS versions
        ON users.id = versions.user_id
    WHERE users.id IS NOT NULL AND versions.user_id IS NULL
)

SELECT
    check_name,
    observed,
    allowed,
    COALESCE(observed <= allowed, FALSE) AS holds
FROM measured;

CREATE TABLE IF NOT EXISTS &{database}.operations.data_quality_results (
    checked_at TIMESTAMP_NTZ NOT NULL,
    check_name VARCHAR NOT NULL,
    observed FLOAT,
    allowed FLOAT NOT NULL,
    holds BOOLEAN NOT NULL
);

CREATE OR REPLACE TASK &{database}.operations.check_data_quality
    WAREHOUSE = &{warehouse}
    SCHEDULE = 'USING CRON 0 6 * * * UTC'
AS
INSERT INTO &{database}.operations.data_quality_results (checked_at, check_name, observed, allowed, holds)
SELECT
    SYSDATE(),
    check_name,
    observed,
    allowed,
    holds
FROM &{database}.operations.data_quality_checks;

ALTER TASK &{database}.operations.check_data_quality RESUME;
