-- How the lake's files are read; each layer's script makes its own stage. With USE_LOGICAL_TYPE a timestamp is one, and not the number
-- of its microseconds; the lake's are all UTC.
--
-- Never OR REPLACE: since bundle 2025_05 Snowflake refuses that, and a drop, while external tables depend on the format.

CREATE FILE FORMAT IF NOT EXISTS &{database}.lake.lake_parquet
    TYPE = PARQUET
    USE_LOGICAL_TYPE = TRUE
    BINARY_AS_TEXT = FALSE;

-- What may change of one that is there already.
ALTER FILE FORMAT &{database}.lake.lake_parquet SET
    USE_LOGICAL_TYPE = TRUE
    BINARY_AS_TEXT = FALSE;
