-- Raw rows once each. Objects may overlap after a retry: a record is known by its source position, whatever object it came in.

CREATE OR REPLACE VIEW &{database}.raw.users COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.raw.raw_users
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY _topic, _generation, _partition, _offset
    ORDER BY _ingested_at
) = 1;

CREATE OR REPLACE VIEW &{database}.raw.user_interactions COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.raw.raw_user_interactions
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY _topic, _generation, _partition, _offset
    ORDER BY _ingested_at
) = 1;

CREATE OR REPLACE VIEW &{database}.raw.video_engagements COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.raw.raw_video_engagements
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY _topic, _generation, _partition, _offset
    ORDER BY _ingested_at
) = 1;

CREATE OR REPLACE VIEW &{database}.raw.ad_events COPY GRANTS AS
SELECT * EXCLUDE (value)
FROM &{database}.raw.raw_ad_events
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY _topic, _generation, _partition, _offset
    ORDER BY _ingested_at
) = 1;
