-- The lake as a stage. With USE_LOGICAL_TYPE a timestamp is one, and not the number of its microseconds; the lake's are all UTC.

CREATE OR REPLACE FILE FORMAT &{database}.lake.lake_parquet
    TYPE = PARQUET
    USE_LOGICAL_TYPE = TRUE
    BINARY_AS_TEXT = FALSE;

-- Not OR REPLACE: external tables would point to the stage that was.
CREATE STAGE IF NOT EXISTS &{database}.lake.lake_stage
    URL = '&{lake_url}/'
    STORAGE_INTEGRATION = &{database}_lake;

ALTER STAGE &{database}.lake.lake_stage SET
    URL = '&{lake_url}/'
    STORAGE_INTEGRATION = &{database}_lake;
