-- An analyst's first day: percentiles, rollups, subqueries, running totals.

SELECT date_trunc('month', registration_date) AS month, COUNT(*) AS users FROM users_transformed WHERE processing_date = DATE '2026-01-31' GROUP BY 1 ORDER BY 1;
SELECT date_trunc('hour', event_timestamp) AS hour, COUNT(*) AS events FROM raw_user_interactions GROUP BY 1 ORDER BY 1;
SELECT time_period, registrations, AVG(registrations) OVER (ORDER BY time_period ROWS 2 PRECEDING) AS ma3 FROM fact_registration_trends WHERE period_type = 'monthly' AND processing_date = DATE '2026-01-31' ORDER BY time_period;
SELECT time_period, SUM(registrations) OVER (ORDER BY time_period) AS total FROM fact_registration_trends WHERE period_type = 'monthly' AND processing_date = DATE '2026-01-31' ORDER BY time_period;
SELECT event_type, percentile_cont(0.95) WITHIN GROUP (ORDER BY request_latency_ms) AS p95 FROM raw_user_interactions GROUP BY event_type ORDER BY event_type;
SELECT status, MEDIAN(request_latency_ms) AS med, COUNT(*) AS n FROM raw_user_interactions GROUP BY status ORDER BY status;
SELECT country, COUNT(*) AS users FROM users_transformed WHERE processing_date = (SELECT MAX(processing_date) FROM users_transformed) GROUP BY country ORDER BY users DESC, country LIMIT 5;
SELECT u.id FROM users_transformed u WHERE u.processing_date = DATE '2026-01-31' AND (SELECT COUNT(*) FROM raw_user_interactions i WHERE i.user_id = u.id) > 10 ORDER BY u.id;
SELECT COUNT(*) AS n FROM users_transformed u WHERE u.processing_date = DATE '2026-01-31' AND NOT EXISTS (SELECT 1 FROM raw_ad_events a WHERE a.user_id = u.id AND a.action = 'CLICK');
SELECT user_id FROM raw_video_engagements EXCEPT SELECT user_id FROM raw_ad_events ORDER BY user_id;
SELECT COUNT(*) AS n FROM users_transformed WHERE processing_date = DATE '2026-01-31' AND registration_date >= processing_date - INTERVAL '365 days';
