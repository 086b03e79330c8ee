-- Raw records a day and stream.

SELECT
    'users' AS stream,
    date,
    COUNT(*) AS records
FROM &{database}.raw.users
GROUP BY date
UNION ALL
SELECT
    'user_interactions' AS stream,
    date,
    COUNT(*) AS records
FROM &{database}.raw.user_interactions
GROUP BY date
UNION ALL
SELECT
    'video_engagements' AS stream,
    date,
    COUNT(*) AS records
FROM &{database}.raw.video_engagements
GROUP BY date
UNION ALL
SELECT
    'ad_events' AS stream,
    date,
    COUNT(*) AS records
FROM &{database}.raw.ad_events
GROUP BY date
ORDER BY stream, date;
