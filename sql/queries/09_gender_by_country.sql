-- Gender in each country.

SELECT
    country,
    gender,
    COUNT(*) AS users
FROM &{database}.gold.users
GROUP BY country, gender
ORDER BY country NULLS LAST, gender;
