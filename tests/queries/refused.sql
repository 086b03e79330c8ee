-- Queries that Polars would answer otherwise than the standard, or not at all: refused before they run, one a line.
-- Each "-- says:" is part of the message of those that follow it.

-- says: a window function beside GROUP BY or an aggregate
SELECT country, COUNT(*) AS n, RANK() OVER (ORDER BY COUNT(*) DESC) AS r FROM users_transformed GROUP BY country;
SELECT country, COUNT(*) AS n, SUM(COUNT(*)) OVER () AS total FROM users_transformed GROUP BY country;
SELECT country, COUNT(*) AS n, ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC, country) AS r FROM users_transformed GROUP BY country;

-- says: ORDER BY in OVER with mixed directions
SELECT id, RANK() OVER (ORDER BY country, age_group DESC) AS r FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;
SELECT * FROM (SELECT id, country, ROW_NUMBER() OVER (PARTITION BY country ORDER BY age_years DESC NULLS LAST, id) AS r FROM users_transformed WHERE processing_date = '2026-01-31') t WHERE r = 1 ORDER BY country, id;
SELECT id, ROW_NUMBER() OVER (PARTITION BY gender ORDER BY country DESC, id ASC) AS r FROM users_transformed WHERE processing_date = '2026-01-31' AND country IS NOT NULL ORDER BY id;

-- says: NTILE
SELECT id, NTILE(3) OVER (ORDER BY id) AS q FROM users_transformed ORDER BY id;

-- says: PERCENT_RANK
SELECT id, PERCENT_RANK() OVER (ORDER BY id) AS q FROM users_transformed ORDER BY id;

-- says: CUME_DIST
SELECT id, CUME_DIST() OVER (ORDER BY id) AS q FROM users_transformed ORDER BY id;

-- says: LAST_VALUE
SELECT id, LAST_VALUE(id) OVER (PARTITION BY country ORDER BY age_years DESC) AS p FROM users_transformed WHERE processing_date = '2026-01-31' AND age_years IS NOT NULL ORDER BY id;
SELECT id, LAST_VALUE(id) OVER (PARTITION BY country ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS p FROM users_transformed WHERE processing_date = '2026-01-31' AND id IS NOT NULL ORDER BY id;

-- says: SUM() OVER (ORDER BY …) without ROWS
SELECT id, SUM(age_years) OVER (ORDER BY id) AS s FROM users_transformed WHERE processing_date = '2026-01-31' AND id IS NOT NULL ORDER BY id;
SELECT id, SUM(age_years) OVER (ORDER BY age_group) AS s FROM users_transformed WHERE processing_date = '2026-01-31' AND id IS NOT NULL ORDER BY id;
SELECT id, SUM(age_years) OVER (ORDER BY age_years RANGE BETWEEN 5 PRECEDING AND CURRENT ROW) AS s FROM users_transformed WHERE processing_date = '2026-01-31' AND age_years IS NOT NULL ORDER BY id;

-- says: COUNT() OVER (ORDER BY …) without ROWS
SELECT id, COUNT(*) OVER (PARTITION BY gender ORDER BY id) AS s FROM users_transformed WHERE processing_date = '2026-01-31' AND id IS NOT NULL ORDER BY id;
SELECT id, COUNT(age_years) OVER (ORDER BY id) AS s FROM users_transformed WHERE processing_date = '2026-01-31' AND id IS NOT NULL ORDER BY id;

-- says: AVG() OVER (… ORDER BY …)
SELECT id, AVG(account_age_days) OVER (ORDER BY id) AS s FROM users_transformed WHERE processing_date = '2026-01-31' AND id IS NOT NULL ORDER BY id;
SELECT id, AVG(age_years) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS s FROM users_transformed WHERE processing_date = '2026-01-31' AND id IS NOT NULL ORDER BY id;

-- says: MIN() OVER (ORDER BY …) without ROWS
SELECT id, MIN(age_years) OVER (ORDER BY id) AS s FROM users_transformed WHERE processing_date = '2026-01-31' AND id IS NOT NULL ORDER BY id;

-- says: MAX() OVER (ORDER BY …) without ROWS
SELECT id, MAX(age_years) OVER (ORDER BY id DESC) AS s FROM users_transformed WHERE processing_date = '2026-01-31' AND id IS NOT NULL ORDER BY id;

-- says: ORDER BY age_years + 1, where age_years is a column and another expression's name
SELECT id, 0 - age_years AS age_years FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY age_years + 1, id;

-- says: gender is neither a GROUP BY key nor inside an aggregate
SELECT LENGTH(gender) * 2 AS l, COUNT(*) AS n FROM users_transformed GROUP BY LENGTH(gender) ORDER BY l;

-- says: id is neither a GROUP BY key nor inside an aggregate
SELECT gender, id FROM users_transformed GROUP BY gender;

-- says: age_years is neither a GROUP BY key nor inside an aggregate
SELECT gender, age_years + COUNT(*) AS x FROM users_transformed GROUP BY gender;

-- says: ORDER BY COUNT(*), which is not selected
SELECT country FROM users_transformed GROUP BY country ORDER BY COUNT(*) DESC, country;

-- says: ORDER BY MAX(age_years), which is not selected
SELECT country, COUNT(*) AS n FROM users_transformed GROUP BY country ORDER BY MAX(age_years) DESC NULLS LAST, country;

-- says: country is neither a GROUP BY key nor inside an aggregate
SELECT country, COUNT(*) AS n FROM users_transformed;

-- says: HAVING reads country outside an aggregate
SELECT country, COUNT(*) AS n FROM users_transformed GROUP BY country HAVING country LIKE 'D%' ORDER BY country;

-- says: HAVING without GROUP BY
SELECT COUNT(*) AS n FROM users_transformed HAVING COUNT(*) > 2;

-- says: a subquery as a value
SELECT country, COUNT(*) AS n FROM users_transformed GROUP BY country HAVING COUNT(*) > (SELECT COUNT(*) FROM data_quality_summary) ORDER BY country;
SELECT id FROM users_transformed WHERE age_years > (SELECT AVG(age_years) FROM users_transformed) ORDER BY id;
SELECT id, (SELECT MAX(age_years) FROM users_transformed) AS m FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;
SELECT id, age_years - (SELECT MIN(age_years) FROM users_transformed) AS m FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;
SELECT id, (SELECT COUNT(*) FROM raw_users r WHERE r.user_id = u.id) AS n FROM users_transformed u WHERE processing_date = '2026-01-31' ORDER BY id;
SELECT id FROM users_transformed u WHERE age_years > (SELECT AVG(age_years) FROM users_transformed v WHERE v.country = u.country) ORDER BY id;
SELECT id FROM users_transformed WHERE age_years > (SELECT age_years FROM users_transformed) ORDER BY id;
SELECT id, (SELECT age_years FROM users_transformed WHERE id = 'zzz') AS m FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;
SELECT id FROM users_transformed WHERE processing_date = (SELECT MAX(processing_date) FROM users_transformed) ORDER BY id;
SELECT id FROM users_transformed WHERE age_years > ALL (SELECT age_years FROM users_transformed WHERE country = 'Denmark') ORDER BY id;
SELECT id FROM users_transformed WHERE country = ANY (SELECT country FROM users_transformed WHERE gender = 'unknown') ORDER BY id;

-- says: ROLLUP (country, gender)
SELECT country, gender, COUNT(*) AS n FROM users_transformed GROUP BY ROLLUP (country, gender);

-- says: CUBE (country, gender)
SELECT country, gender, COUNT(*) AS n FROM users_transformed GROUP BY CUBE (country, gender);

-- says: GROUPING SETS ((country), (gender))
SELECT country, gender, COUNT(*) AS n FROM users_transformed GROUP BY GROUPING SETS ((country), (gender));

-- says: IN over columns
SELECT id FROM users_transformed WHERE 'Olsen' IN (first_name, last_name) ORDER BY id;

-- says: a row of values
SELECT id FROM users_transformed WHERE (country, gender) IN (('Denmark', 'male')) ORDER BY id;

-- says: EXISTS
SELECT id FROM users_transformed u WHERE EXISTS (SELECT 1 FROM raw_users r WHERE r.user_id = u.id) ORDER BY id, processing_date;
SELECT id FROM users_transformed u WHERE NOT EXISTS (SELECT 1 FROM raw_users r WHERE r.user_id = u.id) ORDER BY id;
SELECT id FROM users_transformed WHERE EXISTS (SELECT 1 FROM data_quality_summary) ORDER BY id, processing_date;
SELECT id FROM users_transformed WHERE EXISTS (SELECT 1 FROM data_quality_summary WHERE total_records < 0) ORDER BY id;

-- says: the condition u.processing_date = '2026-01-30' in ON of an outer, semi or anti join
SELECT r.user_id, u.age_years FROM raw_users r LEFT JOIN users_transformed u ON u.id = r.user_id AND u.processing_date = '2026-01-30' ORDER BY r.user_id, u.age_years;

-- says: the condition u.gender = 'male' in ON of an outer, semi or anti join
SELECT u.id, r._offset FROM users_transformed u LEFT JOIN raw_users r ON u.id = r.user_id AND u.gender = 'male' WHERE u.processing_date = '2026-01-31' ORDER BY u.id, r._offset;

-- says: the condition u.country = 'Denmark' in ON of an outer, semi or anti join
SELECT u.id, r.user_id FROM users_transformed u RIGHT JOIN raw_users r ON u.id = r.user_id AND u.country = 'Denmark' ORDER BY u.id, r.user_id, r._offset;

-- says: RIGHT and FULL JOIN … USING
SELECT id, b.city AS bc FROM (SELECT id, city FROM users_transformed) a RIGHT JOIN (SELECT id, city FROM users_transformed) b USING (id) ORDER BY id, bc;
SELECT id FROM (SELECT DISTINCT id FROM users_transformed WHERE gender = 'male') a FULL JOIN (SELECT DISTINCT id FROM users_transformed WHERE country = 'Denmark') b USING (id) ORDER BY id;

-- says: SELECT * over JOIN … USING
SELECT * FROM (SELECT id, country FROM users_transformed WHERE gender = 'male') a JOIN (SELECT id, city FROM users_transformed) b USING (id) ORDER BY id, city;

-- says: a join without an equality of columns
SELECT COUNT(*) AS n FROM users_transformed a JOIN users_transformed b ON a.age_years < b.age_years;
SELECT COUNT(*) AS n FROM users_transformed a JOIN users_transformed b ON a.id = b.id OR a.country = b.country;

-- says: the condition b.total_records > 50 in ON of an outer, semi or anti join
SELECT a.id, b.total_records FROM users_transformed a LEFT JOIN data_quality_summary b ON a.processing_date = b.processing_date AND b.total_records > 50 ORDER BY a.id, a.processing_date;

-- says: NATURAL JOIN
SELECT COUNT(*) AS n FROM users_transformed a NATURAL JOIN data_quality_summary b;

-- says: SIMILAR TO
SELECT id FROM users_transformed WHERE first_name SIMILAR TO '(A|B)%' ORDER BY id;

-- says: SUBSTR from 0
SELECT SUBSTR(first_name, 0, 3) AS x FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;

-- says: SUBSTR from -2
SELECT SUBSTR(first_name, -2) AS x FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;

-- says: STRPOS and POSITION, which count bytes
SELECT id, STRPOS(email, '@') AS x, POSITION('@' IN email) AS y FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;
SELECT id, STRPOS(first_name, 'e') AS x FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;

-- says: UNNEST without a guard against empty lists
SELECT id, UNNEST(quality_issues) AS x FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id, x;
WITH i AS (SELECT UNNEST(quality_issues) AS issue FROM users_transformed WHERE processing_date = '2026-01-31') SELECT issue, COUNT(*) AS n FROM i GROUP BY issue ORDER BY issue;

-- says: UNNEST in FROM
SELECT id, x FROM users_transformed CROSS JOIN UNNEST(quality_issues) AS t(x) WHERE processing_date = '2026-01-31' ORDER BY id, x;

-- says: YEAR()
SELECT YEAR(birth_date) AS y FROM users_transformed;

-- says: DATE_TRUNC
SELECT DATE_TRUNC('month', processed_at) AS y FROM users_transformed;

-- says: CURRENT_DATE
SELECT CURRENT_DATE AS d FROM data_quality_summary;

-- says: NOW
SELECT NOW() AS d FROM data_quality_summary;

-- says: DATE() of a column
SELECT DATE(processed_at) AS d FROM users_transformed WHERE id = 'u01' ORDER BY d;

-- says: DATE_DIFF
SELECT DATE_DIFF('day', birth_date, processing_date) AS d FROM users_transformed;

-- says: the CTE users_transformed has the name of a table of the lake
WITH users_transformed AS (SELECT 1 AS id) SELECT id FROM users_transformed;

-- says: LOG of two arguments
SELECT LOG(2, 8) AS a FROM data_quality_summary;

-- says: an aggregate in WHERE
SELECT id FROM users_transformed WHERE age_years > AVG(age_years);

-- says: a window function in WHERE
SELECT id FROM users_transformed WHERE ROW_NUMBER() OVER (ORDER BY id) = 1;

-- says: ORDER BY id after another column in OVER
SELECT id, ROW_NUMBER() OVER (ORDER BY age_years NULLS FIRST, id) AS r FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;
SELECT id, ROW_NUMBER() OVER (PARTITION BY gender ORDER BY age_years DESC, id DESC) AS r FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;
SELECT id, FIRST_VALUE(id) OVER (PARTITION BY country ORDER BY age_years DESC, id DESC) AS p FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;

-- says: only queries are answered here
DROP TABLE users_transformed;
CREATE TABLE x AS SELECT 1 AS a;
TRUNCATE TABLE users_transformed;

-- says: the table function
SELECT * FROM read_parquet('/tmp/x.parquet');

-- says: PIVOT and UNPIVOT
SELECT * FROM users_transformed PIVOT (COUNT(*) FOR gender IN ('male', 'female'));

-- says: the name a for two CTEs
WITH a AS (SELECT 1 AS n) SELECT * FROM (WITH a AS (SELECT 2 AS n) SELECT n FROM a) t;

-- says: IN (SELECT …) outside WHERE
SELECT id, country IN (SELECT country FROM users_transformed WHERE gender = 'male') AS x FROM users_transformed ORDER BY id;
SELECT CASE WHEN country IN (SELECT country FROM users_transformed WHERE gender = 'male') THEN 1 ELSE 0 END AS x FROM users_transformed;

-- says: the alias raw_users has the name of a table
SELECT raw_users.id FROM users_transformed AS raw_users;

-- says: ORDER BY in OVER by an expression
SELECT id, ROW_NUMBER() OVER (ORDER BY LENGTH(id), id NULLS FIRST) AS r FROM users_transformed ORDER BY id;
SELECT id, ROW_NUMBER() OVER (ORDER BY CASE WHEN id = 'u01' THEN 0 ELSE 1 END) AS r FROM users_transformed ORDER BY id;

-- says: RANK() with NULLS FIRST
SELECT id, RANK() OVER (ORDER BY age_years NULLS FIRST) AS r FROM users_transformed ORDER BY id;

-- says: RANK() over more or fewer than one ORDER BY column
SELECT id, RANK() OVER (ORDER BY country, id NULLS FIRST) AS r FROM users_transformed ORDER BY id;

-- says: a window that builds on another
SELECT id, ROW_NUMBER() OVER (w ORDER BY id) AS r FROM users_transformed WINDOW w AS (PARTITION BY country) ORDER BY id;

-- says: several statements at once
SELECT 1; SELECT 2;
