-- Written by `cargo xtask sql generate` from infra/tables.json: change that, not this.
-- Each table's newest day. dim_user_demographics is no snapshot and has views of its own (022).

CREATE OR REPLACE VIEW &{database}.curated.users_transformed_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.curated.users_transformed
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.curated.users_transformed);

CREATE OR REPLACE VIEW &{database}.curated.data_quality_summary_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.curated.data_quality_summary
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.curated.data_quality_summary);

CREATE OR REPLACE VIEW &{database}.analytics.fact_geographic_analysis_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.analytics.fact_geographic_analysis
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.analytics.fact_geographic_analysis);

CREATE OR REPLACE VIEW &{database}.analytics.fact_age_generation_analysis_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.analytics.fact_age_generation_analysis
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.analytics.fact_age_generation_analysis);

CREATE OR REPLACE VIEW &{database}.analytics.fact_email_provider_analysis_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.analytics.fact_email_provider_analysis
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.analytics.fact_email_provider_analysis);

CREATE OR REPLACE VIEW &{database}.analytics.fact_email_domain_analysis_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.analytics.fact_email_domain_analysis
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.analytics.fact_email_domain_analysis);

CREATE OR REPLACE VIEW &{database}.analytics.fact_data_quality_metrics_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.analytics.fact_data_quality_metrics
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.analytics.fact_data_quality_metrics);

CREATE OR REPLACE VIEW &{database}.analytics.fact_quality_by_segment_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.analytics.fact_quality_by_segment
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.analytics.fact_quality_by_segment);

CREATE OR REPLACE VIEW &{database}.analytics.user_analytics_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.analytics.user_analytics
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.analytics.user_analytics);

CREATE OR REPLACE VIEW &{database}.analytics.user_demographics_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.analytics.user_demographics
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.analytics.user_demographics);

CREATE OR REPLACE VIEW &{database}.timeseries.fact_registration_trends_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.timeseries.fact_registration_trends
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.timeseries.fact_registration_trends);

CREATE OR REPLACE VIEW &{database}.timeseries.fact_geographic_expansion_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.timeseries.fact_geographic_expansion
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.timeseries.fact_geographic_expansion);

CREATE OR REPLACE VIEW &{database}.timeseries.fact_age_demographic_trends_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.timeseries.fact_age_demographic_trends
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.timeseries.fact_age_demographic_trends);

CREATE OR REPLACE VIEW &{database}.timeseries.fact_data_quality_trends_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.timeseries.fact_data_quality_trends
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.timeseries.fact_data_quality_trends);

CREATE OR REPLACE VIEW &{database}.timeseries.fact_registration_anomalies_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.timeseries.fact_registration_anomalies
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.timeseries.fact_registration_anomalies);

CREATE OR REPLACE VIEW &{database}.timeseries.fact_quality_anomalies_latest COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.timeseries.fact_quality_anomalies
WHERE processing_date = (SELECT MAX(processing_date) FROM &{database}.timeseries.fact_quality_anomalies);
