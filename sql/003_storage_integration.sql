-- How Snowflake reads the lake and tells of failures: by assuming a role of AWS each, without a key. Each side needs the other's id, so
-- the trust takes two steps: this names the roles, and DESC INTEGRATION then tells the user and the external id that each has to trust.
-- Never OR REPLACE: a new integration has other ids, and the stages would lose their own.

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

-- The topic that the alarms tell: checks that do not hold, and tasks that fail, reach the same people.
CREATE NOTIFICATION INTEGRATION IF NOT EXISTS &{database}_alarms
    ENABLED = TRUE
    TYPE = QUEUE
    DIRECTION = OUTBOUND
    NOTIFICATION_PROVIDER = AWS_SNS
    AWS_SNS_TOPIC_ARN = '&{alarms_topic_arn}'
    AWS_SNS_ROLE_ARN = '&{alarms_role_arn}';

ALTER NOTIFICATION INTEGRATION &{database}_alarms SET
    AWS_SNS_TOPIC_ARN = '&{alarms_topic_arn}'
    AWS_SNS_ROLE_ARN = '&{alarms_role_arn}';
