-- Written by `cargo xtask sql generate` from infra/tables.json: change that, not this.
-- Each table's newest day. dim_user_demographics is no snapshot and has views of its own (022).
-- The day is a value in each view: a subquery's would be known only as the query runs, after every file was opened.
-- This procedure writes it; a task calls it (030), and so does whoever published a day and does not want to wait.
-- A table without a day has an empty view.

CREATE OR REPLACE PROCEDURE &{database}.operations.follow_latest_days()
    RETURNS VARCHAR
    LANGUAGE SQL
    EXECUTE AS OWNER
AS
$$
DECLARE
    newest VARCHAR DEFAULT '';
    view_text VARCHAR DEFAULT '';
BEGIN
    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.curated.users_transformed;
    view_text := 'CREATE OR REPLACE VIEW &{database}.curated.users_transformed_latest COPY GRANTS AS
SELECT
    processing_date,
    id,
    first_name,
    last_name,
    full_name,
    gender,
    email,
    email_domain,
    email_provider_type,
    email_valid,
    username,
    phone,
    phone_valid,
    address,
    street_address,
    city,
    state,
    country,
    country_code,
    post_code,
    latitude,
    longitude,
    birth_date,
    age_years,
    age_group,
    generation,
    registration_date,
    account_age_days,
    account_tenure_category,
    data_quality_score,
    quality_issues,
    picture,
    business_email,
    user_company,
    processed_at,
    data_source,
    job_name,
    source_topic,
    source_generation,
    source_partition,
    source_offset
FROM &{database}.curated.users_transformed
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.curated.data_quality_summary;
    view_text := 'CREATE OR REPLACE VIEW &{database}.curated.data_quality_summary_latest COPY GRANTS AS
SELECT
    processing_date,
    total_records,
    high_quality_records,
    medium_quality_records,
    low_quality_records,
    avg_quality_score,
    valid_emails,
    valid_phones,
    unique_email_domains,
    unique_countries,
    quality_check_timestamp,
    job_name
FROM &{database}.curated.data_quality_summary
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.analytics.fact_geographic_analysis;
    view_text := 'CREATE OR REPLACE VIEW &{database}.analytics.fact_geographic_analysis_latest COPY GRANTS AS
SELECT
    processing_date,
    analysis_type,
    geographic_level,
    country,
    city,
    user_count,
    unique_email_domains,
    avg_age,
    avg_data_quality,
    male_percentage,
    female_percentage,
    business_email_percentage,
    user_count_rank,
    created_at
FROM &{database}.analytics.fact_geographic_analysis
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.analytics.fact_age_generation_analysis;
    view_text := 'CREATE OR REPLACE VIEW &{database}.analytics.fact_age_generation_analysis_latest COPY GRANTS AS
SELECT
    processing_date,
    age_group,
    generation,
    gender,
    user_count,
    avg_data_quality,
    avg_account_age_days,
    countries_represented,
    unique_email_domains,
    personal_email_count,
    business_email_count,
    veteran_users,
    new_users,
    total_users_in_batch,
    percentage_of_total,
    business_email_percentage,
    veteran_percentage,
    engagement_score,
    engagement_tier,
    created_at
FROM &{database}.analytics.fact_age_generation_analysis
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.analytics.fact_email_provider_analysis;
    view_text := 'CREATE OR REPLACE VIEW &{database}.analytics.fact_email_provider_analysis_latest COPY GRANTS AS
SELECT
    processing_date,
    email_provider_type,
    total_users,
    unique_domains,
    avg_age,
    avg_data_quality,
    countries_represented,
    analysis_level,
    created_at
FROM &{database}.analytics.fact_email_provider_analysis
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.analytics.fact_email_domain_analysis;
    view_text := 'CREATE OR REPLACE VIEW &{database}.analytics.fact_email_domain_analysis_latest COPY GRANTS AS
SELECT
    processing_date,
    email_domain,
    email_provider_type,
    user_count,
    countries_using,
    avg_user_age,
    avg_data_quality,
    male_users,
    female_users,
    total_users_in_batch,
    market_share_percentage,
    gender_ratio_male_female,
    analysis_level,
    created_at
FROM &{database}.analytics.fact_email_domain_analysis
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.analytics.fact_data_quality_metrics;
    view_text := 'CREATE OR REPLACE VIEW &{database}.analytics.fact_data_quality_metrics_latest COPY GRANTS AS
SELECT
    processing_date,
    total_records,
    excellent_quality,
    good_quality,
    fair_quality,
    poor_quality,
    very_poor_quality,
    avg_quality_score,
    min_quality_score,
    max_quality_score,
    valid_emails,
    valid_phones,
    unique_users,
    records_with_issues,
    excellent_quality_percentage,
    good_quality_percentage,
    email_validity_percentage,
    phone_validity_percentage,
    data_completeness_score,
    created_at
FROM &{database}.analytics.fact_data_quality_metrics
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.analytics.fact_quality_by_segment;
    view_text := 'CREATE OR REPLACE VIEW &{database}.analytics.fact_quality_by_segment_latest COPY GRANTS AS
SELECT
    processing_date,
    age_group,
    generation,
    segment_total,
    avg_segment_quality,
    valid_emails_in_segment,
    valid_phones_in_segment,
    segment_email_validity_rate,
    segment_phone_validity_rate,
    created_at
FROM &{database}.analytics.fact_quality_by_segment
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.analytics.user_analytics;
    view_text := 'CREATE OR REPLACE VIEW &{database}.analytics.user_analytics_latest COPY GRANTS AS
SELECT
    processing_date,
    metric_type,
    metric_name,
    metric_value,
    percentage,
    created_at
FROM &{database}.analytics.user_analytics
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.analytics.user_demographics;
    view_text := 'CREATE OR REPLACE VIEW &{database}.analytics.user_demographics_latest COPY GRANTS AS
SELECT
    processing_date,
    demographic_type,
    demographic_value,
    user_count,
    percentage,
    created_at
FROM &{database}.analytics.user_demographics
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.timeseries.fact_registration_trends;
    view_text := 'CREATE OR REPLACE VIEW &{database}.timeseries.fact_registration_trends_latest COPY GRANTS AS
SELECT
    processing_date,
    period_type,
    time_period,
    registrations,
    countries_represented,
    avg_age_at_registration,
    male_percentage,
    female_percentage,
    avg_data_quality,
    previous_registrations,
    growth_rate,
    created_at
FROM &{database}.timeseries.fact_registration_trends
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.timeseries.fact_geographic_expansion;
    view_text := 'CREATE OR REPLACE VIEW &{database}.timeseries.fact_geographic_expansion_latest COPY GRANTS AS
SELECT
    processing_date,
    country,
    user_count,
    first_user_date,
    latest_user_date,
    cities_represented,
    avg_user_age,
    avg_data_quality,
    days_since_first_user,
    user_acquisition_rate,
    total_users_global,
    market_share_percentage,
    user_count_rank,
    expansion_rate_rank,
    expansion_category,
    created_at
FROM &{database}.timeseries.fact_geographic_expansion
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.timeseries.fact_age_demographic_trends;
    view_text := 'CREATE OR REPLACE VIEW &{database}.timeseries.fact_age_demographic_trends_latest COPY GRANTS AS
SELECT
    processing_date,
    age_group,
    generation,
    registration_year,
    total_users_in_group,
    avg_data_quality,
    total_countries,
    total_users_in_year,
    percentage_of_year,
    previous_year_percentage,
    trend_direction,
    trend_magnitude,
    created_at
FROM &{database}.timeseries.fact_age_demographic_trends
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.timeseries.fact_data_quality_trends;
    view_text := 'CREATE OR REPLACE VIEW &{database}.timeseries.fact_data_quality_trends_latest COPY GRANTS AS
SELECT
    processing_date,
    quality_date,
    total_records,
    avg_quality_score,
    excellent_quality_count,
    good_quality_count,
    fair_quality_count,
    poor_quality_count,
    valid_emails,
    valid_phones,
    excellent_quality_percentage,
    good_quality_percentage,
    email_validity_percentage,
    phone_validity_percentage,
    previous_avg_quality,
    quality_trend,
    quality_change,
    created_at
FROM &{database}.timeseries.fact_data_quality_trends
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.timeseries.fact_registration_anomalies;
    view_text := 'CREATE OR REPLACE VIEW &{database}.timeseries.fact_registration_anomalies_latest COPY GRANTS AS
SELECT
    processing_date,
    period_type,
    time_period,
    registrations,
    countries_represented,
    avg_age_at_registration,
    male_percentage,
    female_percentage,
    avg_data_quality,
    previous_registrations,
    growth_rate,
    created_at,
    z_score,
    is_anomaly,
    anomaly_type,
    anomaly_severity,
    robust_z
FROM &{database}.timeseries.fact_registration_anomalies
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest
    FROM &{database}.timeseries.fact_quality_anomalies;
    view_text := 'CREATE OR REPLACE VIEW &{database}.timeseries.fact_quality_anomalies_latest COPY GRANTS AS
SELECT
    processing_date,
    quality_date,
    total_records,
    avg_quality_score,
    excellent_quality_count,
    good_quality_count,
    fair_quality_count,
    poor_quality_count,
    valid_emails,
    valid_phones,
    excellent_quality_percentage,
    good_quality_percentage,
    email_validity_percentage,
    phone_validity_percentage,
    previous_avg_quality,
    quality_trend,
    quality_change,
    created_at,
    z_score,
    is_anomaly,
    anomaly_type,
    anomaly_severity,
    robust_z
FROM &{database}.timeseries.fact_quality_anomalies
WHERE processing_date = ''' || newest || '''::DATE';
    EXECUTE IMMEDIATE :view_text;

    RETURN 'every latest view has its newest day';
END;
$$;

CALL &{database}.operations.follow_latest_days();

GRANT SELECT ON VIEW &{database}.curated.users_transformed_latest TO ROLE &{database}_loader;
GRANT SELECT ON VIEW &{database}.curated.data_quality_summary_latest TO ROLE &{database}_loader;
GRANT SELECT ON VIEW &{database}.analytics.fact_geographic_analysis_latest TO ROLE &{database}_reader;
GRANT SELECT ON VIEW &{database}.analytics.fact_age_generation_analysis_latest TO ROLE &{database}_reader;
GRANT SELECT ON VIEW &{database}.analytics.fact_email_provider_analysis_latest TO ROLE &{database}_reader;
GRANT SELECT ON VIEW &{database}.analytics.fact_email_domain_analysis_latest TO ROLE &{database}_reader;
GRANT SELECT ON VIEW &{database}.analytics.fact_data_quality_metrics_latest TO ROLE &{database}_reader;
GRANT SELECT ON VIEW &{database}.analytics.fact_quality_by_segment_latest TO ROLE &{database}_reader;
GRANT SELECT ON VIEW &{database}.analytics.user_analytics_latest TO ROLE &{database}_reader;
GRANT SELECT ON VIEW &{database}.analytics.user_demographics_latest TO ROLE &{database}_reader;
GRANT SELECT ON VIEW &{database}.timeseries.fact_registration_trends_latest TO ROLE &{database}_reader;
GRANT SELECT ON VIEW &{database}.timeseries.fact_geographic_expansion_latest TO ROLE &{database}_reader;
GRANT SELECT ON VIEW &{database}.timeseries.fact_age_demographic_trends_latest TO ROLE &{database}_reader;
GRANT SELECT ON VIEW &{database}.timeseries.fact_data_quality_trends_latest TO ROLE &{database}_reader;
GRANT SELECT ON VIEW &{database}.timeseries.fact_registration_anomalies_latest TO ROLE &{database}_reader;
GRANT SELECT ON VIEW &{database}.timeseries.fact_quality_anomalies_latest TO ROLE &{database}_reader;
