-- Written by `cargo xtask sql generate` from infra/tables.json: change that, not this.
-- A name in VALUE:"…" is the Parquet column's to the letter: in another case it would be null.
-- New objects are registered by S3's notification to the queue that SHOW EXTERNAL TABLES tells.

CREATE STAGE IF NOT EXISTS &{database}.lake.timeseries_stage
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
    WHERE stage_schema = 'LAKE' AND stage_name = 'TIMESERIES_STAGE' AND RTRIM(stage_url, '/') <> '&{lake_url}';
    IF (moved > 0) THEN
        DROP EXTERNAL TABLE IF EXISTS &{database}.timeseries.fact_registration_trends;
        DROP EXTERNAL TABLE IF EXISTS &{database}.timeseries.fact_geographic_expansion;
        DROP EXTERNAL TABLE IF EXISTS &{database}.timeseries.fact_age_demographic_trends;
        DROP EXTERNAL TABLE IF EXISTS &{database}.timeseries.fact_data_quality_trends;
        DROP EXTERNAL TABLE IF EXISTS &{database}.timeseries.fact_registration_anomalies;
        DROP EXTERNAL TABLE IF EXISTS &{database}.timeseries.fact_quality_anomalies;
        ALTER STAGE &{database}.lake.timeseries_stage SET
            URL = '&{lake_url}/'
            STORAGE_INTEGRATION = &{database}_lake;
    END IF;
END;
$$;

CREATE OR REPLACE EXTERNAL TABLE &{database}.timeseries.fact_registration_trends (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    period_type VARCHAR AS (VALUE:"period_type"::VARCHAR),
    time_period VARCHAR AS (VALUE:"time_period"::VARCHAR),
    registrations NUMBER(19, 0) AS (VALUE:"registrations"::NUMBER(19, 0)),
    countries_represented NUMBER(19, 0) AS (VALUE:"countries_represented"::NUMBER(19, 0)),
    avg_age_at_registration FLOAT AS (VALUE:"avg_age_at_registration"::FLOAT),
    male_percentage FLOAT AS (VALUE:"male_percentage"::FLOAT),
    female_percentage FLOAT AS (VALUE:"female_percentage"::FLOAT),
    avg_data_quality FLOAT AS (VALUE:"avg_data_quality"::FLOAT),
    previous_registrations NUMBER(19, 0) AS (VALUE:"previous_registrations"::NUMBER(19, 0)),
    growth_rate FLOAT AS (VALUE:"growth_rate"::FLOAT),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.timeseries_stage/timeseries/fact_registration_trends/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.timeseries.fact_registration_trends TO ROLE &{database}_reader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.timeseries.fact_geographic_expansion (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    country VARCHAR AS (VALUE:"country"::VARCHAR),
    user_count NUMBER(19, 0) AS (VALUE:"user_count"::NUMBER(19, 0)),
    first_user_date DATE AS (VALUE:"first_user_date"::DATE),
    latest_user_date DATE AS (VALUE:"latest_user_date"::DATE),
    cities_represented NUMBER(19, 0) AS (VALUE:"cities_represented"::NUMBER(19, 0)),
    avg_user_age FLOAT AS (VALUE:"avg_user_age"::FLOAT),
    avg_data_quality FLOAT AS (VALUE:"avg_data_quality"::FLOAT),
    days_since_first_user NUMBER(19, 0) AS (VALUE:"days_since_first_user"::NUMBER(19, 0)),
    user_acquisition_rate FLOAT AS (VALUE:"user_acquisition_rate"::FLOAT),
    total_users_global NUMBER(19, 0) AS (VALUE:"total_users_global"::NUMBER(19, 0)),
    market_share_percentage FLOAT AS (VALUE:"market_share_percentage"::FLOAT),
    user_count_rank NUMBER(19, 0) AS (VALUE:"user_count_rank"::NUMBER(19, 0)),
    expansion_rate_rank NUMBER(19, 0) AS (VALUE:"expansion_rate_rank"::NUMBER(19, 0)),
    expansion_category VARCHAR AS (VALUE:"expansion_category"::VARCHAR),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.timeseries_stage/timeseries/fact_geographic_expansion/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.timeseries.fact_geographic_expansion TO ROLE &{database}_reader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.timeseries.fact_age_demographic_trends (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    age_group VARCHAR AS (VALUE:"age_group"::VARCHAR),
    generation VARCHAR AS (VALUE:"generation"::VARCHAR),
    registration_year NUMBER(19, 0) AS (VALUE:"registration_year"::NUMBER(19, 0)),
    total_users_in_group NUMBER(19, 0) AS (VALUE:"total_users_in_group"::NUMBER(19, 0)),
    avg_data_quality FLOAT AS (VALUE:"avg_data_quality"::FLOAT),
    total_countries NUMBER(19, 0) AS (VALUE:"total_countries"::NUMBER(19, 0)),
    total_users_in_year NUMBER(19, 0) AS (VALUE:"total_users_in_year"::NUMBER(19, 0)),
    percentage_of_year FLOAT AS (VALUE:"percentage_of_year"::FLOAT),
    previous_year_percentage FLOAT AS (VALUE:"previous_year_percentage"::FLOAT),
    trend_direction VARCHAR AS (VALUE:"trend_direction"::VARCHAR),
    trend_magnitude FLOAT AS (VALUE:"trend_magnitude"::FLOAT),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.timeseries_stage/timeseries/fact_age_demographic_trends/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.timeseries.fact_age_demographic_trends TO ROLE &{database}_reader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.timeseries.fact_data_quality_trends (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    quality_date DATE AS (VALUE:"quality_date"::DATE),
    total_records NUMBER(19, 0) AS (VALUE:"total_records"::NUMBER(19, 0)),
    avg_quality_score FLOAT AS (VALUE:"avg_quality_score"::FLOAT),
    excellent_quality_count NUMBER(19, 0) AS (VALUE:"excellent_quality_count"::NUMBER(19, 0)),
    good_quality_count NUMBER(19, 0) AS (VALUE:"good_quality_count"::NUMBER(19, 0)),
    fair_quality_count NUMBER(19, 0) AS (VALUE:"fair_quality_count"::NUMBER(19, 0)),
    poor_quality_count NUMBER(19, 0) AS (VALUE:"poor_quality_count"::NUMBER(19, 0)),
    valid_emails NUMBER(19, 0) AS (VALUE:"valid_emails"::NUMBER(19, 0)),
    valid_phones NUMBER(19, 0) AS (VALUE:"valid_phones"::NUMBER(19, 0)),
    excellent_quality_percentage FLOAT AS (VALUE:"excellent_quality_percentage"::FLOAT),
    good_quality_percentage FLOAT AS (VALUE:"good_quality_percentage"::FLOAT),
    email_validity_percentage FLOAT AS (VALUE:"email_validity_percentage"::FLOAT),
    phone_validity_percentage FLOAT AS (VALUE:"phone_validity_percentage"::FLOAT),
    previous_avg_quality FLOAT AS (VALUE:"previous_avg_quality"::FLOAT),
    quality_trend VARCHAR AS (VALUE:"quality_trend"::VARCHAR),
    quality_change FLOAT AS (VALUE:"quality_change"::FLOAT),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.timeseries_stage/timeseries/fact_data_quality_trends/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.timeseries.fact_data_quality_trends TO ROLE &{database}_reader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.timeseries.fact_registration_anomalies (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    period_type VARCHAR AS (VALUE:"period_type"::VARCHAR),
    time_period VARCHAR AS (VALUE:"time_period"::VARCHAR),
    registrations NUMBER(19, 0) AS (VALUE:"registrations"::NUMBER(19, 0)),
    countries_represented NUMBER(19, 0) AS (VALUE:"countries_represented"::NUMBER(19, 0)),
    avg_age_at_registration FLOAT AS (VALUE:"avg_age_at_registration"::FLOAT),
    male_percentage FLOAT AS (VALUE:"male_percentage"::FLOAT),
    female_percentage FLOAT AS (VALUE:"female_percentage"::FLOAT),
    avg_data_quality FLOAT AS (VALUE:"avg_data_quality"::FLOAT),
    previous_registrations NUMBER(19, 0) AS (VALUE:"previous_registrations"::NUMBER(19, 0)),
    growth_rate FLOAT AS (VALUE:"growth_rate"::FLOAT),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ),
    z_score FLOAT AS (VALUE:"z_score"::FLOAT),
    is_anomaly BOOLEAN AS (VALUE:"is_anomaly"::BOOLEAN),
    anomaly_type VARCHAR AS (VALUE:"anomaly_type"::VARCHAR),
    anomaly_severity VARCHAR AS (VALUE:"anomaly_severity"::VARCHAR),
    robust_z FLOAT AS (VALUE:"robust_z"::FLOAT)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.timeseries_stage/timeseries/fact_registration_anomalies/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.timeseries.fact_registration_anomalies TO ROLE &{database}_reader;

CREATE OR REPLACE EXTERNAL TABLE &{database}.timeseries.fact_quality_anomalies (
    processing_date DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/processing_date=', -1), '/', 1)::DATE),
    quality_date DATE AS (VALUE:"quality_date"::DATE),
    total_records NUMBER(19, 0) AS (VALUE:"total_records"::NUMBER(19, 0)),
    avg_quality_score FLOAT AS (VALUE:"avg_quality_score"::FLOAT),
    excellent_quality_count NUMBER(19, 0) AS (VALUE:"excellent_quality_count"::NUMBER(19, 0)),
    good_quality_count NUMBER(19, 0) AS (VALUE:"good_quality_count"::NUMBER(19, 0)),
    fair_quality_count NUMBER(19, 0) AS (VALUE:"fair_quality_count"::NUMBER(19, 0)),
    poor_quality_count NUMBER(19, 0) AS (VALUE:"poor_quality_count"::NUMBER(19, 0)),
    valid_emails NUMBER(19, 0) AS (VALUE:"valid_emails"::NUMBER(19, 0)),
    valid_phones NUMBER(19, 0) AS (VALUE:"valid_phones"::NUMBER(19, 0)),
    excellent_quality_percentage FLOAT AS (VALUE:"excellent_quality_percentage"::FLOAT),
    good_quality_percentage FLOAT AS (VALUE:"good_quality_percentage"::FLOAT),
    email_validity_percentage FLOAT AS (VALUE:"email_validity_percentage"::FLOAT),
    phone_validity_percentage FLOAT AS (VALUE:"phone_validity_percentage"::FLOAT),
    previous_avg_quality FLOAT AS (VALUE:"previous_avg_quality"::FLOAT),
    quality_trend VARCHAR AS (VALUE:"quality_trend"::VARCHAR),
    quality_change FLOAT AS (VALUE:"quality_change"::FLOAT),
    created_at TIMESTAMP_NTZ AS (VALUE:"created_at"::TIMESTAMP_NTZ),
    z_score FLOAT AS (VALUE:"z_score"::FLOAT),
    is_anomaly BOOLEAN AS (VALUE:"is_anomaly"::BOOLEAN),
    anomaly_type VARCHAR AS (VALUE:"anomaly_type"::VARCHAR),
    anomaly_severity VARCHAR AS (VALUE:"anomaly_severity"::VARCHAR),
    robust_z FLOAT AS (VALUE:"robust_z"::FLOAT)
)
PARTITION BY (processing_date)
LOCATION = @&{database}.lake.timeseries_stage/timeseries/fact_quality_anomalies/
REFRESH_ON_CREATE = TRUE
AUTO_REFRESH = TRUE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (FORMAT_NAME = '&{database}.lake.lake_parquet')
COPY GRANTS;
GRANT SELECT ON EXTERNAL TABLE &{database}.timeseries.fact_quality_anomalies TO ROLE &{database}_reader;
