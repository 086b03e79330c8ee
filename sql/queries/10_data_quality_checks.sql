-- The monitors as of now: those that do not hold come first.

SELECT
    check_name,
    observed,
    allowed,
    holds
FROM &{database}.operations.data_quality_checks
ORDER BY holds, check_name;
