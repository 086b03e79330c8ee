-- The newest day of the tables, and how good it is.

SELECT
    processing_date,
    total_records,
    avg_quality_score,
    valid_emails,
    valid_phones,
    quality_check_timestamp
FROM &{database}.curated.data_quality_summary_latest;
