-- The newest day of a table. One query a line; each is answered as DuckDB answers it.

SELECT COUNT(*) AS n, COUNT(DISTINCT processing_date) AS days, MIN(data_quality_score) AS least FROM users_transformed_latest;
SELECT country, COUNT(*) AS users FROM users_transformed_latest GROUP BY country ORDER BY users DESC, country LIMIT 5;
SELECT id FROM users_transformed_latest WHERE processing_date < DATE '2026-01-31' ORDER BY id;
SELECT a.id, b.processing_date FROM users_transformed_latest AS a JOIN users_transformed AS b ON a.id = b.id ORDER BY a.id, b.processing_date;
SELECT total_records, avg_quality_score FROM data_quality_summary_latest;
WITH newest AS (SELECT country FROM users_transformed_latest) SELECT COUNT(*) AS n FROM newest WHERE country = 'Denmark';
