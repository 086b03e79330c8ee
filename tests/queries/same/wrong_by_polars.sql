-- What Polars' SQL answered wrongly in silence: sums of literals, products that wrap, empty groups.

SELECT SUM(1) AS n FROM users_transformed;
SELECT SUM(1) AS n, COUNT(*) AS c FROM users_transformed;
SELECT country, SUM(1) AS n FROM users_transformed GROUP BY country ORDER BY n DESC, country LIMIT 3;
SELECT gender, SUM(1) AS n, COUNT(*) AS c, AVG(age_years) AS a FROM users_transformed GROUP BY gender ORDER BY gender;
SELECT gender, SUM(2.5) AS n FROM users_transformed GROUP BY gender ORDER BY gender;
SELECT SUM(1 + 0) AS n FROM users_transformed;
SELECT SUM(CASE WHEN TRUE THEN 1 END) AS n FROM users_transformed;
SELECT SUM(1) AS n FROM users_transformed WHERE gender = 'male';
SELECT SUM(1) AS n FROM users_transformed WHERE 1 = 0;
SELECT SUM(1) FILTER (WHERE gender = 'male') AS n FROM users_transformed;
SELECT COUNT('x') AS n, COUNT(2) AS m FROM users_transformed WHERE gender = 'male';
SELECT gender, COUNT(1) AS n FROM users_transformed GROUP BY gender ORDER BY gender;
SELECT AVG(5) AS a, MIN(5) AS b, STDDEV(5) AS c FROM users_transformed;
SELECT SUM(1.0) / COUNT(*) AS a FROM users_transformed;
SELECT SUM(1) * 100.0 / COUNT(*) AS a FROM users_transformed;
SELECT gender, SUM(1) * 100.0 / 108 AS a FROM users_transformed GROUP BY gender ORDER BY gender;
SELECT SUM(CAST(1 AS BIGINT)) AS n FROM users_transformed;
SELECT SUM(1) OVER () AS n FROM users_transformed ORDER BY id LIMIT 1;
SELECT SUM(x) AS n FROM (SELECT 1 AS x FROM users_transformed) t;
SELECT MAX(DATE '2026-01-01') AS n FROM users_transformed WHERE 1 = 0;
SELECT COUNT(*) AS n, MIN('none') AS b FROM users_transformed WHERE country = 'Atlantis';
SELECT SUM(request_latency_ms) AS a FROM raw_user_interactions;
SELECT position_ms * 1000000 AS ns FROM raw_video_engagements WHERE position_ms IS NOT NULL ORDER BY position_ms DESC, event_id LIMIT 2;
SELECT product_id * 1000000 AS a FROM raw_user_interactions WHERE product_id IS NOT NULL ORDER BY product_id DESC, event_id LIMIT 2;
