-- How many users there are, and how many differ.

SELECT
    COUNT(*) AS total_users,
    COUNT(DISTINCT id) AS unique_users,
    COUNT(DISTINCT country) AS countries,
    COUNT(DISTINCT email_domain) AS email_domains,
    AVG(data_quality_score) AS avg_data_quality
FROM &{database}.gold.users;
