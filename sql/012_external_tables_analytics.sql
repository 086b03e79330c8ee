-- Written by `cargo xtask sql generate` from infra/tables.json: change that, not this.
-- A name in VALUE:"…" is the Parquet column's to the letter: in another case it would be null.
-- New objects are registered by S3's notification to the queue that SHOW EXTERNAL TABLES tells.

CREATE STAGE IF NOT EXISTS &{database}.lake.analytics_stage
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
    WHERE stage_schema = 'LAKE' AND stage_name = 'ANALYTICS_STAGE' AND RTRIM(stage_url, '/') <> '&{lake_url}';
    IF (moved > 0) THEN
        DROP EXTERNAL TABLE IF EXISTS &{database}.analytics.dim_user_demographics;
        DROP EXTERNAL TABLE IF EXISTS &{database}.analytics.fact_geographic_analysis;
        DROP EXTERNAL TABLE IF EXISTS &{database}.analytics.fact_age_generation_analysis;
        DROP EXTERNAL TABLE IF EXISTS &{database}.analytics.fact_email_provider_analysis;
        DROP EXTERNAL TABLE IF EXISTS &{database}.analytics.fact_email_domain_analysis;
        DROP EXTERNAL TABLE IF EXISTS &{database}.analytics.fact_data_quality_metrics;
        DROP EXTERNAL TABLE IF EXISTS &{database}.analytics.fact_quality_by_segment;
        DROP EXTERNAL TABLE IF EXISTS &{database}.analytics.user_analytics;
        DROP EXTERNAL TABLE IF EXISTS &{database}.analytics.user_demographics;
        ALTER STAGE &{database}.lake.analytics_stage SET
            URL = '&{lake_url}/'
            STORAGE_INTEGRATION = &{database}_lake;
    END IF;
END;
$$;

CREATE OR REPLACE EXTERNAL TABLE &{database}.analytics.dim_user_demographics (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    user_id VARCHAR AS (VALUE:"user_id"::VARCHAR),
    age_group VARCHAR AS (VALUE:"age_group"::VARCHAR),
    generation VARCHAR AS (VALUE:"generation"::VARCHAR),
    gender VARCHAR AS (VALUE:"gender"::VARCHAR),
    country VARCHAR AS (VALUE:"country"::VARCHAR),
    city VARCHAR AS (VALUE:"city"::VARCHAR),
    email_provider_type VARCHAR AS (VALUE:"email_provider_type"::VARCHAR),
    account_tenure_category VARCHAR AS (VALUE:"account_tenure_category"::VARCHAR),
    data_quality_score FLOAT AS (VALUE:"data_quality_score"::FLOAT),
    demographic_score FLOAT AS (VALUE:"demographic_score"::FLOAT),
    target_segment VARCHAR AS (VALUE:"target_segment"::VARCHAR),
    dim_created_at TIMESTAMP_NTZ AS (VALUE:"dim_created_at"::TIMESTAMP_NTZ),
    dim_updated_at TIMESTAMP_NTZ AS (VALUE:"dim_updated_at"::TIMESTAMP_NTZ),
    is_current BOOLEAN AS (VALUE:"is_current"::BOOLEAN)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.analytics_stage/analytics/dim_user_demographics/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.analytics.dim_user_demographics TO ROLE &{database}_analyst;

CREATE OR REPLACE EXTERNAL TABLE &{database}.analytics.fact_geographic_analysis (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    analysis_type VARCHAR AS (VALUE:"analysis_type"::VARCHAR),
    geographic_level VARCHAR AS (VALUE:"geographic_level"::VARCHAR),
    country VARCHAR AS (VALUE:"country"::VARCHAR),
    city VARCHAR AS (VALUE:"city"::VARCHAR),
    user_count NUMBER(19, 0) AS (VALUE:"user_count"::NUMBER(19, 0)),
    unique_email_domains NUMBER(19, 0) AS (VALUE:"unique_email_domains"::NUMBER(19, 0)),
    avg_age FLOAT AS (VALUE:"avg_age"::FLOAT),
    avg_data_quality FLOAT AS (VALUE:"avg_data_quality"::FLOAT),
    male_percentage FLOAT AS (VALUE:"male_percentage"::FLOAT),
    female_percentage FLOAT AS (VALUE:"female_percentage"::FLOAT),
    business_email_percentage FLOAT AS (VALUE:"business_email_percentage"::FLOAT),
    user_count_rank NUMBER(19, 0) AS (VALUE:"user_count_rank"::NUMBER(19, 0)),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.analytics_stage/analytics/fact_geographic_analysis/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.analytics.fact_geographic_analysis TO ROLE &{database}_reader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.analytics.fact_age_generation_analysis (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    age_group VARCHAR AS (VALUE:"age_group"::VARCHAR),
    generation VARCHAR AS (VALUE:"generation"::VARCHAR),
    gender VARCHAR AS (VALUE:"gender"::VARCHAR),
    user_count NUMBER(19, 0) AS (VALUE:"user_count"::NUMBER(19, 0)),
    avg_data_quality FLOAT AS (VALUE:"avg_data_quality"::FLOAT),
    avg_account_age_days FLOAT AS (VALUE:"avg_account_age_days"::FLOAT),
    countries_represented NUMBER(19, 0) AS (VALUE:"countries_represented"::NUMBER(19, 0)),
    unique_email_domains NUMBER(19, 0) AS (VALUE:"unique_email_domains"::NUMBER(19, 0)),
    personal_email_count NUMBER(19, 0) AS (VALUE:"personal_email_count"::NUMBER(19, 0)),
    business_email_count NUMBER(19, 0) AS (VALUE:"business_email_count"::NUMBER(19, 0)),
    veteran_users NUMBER(19, 0) AS (VALUE:"veteran_users"::NUMBER(19, 0)),
    new_users NUMBER(19, 0) AS (VALUE:"new_users"::NUMBER(19, 0)),
    total_users_in_batch NUMBER(19, 0) AS (VALUE:"total_users_in_batch"::NUMBER(19, 0)),
    percentage_of_total FLOAT AS (VALUE:"percentage_of_total"::FLOAT),
    business_email_percentage FLOAT AS (VALUE:"business_email_percentage"::FLOAT),
    veteran_percentage FLOAT AS (VALUE:"veteran_percentage"::FLOAT),
    engagement_score FLOAT AS (VALUE:"engagement_score"::FLOAT),
    engagement_tier VARCHAR AS (VALUE:"engagement_tier"::VARCHAR),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.analytics_stage/analytics/fact_age_generation_analysis/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.analytics.fact_age_generation_analysis TO ROLE &{database}_reader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.analytics.fact_email_provider_analysis (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    email_provider_type VARCHAR AS (VALUE:"email_provider_type"::VARCHAR),
    total_users NUMBER(19, 0) AS (VALUE:"total_users"::NUMBER(19, 0)),
    unique_domains NUMBER(19, 0) AS (VALUE:"unique_domains"::NUMBER(19, 0)),
    avg_age FLOAT AS (VALUE:"avg_age"::FLOAT),
    avg_data_quality FLOAT AS (VALUE:"avg_data_quality"::FLOAT),
    countries_represented NUMBER(19, 0) AS (VALUE:"countries_represented"::NUMBER(19, 0)),
    analysis_level VARCHAR AS (VALUE:"analysis_level"::VARCHAR),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.analytics_stage/analytics/fact_email_provider_analysis/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.analytics.fact_email_provider_analysis TO ROLE &{database}_reader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.analytics.fact_email_domain_analysis (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    email_domain VARCHAR AS (VALUE:"email_domain"::VARCHAR),
    email_provider_type VARCHAR AS (VALUE:"email_provider_type"::VARCHAR),
    user_count NUMBER(19, 0) AS (VALUE:"user_count"::NUMBER(19, 0)),
    countries_using NUMBER(19, 0) AS (VALUE:"countries_using"::NUMBER(19, 0)),
    avg_user_age FLOAT AS (VALUE:"avg_user_age"::FLOAT),
    avg_data_quality FLOAT AS (VALUE:"avg_data_quality"::FLOAT),
    male_users NUMBER(19, 0) AS (VALUE:"male_users"::NUMBER(19, 0)),
    female_users NUMBER(19, 0) AS (VALUE:"female_users"::NUMBER(19, 0)),
    total_users_in_batch NUMBER(19, 0) AS (VALUE:"total_users_in_batch"::NUMBER(19, 0)),
    market_share_percentage FLOAT AS (VALUE:"market_share_percentage"::FLOAT),
    gender_ratio_male_female FLOAT AS (VALUE:"gender_ratio_male_female"::FLOAT),
    analysis_level VARCHAR AS (VALUE:"analysis_level"::VARCHAR),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.analytics_stage/analytics/fact_email_domain_analysis/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.analytics.fact_email_domain_analysis TO ROLE &{database}_reader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.analytics.fact_data_quality_metrics (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    total_records NUMBER(19, 0) AS (VALUE:"total_records"::NUMBER(19, 0)),
    excellent_quality NUMBER(19, 0) AS (VALUE:"excellent_quality"::NUMBER(19, 0)),
    good_quality NUMBER(19, 0) AS (VALUE:"good_quality"::NUMBER(19, 0)),
    fair_quality NUMBER(19, 0) AS (VALUE:"fair_quality"::NUMBER(19, 0)),
    poor_quality NUMBER(19, 0) AS (VALUE:"poor_quality"::NUMBER(19, 0)),
    very_poor_quality NUMBER(19, 0) AS (VALUE:"very_poor_quality"::NUMBER(19, 0)),
    avg_quality_score FLOAT AS (VALUE:"avg_quality_score"::FLOAT),
    min_quality_score FLOAT AS (VALUE:"min_quality_score"::FLOAT),
    max_quality_score FLOAT AS (VALUE:"max_quality_score"::FLOAT),
    valid_emails NUMBER(19, 0) AS (VALUE:"valid_emails"::NUMBER(19, 0)),
    valid_phones NUMBER(19, 0) AS (VALUE:"valid_phones"::NUMBER(19, 0)),
    unique_users NUMBER(19, 0) AS (VALUE:"unique_users"::NUMBER(19, 0)),
    records_with_issues NUMBER(19, 0) AS (VALUE:"records_with_issues"::NUMBER(19, 0)),
    excellent_quality_percentage FLOAT AS (VALUE:"excellent_quality_percentage"::FLOAT),
    good_quality_percentage FLOAT AS (VALUE:"good_quality_percentage"::FLOAT),
    email_validity_percentage FLOAT AS (VALUE:"email_validity_percentage"::FLOAT),
    phone_validity_percentage FLOAT AS (VALUE:"phone_validity_percentage"::FLOAT),
    data_completeness_score FLOAT AS (VALUE:"data_completeness_score"::FLOAT),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.analytics_stage/analytics/fact_data_quality_metrics/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.analytics.fact_data_quality_metrics TO ROLE &{database}_reader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.analytics.fact_quality_by_segment (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    age_group VARCHAR AS (VALUE:"age_group"::VARCHAR),
    generation VARCHAR AS (VALUE:"generation"::VARCHAR),
    segment_total NUMBER(19, 0) AS (VALUE:"segment_total"::NUMBER(19, 0)),
    avg_segment_quality FLOAT AS (VALUE:"avg_segment_quality"::FLOAT),
    valid_emails_in_segment NUMBER(19, 0) AS (VALUE:"valid_emails_in_segment"::NUMBER(19, 0)),
    valid_phones_in_segment NUMBER(19, 0) AS (VALUE:"valid_phones_in_segment"::NUMBER(19, 0)),
    segment_email_validity_rate FLOAT AS (VALUE:"segment_email_validity_rate"::FLOAT),
    segment_phone_validity_rate FLOAT AS (VALUE:"segment_phone_validity_rate"::FLOAT),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.analytics_stage/analytics/fact_quality_by_segment/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.analytics.fact_quality_by_segment TO ROLE &{database}_reader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.analytics.user_analytics (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    metric_type VARCHAR AS (VALUE:"metric_type"::VARCHAR),
    metric_name VARCHAR AS (VALUE:"metric_name"::VARCHAR),
    metric_value NUMBER(19, 0) AS (VALUE:"metric_value"::NUMBER(19, 0)),
    percentage FLOAT AS (VALUE:"percentage"::FLOAT),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.analytics_stage/analytics/user_analytics/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.analytics.user_analytics TO ROLE &{database}_reader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.analytics.user_demographics (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    demographic_type VARCHAR AS (VALUE:"demographic_type"::VARCHAR),
    demographic_value VARCHAR AS (VALUE:"demographic_value"::VARCHAR),
    user_count NUMBER(19, 0) AS (VALUE:"user_count"::NUMBER(19, 0)),
    percentage FLOAT AS (VALUE:"percentage"::FLOAT),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.analytics_stage/analytics/user_demographics/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.analytics.user_demographics TO ROLE &{database}_reader;
