-- Run for an environment by an account administrator, before the first `millrace snowflake deploy`: it makes the owner, whom
-- everything else belongs to, the user that deploys as it, and the limit of what may be spent. It is no part of the deployment: see
-- docs/snowflake.md. It may run again: for another key, quota or size.
--
-- public_key is the deployer's public key without its first and last line. Only the private key is a secret. credit_quota is what the
-- warehouse may use in a month.

USE ROLE ACCOUNTADMIN;

CREATE ROLE IF NOT EXISTS &{database}_owner;
GRANT ROLE &{database}_owner TO ROLE SYSADMIN;
GRANT CREATE DATABASE ON ACCOUNT TO ROLE &{database}_owner;
GRANT CREATE ROLE ON ACCOUNT TO ROLE &{database}_owner;
GRANT CREATE INTEGRATION ON ACCOUNT TO ROLE &{database}_owner;
GRANT EXECUTE TASK ON ACCOUNT TO ROLE &{database}_owner;

-- Administrators who want to hear of it say so in their profile. At 100 percent what runs is let end; at 110 it is cut off.
CREATE RESOURCE MONITOR IF NOT EXISTS &{warehouse}_monitor WITH
    CREDIT_QUOTA = &{credit_quota}
    FREQUENCY = MONTHLY
    START_TIMESTAMP = IMMEDIATELY
    TRIGGERS
    ON 75 PERCENT DO NOTIFY
    ON 100 PERCENT DO SUSPEND
    ON 110 PERCENT DO SUSPEND_IMMEDIATE;
ALTER RESOURCE MONITOR &{warehouse}_monitor SET CREDIT_QUOTA = &{credit_quota};

-- It costs nothing while nobody asks. Made here, as the deployment's own history needs one from its first statement on.
CREATE WAREHOUSE IF NOT EXISTS &{warehouse}
    WAREHOUSE_SIZE = &{warehouse_size}
    AUTO_SUSPEND = 60
    AUTO_RESUME = TRUE
    INITIALLY_SUSPENDED = TRUE;
ALTER WAREHOUSE &{warehouse} SET RESOURCE_MONITOR = &{warehouse}_monitor;
-- With COPY CURRENT GRANTS, as the deployment has given others the warehouse by the second time: without it that is refused.
GRANT OWNERSHIP ON WAREHOUSE &{warehouse} TO ROLE &{database}_owner COPY CURRENT GRANTS;

CREATE USER IF NOT EXISTS &{database}_deployer
    TYPE = SERVICE
    DEFAULT_ROLE = &{database}_owner
    DEFAULT_WAREHOUSE = &{warehouse}
    RSA_PUBLIC_KEY = '&{public_key}';
GRANT ROLE &{database}_owner TO USER &{database}_deployer;
-- A timestamp without a zone is UTC's, and a day begins at its midnight.
ALTER USER &{database}_deployer SET
    RSA_PUBLIC_KEY = '&{public_key}'
    TIMEZONE = 'UTC';
