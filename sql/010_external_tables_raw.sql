-- Written by `cargo xtask sql generate` from infra/tables.json: change that, not this.
-- A name in VALUE:"…" is the Parquet column's to the letter: in another case it would be null.
-- New objects are registered by S3's notification to the queue that SHOW EXTERNAL TABLES tells.

CREATE STAGE IF NOT EXISTS &{database}.lake.raw_stage
    URL = '&{lake_url}/'
    STORAGE_INTEGRATION = &{database}_lake;

-- Another address is refused while tables stand on the stage: they go first, and come back below.
EXECUTE IMMEDIATE
$$
DECLARE
    moved INTEGER DEFAULT 0;
BEGIN
    SELECT COUNT(*) INTO :moved
    FROM &{database}.information_schema.stages
    WHERE stage_schema = 'LAKE' AND stage_name = 'RAW_STAGE' AND RTRIM(stage_url, '/') <> '&{lake_url}';
    IF (moved > 0) THEN
        DROP EXTERNAL TABLE IF EXISTS &{database}.raw.raw_users;
        DROP EXTERNAL TABLE IF EXISTS &{database}.raw.raw_user_interactions;
        DROP EXTERNAL TABLE IF EXISTS &{database}.raw.raw_video_engagements;
        DROP EXTERNAL TABLE IF EXISTS &{database}.raw.raw_ad_events;
        ALTER STAGE &{database}.lake.raw_stage SET
            URL = '&{lake_url}/'
            STORAGE_INTEGRATION = &{database}_lake;
    END IF;
END;
$$;

CREATE OR REPLACE EXTERNAL TABLE &{database}.raw.raw_users (
    date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/date=', -1), '/', 1)::DATE),
    hour VARCHAR AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/hour=', -1), '/', 1)::VARCHAR),
    user_id VARCHAR AS (VALUE:"user_id"::VARCHAR),
    title VARCHAR AS (VALUE:"title"::VARCHAR),
    first_name VARCHAR AS (VALUE:"first_name"::VARCHAR),
    last_name VARCHAR AS (VALUE:"last_name"::VARCHAR),
    gender VARCHAR AS (VALUE:"gender"::VARCHAR),
    street_number VARCHAR AS (VALUE:"street_number"::VARCHAR),
    street_name VARCHAR AS (VALUE:"street_name"::VARCHAR),
    city VARCHAR AS (VALUE:"city"::VARCHAR),
    state VARCHAR AS (VALUE:"state"::VARCHAR),
    country VARCHAR AS (VALUE:"country"::VARCHAR),
    country_code VARCHAR AS (VALUE:"country_code"::VARCHAR),
    postcode VARCHAR AS (VALUE:"postcode"::VARCHAR),
    latitude FLOAT AS (VALUE:"latitude"::FLOAT),
    longitude FLOAT AS (VALUE:"longitude"::FLOAT),
    timezone_offset VARCHAR AS (VALUE:"timezone_offset"::VARCHAR),
    timezone_description VARCHAR AS (VALUE:"timezone_description"::VARCHAR),
    email VARCHAR AS (VALUE:"email"::VARCHAR),
    username VARCHAR AS (VALUE:"username"::VARCHAR),
    dob TIMESTAMP_NTZ AS (VALUE:"dob"::TIMESTAMP_NTZ),
    registered_at TIMESTAMP_NTZ AS (VALUE:"registered_at"::TIMESTAMP_NTZ),
    phone VARCHAR AS (VALUE:"phone"::VARCHAR),
    cell VARCHAR AS (VALUE:"cell"::VARCHAR),
    national_id_name VARCHAR AS (VALUE:"national_id_name"::VARCHAR),
    national_id_value VARCHAR AS (VALUE:"national_id_value"::VARCHAR),
    picture_url VARCHAR AS (VALUE:"picture_url"::VARCHAR),
    fetched_at TIMESTAMP_NTZ AS (VALUE:"fetched_at"::TIMESTAMP_NTZ),
    source VARCHAR AS (VALUE:"source"::VARCHAR),
    source_seed VARCHAR AS (VALUE:"source_seed"::VARCHAR),
    source_page NUMBER(10, 0) AS (VALUE:"source_page"::NUMBER(10, 0)),
    gender_branch VARCHAR AS (VALUE:"gender_branch"::VARCHAR),
    business_email VARCHAR AS (VALUE:"business_email"::VARCHAR),
    user_company VARCHAR AS (VALUE:"user_company"::VARCHAR),
    _topic VARCHAR AS (VALUE:"_topic"::VARCHAR),
    _generation VARCHAR AS (VALUE:"_generation"::VARCHAR),
    _partition NUMBER(10, 0) AS (VALUE:"_partition"::NUMBER(10, 0)),
    _offset NUMBER(19, 0) AS (VALUE:"_offset"::NUMBER(19, 0)),
    _timestamp TIMESTAMP_NTZ AS (VALUE:"_timestamp"::TIMESTAMP_NTZ),
    _ingested_at TIMESTAMP_NTZ AS (VALUE:"_ingested_at"::TIMESTAMP_NTZ)
)
PARTITION BY (date, hour)
LOCATION = @&{database}.lake.raw_stage/raw/users/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.raw.raw_users TO ROLE &{database}_loader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.raw.raw_user_interactions (
    date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/date=', -1), '/', 1)::DATE),
    hour VARCHAR AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/hour=', -1), '/', 1)::VARCHAR),
    event_id VARCHAR AS (VALUE:"event_id"::VARCHAR),
    user_id VARCHAR AS (VALUE:"user_id"::VARCHAR),
    session_id VARCHAR AS (VALUE:"session_id"::VARCHAR),
    event_type VARCHAR AS (VALUE:"event_type"::VARCHAR),
    event_timestamp TIMESTAMP_NTZ AS (VALUE:"event_timestamp"::TIMESTAMP_NTZ),
    request_latency_ms NUMBER(10, 0) AS (VALUE:"request_latency_ms"::NUMBER(10, 0)),
    status VARCHAR AS (VALUE:"status"::VARCHAR),
    error_code NUMBER(10, 0) AS (VALUE:"error_code"::NUMBER(10, 0)),
    product_id NUMBER(10, 0) AS (VALUE:"product_id"::NUMBER(10, 0)),
    _topic VARCHAR AS (VALUE:"_topic"::VARCHAR),
    _generation VARCHAR AS (VALUE:"_generation"::VARCHAR),
    _partition NUMBER(10, 0) AS (VALUE:"_partition"::NUMBER(10, 0)),
    _offset NUMBER(19, 0) AS (VALUE:"_offset"::NUMBER(19, 0)),
    _timestamp TIMESTAMP_NTZ AS (VALUE:"_timestamp"::TIMESTAMP_NTZ),
    _ingested_at TIMESTAMP_NTZ AS (VALUE:"_ingested_at"::TIMESTAMP_NTZ)
)
PARTITION BY (date, hour)
LOCATION = @&{database}.lake.raw_stage/raw/user_interactions/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.raw.raw_user_interactions TO ROLE &{database}_loader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.raw.raw_video_engagements (
    date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/date=', -1), '/', 1)::DATE),
    hour VARCHAR AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/hour=', -1), '/', 1)::VARCHAR),
    event_id VARCHAR AS (VALUE:"event_id"::VARCHAR),
    user_id VARCHAR AS (VALUE:"user_id"::VARCHAR),
    session_id VARCHAR AS (VALUE:"session_id"::VARCHAR),
    video_id VARCHAR AS (VALUE:"video_id"::VARCHAR),
    action VARCHAR AS (VALUE:"action"::VARCHAR),
    position_ms NUMBER(19, 0) AS (VALUE:"position_ms"::NUMBER(19, 0)),
    video_length_ms NUMBER(19, 0) AS (VALUE:"video_length_ms"::NUMBER(19, 0)),
    event_timestamp TIMESTAMP_NTZ AS (VALUE:"event_timestamp"::TIMESTAMP_NTZ),
    device VARCHAR AS (VALUE:"device"::VARCHAR),
    app_version VARCHAR AS (VALUE:"app_version"::VARCHAR),
    _topic VARCHAR AS (VALUE:"_topic"::VARCHAR),
    _generation VARCHAR AS (VALUE:"_generation"::VARCHAR),
    _partition NUMBER(10, 0) AS (VALUE:"_partition"::NUMBER(10, 0)),
    _offset NUMBER(19, 0) AS (VALUE:"_offset"::NUMBER(19, 0)),
    _timestamp TIMESTAMP_NTZ AS (VALUE:"_timestamp"::TIMESTAMP_NTZ),
    _ingested_at TIMESTAMP_NTZ AS (VALUE:"_ingested_at"::TIMESTAMP_NTZ)
)
PARTITION BY (date, hour)
LOCATION = @&{database}.lake.raw_stage/raw/video_engagements/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.raw.raw_video_engagements TO ROLE &{database}_loader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.raw.raw_ad_events (
    date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/date=', -1), '/', 1)::DATE),
    hour VARCHAR AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/hour=', -1), '/', 1)::VARCHAR),
    event_id VARCHAR AS (VALUE:"event_id"::VARCHAR),
    user_id VARCHAR AS (VALUE:"user_id"::VARCHAR),
    session_id VARCHAR AS (VALUE:"session_id"::VARCHAR),
    ad_id VARCHAR AS (VALUE:"ad_id"::VARCHAR),
    campaign_id VARCHAR AS (VALUE:"campaign_id"::VARCHAR),
    placement VARCHAR AS (VALUE:"placement"::VARCHAR),
    action VARCHAR AS (VALUE:"action"::VARCHAR),
    cost_micros NUMBER(19, 0) AS (VALUE:"cost_micros"::NUMBER(19, 0)),
    revenue_micros NUMBER(19, 0) AS (VALUE:"revenue_micros"::NUMBER(19, 0)),
    event_timestamp TIMESTAMP_NTZ AS (VALUE:"event_timestamp"::TIMESTAMP_NTZ),
    _topic VARCHAR AS (VALUE:"_topic"::VARCHAR),
    _generation VARCHAR AS (VALUE:"_generation"::VARCHAR),
    _partition NUMBER(10, 0) AS (VALUE:"_partition"::NUMBER(10, 0)),
    _offset NUMBER(19, 0) AS (VALUE:"_offset"::NUMBER(19, 0)),
    _timestamp TIMESTAMP_NTZ AS (VALUE:"_timestamp"::TIMESTAMP_NTZ),
    _ingested_at TIMESTAMP_NTZ AS (VALUE:"_ingested_at"::TIMESTAMP_NTZ)
)
PARTITION BY (date, hour)
LOCATION = @&{database}.lake.raw_stage/raw/ad_events/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.raw.raw_ad_events TO ROLE &{database}_loader;
