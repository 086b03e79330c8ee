-- Users by gender.

SELECT
    gender,
    COUNT(*) AS users,
    ROUND(100 * COUNT(*) / SUM(COUNT(*)) OVER (), 2) AS percentage
FROM &{database}.gold.users
GROUP BY gender
ORDER BY users DESC, gender;
