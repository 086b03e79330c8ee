-- A schema for each layer of the lake, one for what people ask, one for what watches over it.

CREATE DATABASE IF NOT EXISTS &{database};
CREATE SCHEMA IF NOT EXISTS &{database}.lake;
CREATE SCHEMA IF NOT EXISTS &{database}.raw;
CREATE SCHEMA IF NOT EXISTS &{database}.curated;
CREATE SCHEMA IF NOT EXISTS &{database}.analytics;
CREATE SCHEMA IF NOT EXISTS &{database}.timeseries;
CREATE SCHEMA IF NOT EXISTS &{database}.gold;
CREATE SCHEMA IF NOT EXISTS &{database}.operations;
