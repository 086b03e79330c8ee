-- A schema for each layer of the lake, one for what people ask, one for what watches over it. With managed access their owner may say
-- what roles may do with objects that come later; otherwise only an administrator may.

CREATE DATABASE IF NOT EXISTS &{database};
CREATE SCHEMA IF NOT EXISTS &{database}.lake WITH MANAGED ACCESS;
CREATE SCHEMA IF NOT EXISTS &{database}.raw WITH MANAGED ACCESS;
CREATE SCHEMA IF NOT EXISTS &{database}.curated WITH MANAGED ACCESS;
CREATE SCHEMA IF NOT EXISTS &{database}.analytics WITH MANAGED ACCESS;
CREATE SCHEMA IF NOT EXISTS &{database}.timeseries WITH MANAGED ACCESS;
CREATE SCHEMA IF NOT EXISTS &{database}.gold WITH MANAGED ACCESS;
CREATE SCHEMA IF NOT EXISTS &{database}.operations WITH MANAGED ACCESS;
