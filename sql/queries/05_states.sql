-- The largest states.

SELECT
    demographic_value AS state,
    user_count,
    percentage
FROM &{database}.analytics.user_demographics_latest
WHERE demographic_type = 'state'
ORDER BY user_count DESC, state
LIMIT 10;
