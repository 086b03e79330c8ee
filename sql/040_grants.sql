-- The rights of the reader and the loader. ALL names what is there, FUTURE what later scripts add.
-- An external table is read through SELECT alone: only its owner refreshes it.

GRANT USAGE ON WAREHOUSE &{warehouse} TO ROLE &{database}_reader;
GRANT USAGE ON DATABASE &{database} TO ROLE &{database}_reader;

GRANT USAGE ON SCHEMA &{database}.analytics TO ROLE &{database}_reader;
GRANT SELECT ON ALL EXTERNAL TABLES IN SCHEMA &{database}.analytics TO ROLE &{database}_reader;
GRANT SELECT ON ALL VIEWS IN SCHEMA &{database}.analytics TO ROLE &{database}_reader;
GRANT SELECT ON FUTURE EXTERNAL TABLES IN SCHEMA &{database}.analytics TO ROLE &{database}_reader;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA &{database}.analytics TO ROLE &{database}_reader;

GRANT USAGE ON SCHEMA &{database}.timeseries TO ROLE &{database}_reader;
GRANT SELECT ON ALL EXTERNAL TABLES IN SCHEMA &{database}.timeseries TO ROLE &{database}_reader;
GRANT SELECT ON ALL VIEWS IN SCHEMA &{database}.timeseries TO ROLE &{database}_reader;
GRANT SELECT ON FUTURE EXTERNAL TABLES IN SCHEMA &{database}.timeseries TO ROLE &{database}_reader;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA &{database}.timeseries TO ROLE &{database}_reader;

GRANT USAGE ON SCHEMA &{database}.gold TO ROLE &{database}_reader;
GRANT SELECT ON ALL VIEWS IN SCHEMA &{database}.gold TO ROLE &{database}_reader;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA &{database}.gold TO ROLE &{database}_reader;

GRANT USAGE ON SCHEMA &{database}.operations TO ROLE &{database}_reader;
GRANT SELECT ON ALL VIEWS IN SCHEMA &{database}.operations TO ROLE &{database}_reader;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA &{database}.operations TO ROLE &{database}_reader;
GRANT SELECT ON TABLE &{database}.operations.data_quality_results TO ROLE &{database}_reader;

-- The loader has the reader's rights already.
GRANT USAGE ON SCHEMA &{database}.raw TO ROLE &{database}_loader;
GRANT SELECT ON ALL EXTERNAL TABLES IN SCHEMA &{database}.raw TO ROLE &{database}_loader;
GRANT SELECT ON ALL VIEWS IN SCHEMA &{database}.raw TO ROLE &{database}_loader;
GRANT SELECT ON FUTURE EXTERNAL TABLES IN SCHEMA &{database}.raw TO ROLE &{database}_loader;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA &{database}.raw TO ROLE &{database}_loader;

GRANT USAGE ON SCHEMA &{database}.curated TO ROLE &{database}_loader;
GRANT SELECT ON ALL EXTERNAL TABLES IN SCHEMA &{database}.curated TO ROLE &{database}_loader;
GRANT SELECT ON ALL VIEWS IN SCHEMA &{database}.curated TO ROLE &{database}_loader;
GRANT SELECT ON FUTURE EXTERNAL TABLES IN SCHEMA &{database}.curated TO ROLE &{database}_loader;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA &{database}.curated TO ROLE &{database}_loader;

GRANT USAGE ON SCHEMA &{database}.lake TO ROLE &{database}_loader;
GRANT USAGE ON FILE FORMAT &{database}.lake.lake_parquet TO ROLE &{database}_loader;
GRANT USAGE ON STAGE &{database}.lake.lake_stage TO ROLE &{database}_loader;
GRANT INSERT ON TABLE &{database}.operations.data_quality_results TO ROLE &{database}_loader;
