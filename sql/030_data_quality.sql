-- Monitors: each check is a row with what was seen, what is allowed and whether it holds. A task writes them down once a day, and tells
-- the alarms' topic of those that do not hold. A task that fails tells it too, by its error integration.

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

-- The checks as of now: writes them down, and tells of those that do not hold. Whoever is told gets names and figures, no row.
CREATE OR REPLACE PROCEDURE &{database}.operations.check_data_quality()
    RETURNS VARCHAR
    LANGUAGE SQL
    EXECUTE AS OWNER
AS
$$
DECLARE
    failed INTEGER DEFAULT 0;
    told VARCHAR DEFAULT '';
BEGIN
    CALL &{database}.operations.follow_latest_days();

    INSERT INTO &{database}.operations.data_quality_results (checked_at, check_name, observed, allowed, holds)
    SELECT
        SYSDATE(),
        check_name,
        observed,
        allowed,
        holds
    FROM &{database}.operations.data_quality_checks;

    SELECT
        COUNT(*),
        TO_JSON(OBJECT_CONSTRUCT('application/json', TO_JSON(OBJECT_CONSTRUCT(
            'subject', '&{database}: checks of the data do not hold',
            'checks', LISTAGG(check_name || ': ' || COALESCE(observed::VARCHAR, 'nothing') || ', allowed ' || allowed::VARCHAR, '; '),
            'remedy', 'millrace snowflake query --sample data_quality_checks'
        ))))
        INTO :failed, :told
    FROM &{database}.operations.data_quality_results
    WHERE NOT holds AND checked_at = (SELECT MAX(checked_at) FROM &{database}.operations.data_quality_results);

    IF (failed > 0) THEN
        CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(:told, '{"&{database}_alarms": {}}');
    END IF;
    RETURN failed || ' checks do not hold';
END;
$$;

-- A suspended task tells nobody: these go on, however often they fail.
CREATE OR REPLACE TASK &{database}.operations.follow_latest_days
    WAREHOUSE = &{warehouse}
    SCHEDULE = 'USING CRON 15 * * * * UTC'
    SUSPEND_TASK_AFTER_NUM_FAILURES = 0
    ERROR_INTEGRATION = &{database}_alarms
AS
CALL &{database}.operations.follow_latest_days();

ALTER TASK &{database}.operations.follow_latest_days RESUME;

CREATE OR REPLACE TASK &{database}.operations.check_data_quality
    WAREHOUSE = &{warehouse}
    SCHEDULE = 'USING CRON 0 6 * * * UTC'
    SUSPEND_TASK_AFTER_NUM_FAILURES = 0
    ERROR_INTEGRATION = &{database}_alarms
AS
CALL &{database}.operations.check_data_quality();

ALTER TASK &{database}.operations.check_data_quality RESUME;

GRANT SELECT ON VIEW &{database}.operations.data_quality_checks TO ROLE &{database}_reader;
GRANT SELECT ON TABLE &{database}.operations.data_quality_results TO ROLE &{database}_reader;
