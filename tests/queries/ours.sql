-- What neither DuckDB nor PostgreSQL answers as we do, each with our answer and the words of docs/sql.md that tell of it.

-- docs: `SUM` of `bigint` is a `bigint`
-- answer: [[6039625, 6]]
SELECT SUM(cost_micros) AS c, SUM(cost_micros) / 1000000 AS q FROM raw_ad_events;

-- docs: `UPPER('ß')` is `SS`
-- answer: [["SS"]]
SELECT UPPER('ß') AS u;

-- docs: a literal without a fraction is a `bigint`
-- answer: [[3010000000]]
SELECT request_latency_ms * 10000000 AS a FROM raw_user_interactions WHERE request_latency_ms = 301;

-- docs: floats as texts
-- answer: [["1e20", "0.1", "100.0"]]
SELECT CAST(1e20 AS VARCHAR) AS a, CAST(CAST(0.1 AS DOUBLE PRECISION) AS VARCHAR) AS b, CAST(CAST(100 AS DOUBLE PRECISION) AS VARCHAR) AS c;
