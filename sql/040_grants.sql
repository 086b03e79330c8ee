-- The rights of the roles that are no object's own: those stand behind the object in its script, as an external table that is dropped
-- and made again has none of its grants.
--
-- Nothing is granted on ALL or FUTURE objects of a schema: a new view of a row a person would be the reader's without anybody's word.
-- An external table is read through SELECT alone: only its owner refreshes it.

GRANT USAGE ON WAREHOUSE &{warehouse} TO ROLE &{database}_reader;
GRANT USAGE ON DATABASE &{database} TO ROLE &{database}_reader;
GRANT USAGE ON SCHEMA &{database}.analytics TO ROLE &{database}_reader;
GRANT USAGE ON SCHEMA &{database}.timeseries TO ROLE &{database}_reader;
GRANT USAGE ON SCHEMA &{database}.gold TO ROLE &{database}_reader;
GRANT USAGE ON SCHEMA &{database}.operations TO ROLE &{database}_reader;

-- The loader has the reader's and the analyst's rights already.
GRANT USAGE ON SCHEMA &{database}.raw TO ROLE &{database}_loader;
GRANT USAGE ON SCHEMA &{database}.curated TO ROLE &{database}_loader;
GRANT USAGE ON SCHEMA &{database}.lake TO ROLE &{database}_loader;
GRANT USAGE ON FILE FORMAT &{database}.lake.lake_parquet TO ROLE &{database}_loader;
GRANT USAGE ON STAGE &{database}.lake.raw_stage TO ROLE &{database}_loader;
GRANT USAGE ON STAGE &{database}.lake.curated_stage TO ROLE &{database}_loader;
GRANT USAGE ON STAGE &{database}.lake.analytics_stage TO ROLE &{database}_loader;
GRANT USAGE ON STAGE &{database}.lake.timeseries_stage TO ROLE &{database}_loader;
GRANT INSERT ON TABLE &{database}.operations.data_quality_results TO ROLE &{database}_loader;
GRANT USAGE ON PROCEDURE &{database}.operations.follow_latest_days() TO ROLE &{database}_loader;
GRANT USAGE ON PROCEDURE &{database}.operations.check_data_quality() TO ROLE &{database}_loader;

-- What earlier versions of these scripts gave the reader, and what is the analyst's now. To take what nobody has is no error.
REVOKE SELECT ON FUTURE VIEWS IN SCHEMA &{database}.gold FROM ROLE &{database}_reader;
REVOKE SELECT ON FUTURE VIEWS IN SCHEMA &{database}.analytics FROM ROLE &{database}_reader;
REVOKE SELECT ON FUTURE EXTERNAL TABLES IN SCHEMA &{database}.analytics FROM ROLE &{database}_reader;
REVOKE SELECT ON FUTURE VIEWS IN SCHEMA &{database}.timeseries FROM ROLE &{database}_reader;
REVOKE SELECT ON FUTURE EXTERNAL TABLES IN SCHEMA &{database}.timeseries FROM ROLE &{database}_reader;
REVOKE SELECT ON FUTURE VIEWS IN SCHEMA &{database}.operations FROM ROLE &{database}_reader;
REVOKE SELECT ON VIEW &{database}.gold.users FROM ROLE &{database}_reader;
REVOKE SELECT ON EXTERNAL TABLE &{database}.analytics.dim_user_demographics FROM ROLE &{database}_reader;
REVOKE SELECT ON VIEW &{database}.analytics.dim_user_demographics_current FROM ROLE &{database}_reader;
REVOKE SELECT ON VIEW &{database}.analytics.dim_user_demographics_history FROM ROLE &{database}_reader;
