-- Users by age group, the youngest first.

SELECT
    age_group,
    COUNT(*) AS users,
    AVG(age_years) AS avg_age
FROM &{database}.gold.users
GROUP BY age_group
ORDER BY avg_age NULLS LAST, age_group;
