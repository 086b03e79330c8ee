-- Registrations by year.

SELECT
    YEAR(registration_date) AS registration_year,
    COUNT(*) AS registrations
FROM &{database}.gold.users
WHERE registration_date IS NOT NULL
GROUP BY YEAR(registration_date)
ORDER BY registration_year;
