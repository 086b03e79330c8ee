-- dim_user_demographics is a slowly changing dimension, type 2: a day's partition holds the users that changed, not everyone.

CREATE OR REPLACE VIEW &{database}.analytics.dim_user_demographics_current COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.analytics.dim_user_demographics
QUALIFY ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY processing_date DESC) = 1;

-- A version holds from its day up to the next one's, exclusive; the newest has no end.
CREATE OR REPLACE VIEW &{database}.analytics.dim_user_demographics_history COPY GRANTS AS
SELECT
    * EXCLUDE (value, is_current),
    processing_date AS valid_from,
    LEAD(processing_date) OVER (PARTITION BY user_id ORDER BY processing_date) AS valid_to,
    LEAD(processing_date) OVER (PARTITION BY user_id ORDER BY processing_date) IS NULL AS is_current
FROM &{database}.analytics.dim_user_demographics;
