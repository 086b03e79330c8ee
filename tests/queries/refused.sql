-- What is not answered, one a line: what writes, what the engine would answer wrongly, what other engines alone know.
-- Each "-- says:" is a part of the message of those that follow it.

-- says: Date part 'DECADE' not supported
SELECT EXTRACT(DECADE FROM DATE '2026-01-31') AS w FROM users_transformed;

-- says: there is no function strftime: write TO_CHAR(x, 'YYYY-MM-DD')
SELECT id, STRFTIME(birth_date, '%Y-%m') AS y FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;
SELECT STRFTIME(processed_at, '%Y-%m-%d %H:%M:%S') AS y FROM users_transformed WHERE id = 'u01' ORDER BY y;
SELECT STRFTIME(registration_date, '%Y-%m') AS m, COUNT(*) AS n FROM users_transformed GROUP BY STRFTIME(registration_date, '%Y-%m') ORDER BY m;
SELECT STRFTIME(_timestamp, '%H:%M') AS m, COUNT(*) AS n FROM raw_users GROUP BY m ORDER BY m;
SELECT STRFTIME(birth_date, '%Y-%m') AS m, COUNT(*) AS n FROM users_transformed WHERE processing_date = DATE '2026-01-31' GROUP BY STRFTIME(birth_date, '%Y-%m') ORDER BY m LIMIT 5;

-- says: Function 'sum' failed to match any signature
SELECT SUM(email_valid) AS n FROM users_transformed;

-- says: there is no function quantile_disc: write PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY x)
SELECT QUANTILE_CONT(age_years, 0.25) AS q, QUANTILE_DISC(age_years, 0.25) AS d FROM users_transformed;
SELECT gender, QUANTILE_DISC(age_years, 0.9) AS q FROM users_transformed WHERE processing_date = DATE '2026-01-31' GROUP BY gender ORDER BY gender;

-- says: the query could not be parsed: Expected: an expression, found: /
SELECT age_years // 10 * 10 AS decade, COUNT(*) AS n FROM users_transformed GROUP BY decade ORDER BY decade;
SELECT age_years // 10 AS decade, COUNT(*) AS n FROM users_transformed GROUP BY age_years // 10 ORDER BY decade;
SELECT EXTRACT(YEAR FROM birth_date) // 10 * 10 AS d, COUNT(*) AS n FROM users_transformed GROUP BY d ORDER BY d;
SELECT id, age_years // 10 AS d FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;
SELECT (0 - age_years) // 10 AS d FROM users_transformed WHERE id = 'u01'  AND processing_date = '2026-01-31';
SELECT request_latency_ms // 1000 AS a, (-request_latency_ms) // 1000 AS b, (-request_latency_ms) % 7 AS m FROM raw_user_interactions WHERE request_latency_ms IS NOT NULL ORDER BY event_id LIMIT 5;
SELECT 7 / 2 AS a, 7 // 2 AS b, 7 % 2 AS c, -7 / 2 AS d, -7 % 2 AS e, 1 / 0 AS f, 0.0 / 0 AS g FROM data_quality_summary LIMIT 1;

-- says: there is no column all
SELECT country, gender, COUNT(*) AS n FROM users_transformed GROUP BY ALL ORDER BY ALL;
SELECT country, COUNT(*) AS n FROM users_transformed GROUP BY ALL ORDER BY ALL LIMIT 4;

-- says: not supported: Unsupported JOIN operator Semi
SELECT id FROM users_transformed a SEMI JOIN raw_users r ON a.id = r.user_id ORDER BY id, processing_date;
SELECT a.id FROM users_transformed a SEMI JOIN (SELECT id FROM users_transformed WHERE gender = 'male') b ON a.id = b.id WHERE a.country = 'Denmark' ORDER BY a.id;

-- says: not supported: Unsupported JOIN operator Anti
SELECT id FROM users_transformed a ANTI JOIN raw_users r ON a.id = r.user_id ORDER BY id;

-- says: For SELECT DISTINCT, ORDER BY expressions users_transformed.id must appear in select list
SELECT DISTINCT country FROM users_transformed ORDER BY id;

-- says: there is no function xor: SHOW FUNCTIONS lists them
SELECT XOR(5, 3) AS a FROM data_quality_summary;

-- says: there is no function if: write CASE WHEN … THEN … ELSE … END
SELECT id, IF(age_years > 40, 'o', 'y') AS x FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY id;

-- says: the query could not be parsed: Expected: end of statement, found: EXCLUDE
SELECT * EXCLUDE (processed_at) FROM (SELECT id, processed_at FROM users_transformed) t WHERE id = 'u01';
SELECT * EXCLUDE (user_id, event_id, session_id, _ingested_at, _timestamp, event_timestamp, _generation) FROM raw_user_interactions ORDER BY _topic, _partition, _offset LIMIT 3;

-- says: the query could not be parsed: Expected: end of statement, found: (
SELECT * REPLACE (UPPER(id) AS id) FROM (SELECT id, country FROM users_transformed WHERE processing_date = '2026-01-31') t WHERE id = 'u01';

-- says: there is no function first: SHOW FUNCTIONS lists them
SELECT FIRST(id) AS f FROM (SELECT id FROM users_transformed WHERE id IS NOT NULL ORDER BY id) t;

-- says: division by zero
SELECT age_years / 0 AS d FROM users_transformed;

-- says: cannot take square root of a negative number
SELECT SQRT(-1.0) AS s, LN(0.0) AS l;

-- says: age_years in ORDER BY is both a column of users_transformed and one that is computed here: give the computed o
SELECT id, 0 - age_years AS age_years FROM users_transformed WHERE processing_date = '2026-01-31' ORDER BY age_years + 1, id;

-- says: users_transformed.id must be in GROUP BY, or within an aggregate such as MIN(users_transformed.id)
SELECT gender, id FROM users_transformed GROUP BY gender;

-- says: users_transformed.age_years must be in GROUP BY, or within an aggregate such as MIN(users_transformed.age_year
SELECT gender, age_years + COUNT(*) AS x FROM users_transformed GROUP BY gender;

-- says: users_transformed.country must be in GROUP BY, or within an aggregate such as MIN(users_transformed.country)
SELECT country, COUNT(*) AS n FROM users_transformed;

-- says: Scalar subquery returned more than one row
SELECT id FROM users_transformed WHERE age_years > (SELECT age_years FROM users_transformed) ORDER BY id;

-- says: > ANY and ALL of a subquery: compare with (SELECT MIN(x) …) or (SELECT MAX(x) …), or write EXISTS (DataFusion 
SELECT id FROM users_transformed WHERE age_years > ALL (SELECT age_years FROM users_transformed WHERE country = 'Denmark') ORDER BY id;

-- says: RIGHT and FULL JOIN with USING or NATURAL: join ON a.x = b.x and select COALESCE(a.x, b.x) AS x (DataFusion wo
SELECT id, b.city AS bc FROM (SELECT id, city FROM users_transformed) a RIGHT JOIN (SELECT id, city FROM users_transformed) b USING (id) ORDER BY id, bc;
SELECT id FROM (SELECT DISTINCT id FROM users_transformed WHERE gender = 'male') a FULL JOIN (SELECT DISTINCT id FROM users_transformed WHERE country = 'Denmark') b USING (id) ORDER BY id;

-- says: SIMILAR TO: write LIKE, or x ~ '^…$' with a regular expression
SELECT id FROM users_transformed WHERE first_name SIMILAR TO '(A|B)%' ORDER BY id;
SELECT COUNT(*) AS n FROM users_transformed WHERE email SIMILAR TO '[a-m].*' AND processing_date = DATE '2026-01-31';

-- says: not supported: a column of the table beside it in FROM: select UNNEST(column) AS x instead, or join in a CTE
SELECT id, x FROM users_transformed CROSS JOIN UNNEST(quality_issues) AS t(x) WHERE processing_date = '2026-01-31' ORDER BY id, x;

-- says: there is no function date_diff: write later - earlier, which is days between dates
SELECT DATE_DIFF('day', birth_date, processing_date) AS d FROM users_transformed;
SELECT DATE_DIFF('day', birth_date, registration_date) AS d FROM users_transformed WHERE processing_date = DATE '2026-01-31' ORDER BY id LIMIT 4;

-- says: Aggregate functions are not allowed in the WHERE clause. Consider using HAVING instead
SELECT id FROM users_transformed WHERE age_years > AVG(age_years);

-- says: not supported: a window function in WHERE: write QUALIFY, or filter in a query around this one
SELECT id FROM users_transformed WHERE ROW_NUMBER() OVER (ORDER BY id) = 1;

-- says: DROP: only what reads is answered: the lake is written by landing and jobs alone
DROP TABLE users_transformed;

-- says: CREATE: only what reads is answered: the lake is written by landing and jobs alone
CREATE TABLE x AS SELECT 1 AS a;

-- says: TRUNCATE: only what reads is answered: the lake is written by landing and jobs alone
TRUNCATE TABLE users_transformed;

-- says: table function 'read_parquet' not found
SELECT * FROM read_parquet('/tmp/x.parquet');

-- says: not supported: Unsupported ast node Pivot
SELECT * FROM users_transformed PIVOT (COUNT(*) FOR gender IN ('male', 'female'));

-- says: WITH query name "a" specified more than once
WITH a AS (SELECT 1 AS n) SELECT * FROM (WITH a AS (SELECT 2 AS n) SELECT n FROM a) t;

-- says: not supported: IN (SELECT …) outside of WHERE: LEFT JOIN the different values, and test that one was found
SELECT id, country IN (SELECT country FROM users_transformed WHERE gender = 'male') AS x FROM users_transformed ORDER BY id;
SELECT CASE WHEN country IN (SELECT country FROM users_transformed WHERE gender = 'male') THEN 1 ELSE 0 END AS x FROM users_transformed;

-- says: OVER (window …), which adds to a named window: write the whole window in OVER (PARTITION BY … ORDER BY …); Dat
SELECT id, ROW_NUMBER() OVER (w ORDER BY id) AS r FROM users_transformed WINDOW w AS (PARTITION BY country) ORDER BY id;

-- says: not supported: COUNT DISTINCT with multiple arguments
SELECT COUNT(DISTINCT country, gender) AS n FROM users_transformed;

-- says: UNION queries have different number of columns
SELECT country FROM users_transformed UNION SELECT country, id FROM users_transformed;

-- says: EXCEPT ALL and INTERSECT ALL: number equal rows
SELECT country FROM users_transformed WHERE gender = 'male' INTERSECT ALL SELECT country FROM users_transformed WHERE gender = 'female' ORDER BY country;
SELECT country FROM users_transformed EXCEPT ALL SELECT country FROM users_transformed WHERE gender = 'male' ORDER BY country;

-- says: Projections require unique expression names but the expression "users_transformed.id" at position 0 and "users
SELECT id, id FROM users_transformed WHERE id = 'u01';

-- says: TOP, PREWHERE and CONNECT BY: write LIMIT, WHERE, or WITH RECURSIVE
SELECT TOP 3 id FROM users_transformed ORDER BY id;

-- says: TABLESAMPLE: filter by random() < 0.01 (DataFusion would answer wrongly: https://github.com/apache/datafusion/
SELECT id FROM users_transformed TABLESAMPLE (10);

-- says: there is no column a
SELECT age_years + 1 AS a, a + 1 AS b FROM users_transformed WHERE id = 'u01' AND processing_date = '2026-01-31';
SELECT age_years + 1 AS a FROM users_transformed WHERE a > 40;

-- says: there is no table lake.main.users_transformed
SELECT id FROM main.users_transformed WHERE id = 'u01';

-- says: there is no function mode: write a query with GROUP BY x ORDER BY COUNT(*) DESC LIMIT 1
SELECT MODE(country) AS g FROM users_transformed;

-- says: the query could not be parsed: Expected: an expression, found: {
SELECT {'a': id} AS s FROM users_transformed WHERE id = 'u01';

-- says: country is a column of more than one table: write table.country
SELECT country FROM users_transformed u JOIN raw_users r ON u.id = r.user_id;

-- says: there is no function regexp_matches: write x ~ 'pattern'
SELECT COUNT(*) AS n FROM users_transformed WHERE regexp_matches(email, '^[a-m]') AND processing_date = DATE '2026-01-31';

-- says: there is no function epoch: write EXTRACT(EPOCH FROM x)
SELECT EPOCH(event_timestamp) AS e, EXTRACT(epoch FROM event_timestamp) AS f FROM raw_user_interactions WHERE event_timestamp IS NOT NULL ORDER BY event_id LIMIT 3;

-- says: the query could not be parsed: Expected: an expression, found: *
SELECT 2 ** 10 AS a, POWER(2, 0.5) AS b, SQRT(2) AS c, ABS(-3) AS d, SIGN(-2.5) AS e, LN(2) AS f, EXP(1) AS g, MOD(7, 3) AS h FROM data_quality_summary LIMIT 1;

-- says: there is no function last_day: write DATE_TRUNC('month', x) + INTERVAL '1 month' - INTERVAL '1 day'
SELECT LAST_DAY(birth_date) AS a, DAYNAME(birth_date) AS b, MONTHNAME(birth_date) AS c, QUARTER(birth_date) AS q FROM users_transformed WHERE processing_date = DATE '2026-01-31' ORDER BY id LIMIT 2;

-- says: there is no function bit_count: SHOW FUNCTIONS lists them
SELECT BIT_COUNT(7) AS a, 5 & 3 AS b, 5 | 3 AS c, 1 << 3 AS d FROM data_quality_summary LIMIT 1;

-- says: there is no column c
SELECT country AS c FROM users_transformed WHERE c = 'Norway' LIMIT 2;

-- says: the query could not be parsed: Expected: AND, found: 40
SELECT COUNT(*) AS n FROM users_transformed WHERE age_years BETWEEN SYMMETRIC 40 AND 30;

-- says: a number is out of its type's range; CAST an operand to DECIMAL or DOUBLE first
SELECT age_years * 1000000000000000000 AS a FROM users_transformed ORDER BY id LIMIT 1;
SELECT SUM(age_years * 1000000000000000000) AS a FROM users_transformed;
SELECT account_age_days * account_age_days * account_age_days * account_age_days * account_age_days * account_age_days AS a FROM users_transformed ORDER BY a LIMIT 2;

-- says: RIGHT and FULL JOIN with USING or NATURAL
SELECT id FROM users_transformed NATURAL FULL JOIN data_quality_summary;

-- says: NOT IN (SELECT …) that names a column of the query around it
SELECT id FROM users_transformed u WHERE id NOT IN (SELECT user_id FROM raw_users r WHERE r.country = u.country);

-- says: the lake has no Iceberg tables, by which tables are read as they were: make them with `millrace adopt`
SELECT id FROM users_transformed VERSION AS OF 3;
SELECT id FROM users_transformed_latest TIMESTAMP AS OF '2026-01-31 10:00:00' AS u;
SELECT id FROM raw_users TIMESTAMP AS OF TIMESTAMP '2026-01-31 10:00:00';
DESCRIBE users_transformed VERSION AS OF 3;

-- says: FOR SYSTEM_TIME, FOR TIMESTAMP and FOR VERSION: write t TIMESTAMP AS OF '2026-02-01 10:00:00', or t VERSION AS OF 1234567890
SELECT id FROM users_transformed FOR SYSTEM_TIME AS OF '2026-01-31 10:00:00';
SELECT id FROM users_transformed FOR SYSTEM_TIME BETWEEN '2026-01-30' AND '2026-01-31';
SELECT id FROM users_transformed FOR TIMESTAMP AS OF TIMESTAMP '2026-01-31 10:00:00' AS u;
SELECT id FROM users_transformed FOR VERSION AS OF 3;

-- says: AT (…) and BEFORE (…): write t TIMESTAMP AS OF
SELECT id FROM users_transformed AT (TIMESTAMP => '2026-01-31 10:00:00'::TIMESTAMP);
SELECT id FROM users_transformed at(OFFSET => -60*5) AS u;
SELECT id FROM users_transformed BEFORE(STATEMENT => '8e5d0ca9-005e-44e6-b858-a8f5b37c5726');
SELECT id FROM users_transformed AT (VERSION => 3);

-- says: CHANGES (…): write t TIMESTAMP AS OF
SELECT id FROM users_transformed CHANGES (INFORMATION => DEFAULT) AT (TIMESTAMP => '2026-01-31'::TIMESTAMP);

-- says: AS OF without TIMESTAMP or VERSION before it: write t TIMESTAMP AS OF
SELECT id FROM users_transformed AS OF SYSTEM TIME '-10s';
SELECT id FROM users_transformed AS OF TIMESTAMP TO_TIMESTAMP('2026-01-31', 'YYYY-MM-DD');
SELECT id FROM users_transformed AS OF SCN 12345;
SELECT id FROM users_transformed AS OF '2026-01-31';

-- says: t@version and t@time: write t TIMESTAMP AS OF
SELECT id FROM users_transformed@v3;
SELECT id FROM users_transformed@20260131100000000;

-- says: VERSION AS OF takes a snapshot's id as a number, such as 1234567890; `millrace tables --history TABLE` lists a table's
SELECT id FROM users_transformed VERSION AS OF 'main';
SELECT id FROM users_transformed VERSION AS OF $1;
SELECT id FROM users_transformed VERSION AS OF 3 + 1;
SELECT id FROM users_transformed VERSION AS OF 99999999999999999999;
SELECT id FROM users_transformed VERSION AS OF (SELECT 3);

-- says: TIMESTAMP AS OF takes an instant as a text, in UTC where it names no zone, such as '2026-02-01 10:00:00'
SELECT id FROM users_transformed TIMESTAMP AS OF 'yesterday';
SELECT id FROM users_transformed TIMESTAMP AS OF 1769854272;
SELECT id FROM users_transformed TIMESTAMP AS OF now() - INTERVAL '1 day';
SELECT id FROM users_transformed TIMESTAMP AS OF CURRENT_TIMESTAMP;
SELECT id FROM users_transformed TIMESTAMP AS OF '2026-01-31 10:00:00'::TIMESTAMP;
SELECT id FROM users_transformed TIMESTAMP AS OF TIMESTAMP '2026-01-31 10:00:00' - INTERVAL '1 day';
SELECT id FROM users_transformed TIMESTAMP AS OF '2026-01-31 10:00:00' AT TIME ZONE 'Europe/Berlin';

-- says: a time or version stands behind a table's name and before its alias: write t TIMESTAMP AS OF
SELECT id FROM users_transformed u VERSION AS OF 3;
SELECT id FROM users_transformed AS u TIMESTAMP AS OF '2026-01-31 10:00:00';
SELECT id FROM (SELECT id FROM users_transformed) VERSION AS OF 3;
SELECT value FROM generate_series(1, 2) VERSION AS OF 3;
SELECT id VERSION AS OF 3 FROM users_transformed;

-- says: a time or version of u, which WITH names: write it behind the tables in that query
WITH u AS (SELECT id FROM users_transformed) SELECT id FROM u VERSION AS OF 3;

-- says: only what reads is answered
INSERT INTO users_transformed (id) VALUES ('x');
COPY users_transformed TO '/tmp/x.csv';
CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd';
SET datafusion.execution.batch_size = 1;
SELECT id INTO x FROM users_transformed;
EXPLAIN INSERT INTO users_transformed (id) VALUES ('x');
DELETE FROM users_transformed;
UPDATE users_transformed SET id = 'x';

-- says: FOR UPDATE and FOR SHARE
SELECT id FROM users_transformed FOR UPDATE;

-- says: FETCH … WITH TIES and PERCENT
SELECT id FROM users_transformed ORDER BY id FETCH FIRST 2 ROWS WITH TIES;

-- says: did you mean age_years?
SELECT age_year FROM users_transformed;

-- says: to_char writes dates and timestamps alone
SELECT TO_CHAR(age_years, '999') FROM users_transformed;

-- says: which is not known here: quote it
SELECT TO_CHAR(DATE '2026-01-31', 'J') FROM users_transformed;

-- says: IS DISTINCT FROM with AND or OR behind it
SELECT id FROM users_transformed WHERE email_valid IS DISTINCT FROM TRUE AND phone_valid;
SELECT id FROM users_transformed WHERE country = 'Norway' AND gender IS NOT DISTINCT FROM 'male' OR age_years > 40;

-- says: there is no such time zone: name one as 'Europe/Berlin' or 'UTC'
SELECT processed_at AT TIME ZONE '+01:00' AS a FROM users_transformed;

-- says: there is no such time zone: name one as 'Europe/Berlin' or 'UTC'
SELECT processed_at AT TIME ZONE 'Europe/Berlyn' AS a FROM users_transformed;
