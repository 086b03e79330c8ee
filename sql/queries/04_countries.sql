-- The largest countries.

SELECT
    country,
    user_count,
    user_count_rank,
    avg_age,
    male_percentage,
    female_percentage
FROM &{database}.analytics.fact_geographic_analysis_latest
WHERE analysis_type = 'country'
ORDER BY user_count_rank
LIMIT 10;
