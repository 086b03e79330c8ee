-- What the business asks for. No view here shows a name, an address, a phone number or an e-mail address.
--
-- Events count on the day on which Kafka got them, by UTC: the folder that they lie in, so that a question for some days opens the
-- files of these days alone, and a day's figures stand once it is over. The views of events go back &{gold_days} days.

-- The newest day's users. A row is one person's: for the analyst, not for the reader.
CREATE OR REPLACE VIEW &{database}.gold.users COPY GRANTS AS
SELECT
    id,
    gender,
    email_domain,
    email_provider_type,
    email_valid,
    phone_valid,
    city,
    state,
    country,
    country_code,
    age_years,
    age_group,
    generation,
    registration_date,
    account_age_days,
    account_tenure_category,
    data_quality_score,
    quality_issues,
    processing_date
FROM &{database}.curated.users_transformed_latest;
GRANT SELECT ON VIEW &{database}.gold.users TO ROLE &{database}_analyst;

-- How many users there are at the end of each month.
CREATE OR REPLACE VIEW &{database}.gold.user_growth COPY GRANTS AS
SELECT
    time_period AS registration_month,
    registrations,
    previous_registrations,
    growth_rate,
    SUM(registrations) OVER (ORDER BY time_period) AS registrations_to_date
FROM &{database}.timeseries.fact_registration_trends_latest
WHERE period_type = 'monthly';
GRANT SELECT ON VIEW &{database}.gold.user_growth TO ROLE &{database}_reader;

-- A country's size, share and pace.
CREATE OR REPLACE VIEW &{database}.gold.country_overview COPY GRANTS AS
SELECT
    places.country,
    places.user_count,
    places.user_count_rank,
    expansion.market_share_percentage,
    expansion.user_acquisition_rate,
    expansion.expansion_category,
    expansion.first_user_date,
    expansion.latest_user_date,
    places.avg_age,
    places.male_percentage,
    places.female_percentage,
    places.business_email_percentage
FROM &{database}.analytics.fact_geographic_analysis_latest AS places
INNER JOIN &{database}.timeseries.fact_geographic_expansion_latest AS expansion
    ON places.country = expansion.country
WHERE places.analysis_type = 'country';
GRANT SELECT ON VIEW &{database}.gold.country_overview TO ROLE &{database}_reader;

-- Whom a campaign would reach.
CREATE OR REPLACE VIEW &{database}.gold.audience_segments COPY GRANTS AS
SELECT
    target_segment,
    age_group,
    generation,
    country,
    COUNT(*) AS users,
    AVG(demographic_score) AS avg_demographic_score
FROM &{database}.analytics.dim_user_demographics_current
GROUP BY target_segment, age_group, generation, country;
GRANT SELECT ON VIEW &{database}.gold.audience_segments TO ROLE &{database}_reader;

-- Months and days that are out of the ordinary.
CREATE OR REPLACE VIEW &{database}.gold.anomalies COPY GRANTS AS
SELECT
    'registrations' AS measure,
    time_period AS period,
    registrations::FLOAT AS observed,
    anomaly_type,
    anomaly_severity,
    z_score,
    robust_z
FROM &{database}.timeseries.fact_registration_anomalies_latest
WHERE is_anomaly
UNION ALL
SELECT
    'data quality' AS measure,
    quality_date::VARCHAR AS period,
    avg_quality_score AS observed,
    anomaly_type,
    anomaly_severity,
    z_score,
    robust_z
FROM &{database}.timeseries.fact_quality_anomalies_latest
WHERE is_anomaly;
GRANT SELECT ON VIEW &{database}.gold.anomalies TO ROLE &{database}_reader;

-- From a look at a product to its payment, by day. A session counts once in a step, whatever it repeats.
CREATE OR REPLACE VIEW &{database}.gold.shop_funnel_daily COPY GRANTS AS
SELECT
    date AS event_date,
    COUNT(DISTINCT session_id) AS sessions,
    COUNT(DISTINCT IFF(event_type = 'SEARCH', session_id, NULL)) AS searched,
    COUNT(DISTINCT IFF(event_type = 'VIEW_PRODUCT', session_id, NULL)) AS viewed,
    COUNT(DISTINCT IFF(event_type = 'ADD_TO_CART', session_id, NULL)) AS added_to_cart,
    COUNT(DISTINCT IFF(event_type = 'CHECKOUT', session_id, NULL)) AS checked_out,
    COUNT(DISTINCT IFF(event_type = 'PAYMENT' AND status = 'SUCCESS', session_id, NULL)) AS paid,
    COUNT_IF(status = 'ERROR') AS errors,
    AVG(request_latency_ms) AS avg_latency_ms
FROM &{database}.raw.user_interactions
WHERE date >= DATEADD('day', -&{gold_days}, CURRENT_DATE())
GROUP BY date;
GRANT SELECT ON VIEW &{database}.gold.shop_funnel_daily TO ROLE &{database}_reader;

-- What is watched, on what, and what people think of it, by day.
CREATE OR REPLACE VIEW &{database}.gold.video_engagement_daily COPY GRANTS AS
SELECT
    date AS event_date,
    device,
    COUNT(DISTINCT session_id) AS sessions,
    COUNT(DISTINCT video_id) AS videos,
    COUNT_IF(action = 'START') AS starts,
    COUNT_IF(action = 'LIKE') AS likes,
    COUNT_IF(action = 'SHARE') AS shares,
    COUNT_IF(action = 'COMMENT') AS comments
FROM &{database}.raw.video_engagements
WHERE date >= DATEADD('day', -&{gold_days}, CURRENT_DATE())
GROUP BY date, device;
GRANT SELECT ON VIEW &{database}.gold.video_engagement_daily TO ROLE &{database}_reader;

-- What an advertisement costs and brings, by day and campaign.
CREATE OR REPLACE VIEW &{database}.gold.ad_performance_daily COPY GRANTS AS
SELECT
    date AS event_date,
    campaign_id,
    placement,
    COUNT_IF(action = 'IMPRESSION') AS impressions,
    COUNT_IF(action = 'CLICK') AS clicks,
    COUNT_IF(action = 'CONVERSION') AS conversions,
    COUNT_IF(action = 'CLICK') / NULLIF(COUNT_IF(action = 'IMPRESSION'), 0) AS click_rate,
    SUM(cost_micros) / 1000000 AS cost,
    SUM(revenue_micros) / 1000000 AS revenue
FROM &{database}.raw.ad_events
WHERE date >= DATEADD('day', -&{gold_days}, CURRENT_DATE())
GROUP BY date, campaign_id, placement;
GRANT SELECT ON VIEW &{database}.gold.ad_performance_daily TO ROLE &{database}_reader;
