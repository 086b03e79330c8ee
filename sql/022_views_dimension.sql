-- Written by `cargo xtask sql generate` from infra/tables.json: change that, not this.
-- dim_user_demographics is a slowly changing dimension, type 2: a day's partition holds the users that changed, not everyone.
-- A version holds from its day up to the next one's, exclusive; the newest has no end.

CREATE OR REPLACE VIEW &{database}.analytics.dim_user_demographics_current COPY GRANTS AS
SELECT
    processing_date,
    user_id,
    age_group,
    generation,
    gender,
    country,
    city,
    email_provider_type,
    account_tenure_category,
    data_quality_score,
    demographic_score,
    target_segment,
    dim_created_at,
    dim_updated_at,
    is_current
FROM &{database}.analytics.dim_user_demographics
QUALIFY ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY processing_date DESC) = 1;
GRANT SELECT ON VIEW &{database}.analytics.dim_user_demographics_current TO ROLE &{database}_analyst;

CREATE OR REPLACE VIEW &{database}.analytics.dim_user_demographics_history COPY GRANTS AS
SELECT
    processing_date,
    user_id,
    age_group,
    generation,
    gender,
    country,
    city,
    email_provider_type,
    account_tenure_category,
    data_quality_score,
    demographic_score,
    target_segment,
    dim_created_at,
    dim_updated_at,
    processing_date AS valid_from,
    LEAD(processing_date) OVER (PARTITION BY user_id ORDER BY processing_date) AS valid_to,
    LEAD(processing_date) OVER (PARTITION BY user_id ORDER BY processing_date) IS NULL AS is_current
FROM &{database}.analytics.dim_user_demographics;
GRANT SELECT ON VIEW &{database}.analytics.dim_user_demographics_history TO ROLE &{database}_analyst;
