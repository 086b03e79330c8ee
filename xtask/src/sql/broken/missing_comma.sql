-- Two columns without a comma between them.
CREATE OR REPLACE EXTERNAL TABLE &{database}.raw.t (
    a VARCHAR AS (VALUE:"a"::VARCHAR)
    b VARCHAR AS (VALUE:"b"::VARCHAR)
)
LOCATION = @&{database}.lake.lake_stage/raw/t/
FILE_FORMAT = (FORMAT_NAME = 'f');
