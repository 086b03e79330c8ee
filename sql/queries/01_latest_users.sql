-- The users who registered last.

SELECT
    id,
    gender,
    country,
    age_group,
    registration_date
FROM &{database}.gold.users
ORDER BY registration_date DESC NULLS LAST, id
LIMIT 10;
