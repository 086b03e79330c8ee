-- Run once for an environment by an account administrator, before the first `millrace snowflake deploy`: it makes the owner, whom
-- everything else belongs to, and the user that deploys as it. It is no part of the deployment: see docs/snowflake.md.
--
-- public_key is the deployer's public key without its first and last line. Only the private key is a secret.

USE ROLE ACCOUNTADMIN;

CREATE ROLE IF NOT EXISTS &{database}_owner;
GRANT ROLE &{database}_owner TO ROLE SYSADMIN;
GRANT CREATE DATABASE ON ACCOUNT TO ROLE &{database}_owner;
GRANT CREATE ROLE ON ACCOUNT TO ROLE &{database}_owner;
GRANT CREATE INTEGRATION ON ACCOUNT TO ROLE &{database}_owner;
GRANT EXECUTE TASK ON ACCOUNT TO ROLE &{database}_owner;

-- It costs nothing while nobody asks. Made here, as the deployment's own history needs one from its first statement on.
CREATE WAREHOUSE IF NOT EXISTS &{warehouse}
    WAREHOUSE_SIZE = &{warehouse_size}
    AUTO_SUSPEND = 60
    AUTO_RESUME = TRUE
    INITIALLY_SUSPENDED = TRUE;
GRANT OWNERSHIP ON WAREHOUSE &{warehouse} TO ROLE &{database}_owner;

CREATE USER IF NOT EXISTS &{database}_deployer
    TYPE = SERVICE
    DEFAULT_ROLE = &{database}_owner
    DEFAULT_WAREHOUSE = &{warehouse}
    RSA_PUBLIC_KEY = '&{public_key}';
GRANT ROLE &{database}_owner TO USER &{database}_deployer;
-- A timestamp without a zone is UTC's, and a day begins at its midnight.
ALTER USER &{database}_deployer SET TIMEZONE = 'UTC';
