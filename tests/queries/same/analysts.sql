-- Grouping sets, percentiles, QUALIFY, rows in subqueries, intervals, recursion.

SELECT country, COUNT(*) AS n, RANK() OVER (ORDER BY COUNT(*) DESC) AS r FROM users_transformed GROUP BY country ORDER BY r, country;
SELECT country, gender, COUNT(*) AS users, GROUPING(country) AS a, GROUPING(gender) AS b FROM users_transformed WHERE processing_date = DATE '2026-01-31' GROUP BY ROLLUP (country, gender) ORDER BY a, b, country, gender;
SELECT country, gender, COUNT(*) AS n FROM users_transformed GROUP BY GROUPING SETS ((country), (gender), ()) ORDER BY country, gender, n;
SELECT status, ARRAY_AGG(DISTINCT event_type ORDER BY event_type) AS t FROM raw_user_interactions GROUP BY status ORDER BY status;
SELECT event_type, percentile_cont(0.1) WITHIN GROUP (ORDER BY request_latency_ms) AS a, percentile_cont(0.99) WITHIN GROUP (ORDER BY request_latency_ms) AS b, MEDIAN(request_latency_ms) AS c FROM raw_user_interactions GROUP BY event_type ORDER BY event_type;
SELECT id, age_years FROM users_transformed QUALIFY ROW_NUMBER() OVER (PARTITION BY country ORDER BY age_years DESC, id) = 1 ORDER BY id;
SELECT DISTINCT ON (country) country, id FROM users_transformed WHERE id IS NOT NULL ORDER BY country, id;
SELECT id FROM users_transformed WHERE (country, gender) IN (SELECT country, gender FROM users_transformed WHERE age_years > 60) ORDER BY id;
SELECT YEAR(birth_date) AS y, MONTH(birth_date) AS m, DAY(birth_date) AS d, QUARTER(birth_date) AS q FROM users_transformed WHERE id = 'u01' AND processing_date = DATE '2026-01-31';
SELECT HOUR(event_timestamp) AS h, COUNT(*) AS n FROM raw_user_interactions GROUP BY 1 ORDER BY 1;
SELECT birth_date + INTERVAL '1 month' AS a, birth_date - INTERVAL '36 hours' AS b FROM users_transformed WHERE processing_date = DATE '2026-01-31' ORDER BY id;
SELECT UNNEST(quality_issues) AS issue, COUNT(*) AS n FROM users_transformed GROUP BY 1 ORDER BY 1;
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 20) SELECT SUM(n) AS s FROM t;
SELECT date_trunc('day', event_timestamp) AS d, COUNT(*) FILTER (WHERE status = 'ERROR') * 1.0 / COUNT(*) AS share FROM raw_user_interactions GROUP BY 1 ORDER BY 1;
SELECT user_id, event_id, event_timestamp - LAG(event_timestamp) OVER (PARTITION BY user_id ORDER BY event_timestamp, event_id) AS gap FROM raw_user_interactions WHERE event_timestamp IS NOT NULL ORDER BY user_id, event_id LIMIT 50;
SELECT SUM(cost_micros) AS c, MIN(cost_micros) AS lo, MAX(cost_micros) AS hi, AVG(cost_micros) AS a FROM raw_ad_events WHERE action = 'CLICK';
SELECT campaign_id, SUM(revenue_micros) AS r, SUM(SUM(revenue_micros)) OVER (ORDER BY campaign_id) AS running FROM raw_ad_events GROUP BY campaign_id ORDER BY campaign_id;
SELECT MAX(event_timestamp) - MIN(event_timestamp) AS span FROM raw_user_interactions;
SELECT id FROM users_transformed WHERE (country IS DISTINCT FROM 'Norway') AND gender = 'male' OR (city IS NOT DISTINCT FROM NULL) ORDER BY id, processing_date;
