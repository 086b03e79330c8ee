-- Written by `cargo xtask sql generate` from infra/tables.json: change that, not this.
-- Raw records once each. Objects may overlap after a retry: a record is known by its source position, whatever object
-- it came in. It lies by the
-- date and hour of its own timestamp, so that its copies are in one folder: the window has these too, and a filter by them
-- reaches the files.

CREATE OR REPLACE VIEW &{database}.raw.users COPY GRANTS AS
SELECT
    date,
    hour,
    user_id,
    title,
    first_name,
    last_name,
    gender,
    street_number,
    street_name,
    city,
    state,
    country,
    country_code,
    postcode,
    latitude,
    longitude,
    timezone_offset,
    timezone_description,
    email,
    username,
    dob,
    registered_at,
    phone,
    cell,
    national_id_name,
    national_id_value,
    picture_url,
    fetched_at,
    source,
    source_seed,
    source_page,
    gender_branch,
    business_email,
    user_company,
    _topic,
    _generation,
    _partition,
    _offset,
    _timestamp,
    _ingested_at
FROM &{database}.raw.raw_users
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY date, hour, _topic, _generation, _partition, _offset
    ORDER BY _ingested_at
) = 1;
GRANT SELECT ON VIEW &{database}.raw.users TO ROLE &{database}_loader;

CREATE OR REPLACE VIEW &{database}.raw.user_interactions COPY GRANTS AS
SELECT
    date,
    hour,
    event_id,
    user_id,
    session_id,
    event_type,
    event_timestamp,
    request_latency_ms,
    status,
    error_code,
    product_id,
    _topic,
    _generation,
    _partition,
    _offset,
    _timestamp,
    _ingested_at
FROM &{database}.raw.raw_user_interactions
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY date, hour, _topic, _generation, _partition, _offset
    ORDER BY _ingested_at
) = 1;
GRANT SELECT ON VIEW &{database}.raw.user_interactions TO ROLE &{database}_loader;

CREATE OR REPLACE VIEW &{database}.raw.video_engagements COPY GRANTS AS
SELECT
    date,
    hour,
    event_id,
    user_id,
    session_id,
    video_id,
    action,
    position_ms,
    video_length_ms,
    event_timestamp,
    device,
    app_version,
    _topic,
    _generation,
    _partition,
    _offset,
    _timestamp,
    _ingested_at
FROM &{database}.raw.raw_video_engagements
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY date, hour, _topic, _generation, _partition, _offset
    ORDER BY _ingested_at
) = 1;
GRANT SELECT ON VIEW &{database}.raw.video_engagements TO ROLE &{database}_loader;

CREATE OR REPLACE VIEW &{database}.raw.ad_events COPY GRANTS AS
SELECT
    date,
    hour,
    event_id,
    user_id,
    session_id,
    ad_id,
    campaign_id,
    placement,
    action,
    cost_micros,
    revenue_micros,
    event_timestamp,
    _topic,
    _generation,
    _partition,
    _offset,
    _timestamp,
    _ingested_at
FROM &{database}.raw.raw_ad_events
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY date, hour, _topic, _generation, _partition, _offset
    ORDER BY _ingested_at
) = 1;
GRANT SELECT ON VIEW &{database}.raw.ad_events TO ROLE &{database}_loader;
