-- How Snowflake reads the lake: by assuming a role of AWS, without a key. Each side needs the other's id, so the trust takes two
-- steps: this names the role, and DESC INTEGRATION then tells the user and the external id that the role has to trust.
-- Never OR REPLACE: a new integration has other ids, and the stage would lose its own.

CREATE STORAGE INTEGRATION IF NOT EXISTS &{database}_lake
    TYPE = EXTERNAL_STAGE
    STORAGE_PROVIDER = 'S3'
    ENABLED = TRUE
    STORAGE_AWS_ROLE_ARN = '&{storage_role_arn}'
    STORAGE_ALLOWED_LOCATIONS = ('&{lake_url}/');

-- What may change of one that is there already.
ALTER STORAGE INTEGRATION &{database}_lake SET
    STORAGE_AWS_ROLE_ARN = '&{storage_role_arn}'
    STORAGE_ALLOWED_LOCATIONS = ('&{lake_url}/');
