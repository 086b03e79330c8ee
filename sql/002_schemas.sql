-- A warehouse that costs nothing while nobody asks, and a schema for each layer of the lake.

CREATE WAREHOUSE IF NOT EXISTS &{warehouse}
    WAREHOUSE_SIZE = &{warehouse_size}
    AUTO_SUSPEND = 60
    AUTO_RESUME = TRUE
    INITIALLY_SUSPENDED = TRUE;

CREATE DATABASE IF NOT EXISTS &{database};
CREATE SCHEMA IF NOT EXISTS &{database}.lake;
CREATE SCHEMA IF NOT EXISTS &{database}.raw;
CREATE SCHEMA IF NOT EXISTS &{database}.curated;
CREATE SCHEMA IF NOT EXISTS &{database}.analytics;
CREATE SCHEMA IF NOT EXISTS &{database}.timeseries;
CREATE SCHEMA IF NOT EXISTS &{database}.gold;
CREATE SCHEMA IF NOT EXISTS &{database}.operations;
