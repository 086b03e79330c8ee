-- The largest e-mail domains and their share.

SELECT
    email_domain,
    email_provider_type,
    user_count,
    market_share_percentage
FROM &{database}.analytics.fact_email_domain_analysis_latest
ORDER BY user_count DESC, email_domain
LIMIT 10;
