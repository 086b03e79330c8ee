-- Written by `cargo xtask sql generate` from infra/tables.json: change that, not this.
-- A name in VALUE:"…" is the Parquet column's to the letter: in another case it would be null.
-- New objects are registered by S3's notification to the queue that SHOW EXTERNAL TABLES tells.

CREATE STAGE IF NOT EXISTS &{database}.lake.curated_stage
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
    WHERE stage_schema = 'LAKE' AND stage_name = 'CURATED_STAGE' AND RTRIM(stage_url, '/') <> '&{lake_url}';
    IF (moved > 0) THEN
        DROP EXTERNAL TABLE IF EXISTS &{database}.curated.users_transformed;
        DROP EXTERNAL TABLE IF EXISTS &{database}.curated.data_quality_summary;
        ALTER STAGE &{database}.lake.curated_stage SET
            URL = '&{lake_url}/'
            STORAGE_INTEGRATION = &{database}_lake;
    END IF;
END;
$$;

CREATE OR REPLACE EXTERNAL TABLE &{database}.curated.users_transformed (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    id VARCHAR AS (VALUE:"id"::VARCHAR),
    first_name VARCHAR AS (VALUE:"first_name"::VARCHAR),
    last_name VARCHAR AS (VALUE:"last_name"::VARCHAR),
    full_name VARCHAR AS (VALUE:"full_name"::VARCHAR),
    gender VARCHAR AS (VALUE:"gender"::VARCHAR),
    email VARCHAR AS (VALUE:"email"::VARCHAR),
    email_domain VARCHAR AS (VALUE:"email_domain"::VARCHAR),
    email_provider_type VARCHAR AS (VALUE:"email_provider_type"::VARCHAR),
    email_valid BOOLEAN AS (VALUE:"email_valid"::BOOLEAN),
    username VARCHAR AS (VALUE:"username"::VARCHAR),
    phone VARCHAR AS (VALUE:"phone"::VARCHAR),
    phone_valid BOOLEAN AS (VALUE:"phone_valid"::BOOLEAN),
    address VARCHAR AS (VALUE:"address"::VARCHAR),
    street_address VARCHAR AS (VALUE:"street_address"::VARCHAR),
    city VARCHAR AS (VALUE:"city"::VARCHAR),
    state VARCHAR AS (VALUE:"state"::VARCHAR),
    country VARCHAR AS (VALUE:"country"::VARCHAR),
    country_code VARCHAR AS (VALUE:"country_code"::VARCHAR),
    post_code VARCHAR AS (VALUE:"post_code"::VARCHAR),
    latitude FLOAT AS (VALUE:"latitude"::FLOAT),
    longitude FLOAT AS (VALUE:"longitude"::FLOAT),
    birth_date DATE AS (VALUE:"birth_date"::DATE),
    age_years NUMBER(10, 0) AS (VALUE:"age_years"::NUMBER(10, 0)),
    age_group VARCHAR AS (VALUE:"age_group"::VARCHAR),
    generation VARCHAR AS (VALUE:"generation"::VARCHAR),
    registration_date DATE AS (VALUE:"registration_date"::DATE),
    account_age_days NUMBER(10, 0) AS (VALUE:"account_age_days"::NUMBER(10, 0)),
    account_tenure_category VARCHAR AS (VALUE:"account_tenure_category"::VARCHAR),
    data_quality_score FLOAT AS (VALUE:"data_quality_score"::FLOAT),
    quality_issues VARIANT AS (VALUE:"quality_issues"::VARIANT),
    picture VARCHAR AS (VALUE:"picture"::VARCHAR),
    business_email VARCHAR AS (VALUE:"business_email"::VARCHAR),
    user_company VARCHAR AS (VALUE:"user_company"::VARCHAR),
    processed_at TIMESTAMP_NTZ AS (VALUE:"processed_at"::TIMESTAMP_NTZ),
    data_source VARCHAR AS (VALUE:"data_source"::VARCHAR),
    job_name VARCHAR AS (VALUE:"job_name"::VARCHAR),
    source_topic VARCHAR AS (VALUE:"source_topic"::VARCHAR),
    source_generation VARCHAR AS (VALUE:"source_generation"::VARCHAR),
    source_partition NUMBER(10, 0) AS (VALUE:"source_partition"::NUMBER(10, 0)),
    source_offset NUMBER(19, 0) AS (VALUE:"source_offset"::NUMBER(19, 0))
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.curated_stage/curated/users_transformed/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.curated.users_transformed TO ROLE &{database}_loader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.curated.data_quality_summary (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    total_records NUMBER(19, 0) AS (VALUE:"total_records"::NUMBER(19, 0)),
    high_quality_records NUMBER(19, 0) AS (VALUE:"high_quality_records"::NUMBER(19, 0)),
    medium_quality_records NUMBER(19, 0) AS (VALUE:"medium_quality_records"::NUMBER(19, 0)),
    low_quality_records NUMBER(19, 0) AS (VALUE:"low_quality_records"::NUMBER(19, 0)),
    avg_quality_score FLOAT AS (VALUE:"avg_quality_score"::FLOAT),
    valid_emails NUMBER(19, 0) AS (VALUE:"valid_emails"::NUMBER(19, 0)),
    valid_phones NUMBER(19, 0) AS (VALUE:"valid_phones"::NUMBER(19, 0)),
    unique_email_domains NUMBER(19, 0) AS (VALUE:"unique_email_domains"::NUMBER(19, 0)),
    unique_countries NUMBER(19, 0) AS (VALUE:"unique_countries"::NUMBER(19, 0)),
    quality_check_timestamp TIMESTAMP_NTZ AS (VALUE:"quality_check_timestamp"::TIMESTAMP_NTZ),
    job_name VARCHAR AS (VALUE:"job_name"::VARCHAR)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.curated_stage/curated/data_quality_summary/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.curated.data_quality_summary TO ROLE &{database}_loader;
