"""The 15 analytics and time-series tables as DuckDB SQL, one statement a table, written from tables.md alone.

A caller runs MACROS once, with TimeZone = 'UTC', and provides these relations:

    users                               the users_transformed partition of as_of
    earlier_dim_user_demographics       all versions published before as_of (no rows on the first day)
    earlier_fact_data_quality_metrics   all rows published before as_of (no rows on the first day)

Each statement of TABLES takes $as_of (DATE) and $started_at (TIMESTAMP WITH TIME ZONE) and gives the published rows in
the published order. Three statements read another one's result (READS), as a relation of that table's name; the
dict's order allows for that.
"""

MACROS = """
-- k * scale / n as the nearest integer, half away from zero
CREATE OR REPLACE TEMP MACRO nearest(k, n, scale) AS
    CASE WHEN n > 0 THEN sign(k) * ((2 * scale * abs(k) + n) // (2 * n)) END;
CREATE OR REPLACE TEMP MACRO percent(k, n) AS nearest(k, n, 10000) / 100;
-- avg() of integers divides as long double and rounds a second time
CREATE OR REPLACE TEMP MACRO exact_avg(x) AS sum(x)::BIGINT / count(x);
CREATE OR REPLACE TEMP MACRO named(text_key) AS coalesce(text_key, 'unknown');
"""

TABLES = {}
READS = {
    "fact_data_quality_trends": "fact_data_quality_metrics",
    "fact_registration_anomalies": "fact_registration_trends",
    "fact_quality_anomalies": "fact_data_quality_trends",
}

TABLES["dim_user_demographics"] = """
WITH scored AS (
    SELECT
        id AS user_id, age_group, generation, gender, country, city, email_provider_type, account_tenure_category,
        data_quality_score,
        ( CASE WHEN age_group IN ('25-34', '35-44') THEN 10 ELSE 5 END
        + CASE WHEN generation IN ('Millennial', 'Gen X') THEN 10 ELSE 5 END
        + CASE WHEN email_provider_type = 'Business' THEN 15 ELSE 5 END
        + CASE WHEN account_tenure_category = 'Veteran' THEN 20 ELSE 10 END )::DOUBLE AS demographic_score,
        CASE WHEN demographic_score >= 40 THEN 'Premium'
             WHEN demographic_score >= 25 THEN 'Standard'
             ELSE 'Basic' END AS target_segment
    FROM users
    WHERE id IS NOT NULL
),
latest AS (
    SELECT *
    FROM earlier_dim_user_demographics
    QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY processing_date DESC) = 1
)
SELECT
    now.user_id, now.age_group, now.generation, now.gender, now.country, now.city, now.email_provider_type,
    now.account_tenure_category, now.data_quality_score, $as_of AS processing_date, now.demographic_score,
    now.target_segment, $started_at AS dim_created_at, $started_at AS dim_updated_at, true AS is_current
FROM scored AS now
LEFT JOIN latest ON latest.user_id = now.user_id
WHERE latest.user_id IS NULL
   OR now.age_group IS DISTINCT FROM latest.age_group
   OR now.generation IS DISTINCT FROM latest.generation
   OR now.gender IS DISTINCT FROM latest.gender
   OR now.country IS DISTINCT FROM latest.country
   OR now.city IS DISTINCT FROM latest.city
   OR now.email_provider_type IS DISTINCT FROM latest.email_provider_type
   OR now.account_tenure_category IS DISTINCT FROM latest.account_tenure_category
   OR now.data_quality_score IS DISTINCT FROM latest.data_quality_score
   OR now.demographic_score IS DISTINCT FROM latest.demographic_score
   OR now.target_segment IS DISTINCT FROM latest.target_segment
ORDER BY now.user_id
"""

TABLES["fact_geographic_analysis"] = """
WITH located AS (
    SELECT named(country) AS country, named(city) AS city, gender, email_domain, email_provider_type, age_years,
           data_quality_score
    FROM users
),
counted AS (
    SELECT
        grouping(city) = 1 AS whole_country, country, city,
        count(*) AS user_count,
        count(DISTINCT email_domain) AS unique_email_domains,
        exact_avg(age_years) AS avg_age,
        avg(data_quality_score) AS avg_data_quality,
        percent(count(*) FILTER (gender = 'male'), count(*)) AS male_percentage,
        percent(count(*) FILTER (gender = 'female'), count(*)) AS female_percentage,
        percent(count(*) FILTER (email_provider_type = 'Business'), count(*)) AS business_email_percentage
    FROM located
    GROUP BY GROUPING SETS ((country), (country, city))
)
SELECT
    CASE WHEN whole_country THEN 'country' ELSE 'city' END AS analysis_type,
    CASE WHEN whole_country THEN country ELSE city || ', ' || country END AS geographic_level,
    country, city, user_count, unique_email_domains, avg_age, avg_data_quality, male_percentage, female_percentage,
    business_email_percentage, $as_of AS processing_date,
    row_number() OVER (PARTITION BY whole_country ORDER BY user_count DESC, country, city) AS user_count_rank,
    $started_at AS created_at
FROM counted
ORDER BY analysis_type, geographic_level, country, city NULLS FIRST
"""

# A rounded percentage could hide a business share just above one half, so the thresholds see the unrounded numbers.
TABLES["fact_age_generation_analysis"] = """
WITH counted AS (
    SELECT
        named(age_group) AS age_group, named(generation) AS generation, named(gender) AS gender,
        count(*) AS user_count,
        avg(data_quality_score) AS avg_data_quality,
        exact_avg(account_age_days) AS avg_account_age_days,
        count(DISTINCT country) AS countries_represented,
        count(DISTINCT email_domain) AS unique_email_domains,
        count(*) FILTER (email_provider_type = 'Personal') AS personal_email_count,
        count(*) FILTER (email_provider_type = 'Business') AS business_email_count,
        count(*) FILTER (account_tenure_category = 'Veteran') AS veteran_users,
        count(*) FILTER (account_tenure_category = 'New') AS new_users,
        (sum(count(*)) OVER ())::BIGINT AS total_users_in_batch
    FROM users
    GROUP BY ALL
),
scored AS (
    SELECT
        *,
        ( CASE WHEN avg_account_age_days > 365 THEN 20 ELSE 10 END
        + CASE WHEN 2 * business_email_count > user_count THEN 15 ELSE 5 END
        + CASE WHEN avg_data_quality > 80 THEN 10 ELSE 5 END
        + CASE WHEN countries_represented > 1 THEN 5 ELSE 0 END )::DOUBLE AS engagement_score
    FROM counted
)
SELECT
    age_group, generation, gender, user_count, avg_data_quality, avg_account_age_days, countries_represented,
    unique_email_domains, personal_email_count, business_email_count, veteran_users, new_users, total_users_in_batch,
    percent(user_count, total_users_in_batch) AS percentage_of_total,
    percent(business_email_count, user_count) AS business_email_percentage,
    percent(veteran_users, user_count) AS veteran_percentage,
    engagement_score,
    CASE WHEN engagement_score >= 35 THEN 'High' WHEN engagement_score >= 20 THEN 'Medium' ELSE 'Low' END
        AS engagement_tier,
    $as_of AS processing_date, $started_at AS created_at
FROM scored
ORDER BY age_group, generation, gender
"""

TABLES["fact_email_provider_analysis"] = """
SELECT
    named(email_provider_type) AS email_provider_type,
    count(*) AS total_users,
    count(DISTINCT email_domain) AS unique_domains,
    exact_avg(age_years) AS avg_age,
    avg(data_quality_score) AS avg_data_quality,
    count(DISTINCT country) AS countries_represented,
    'provider_type' AS analysis_level,
    $as_of AS processing_date, $started_at AS created_at
FROM users
GROUP BY ALL
ORDER BY 1
"""

TABLES["fact_email_domain_analysis"] = """
WITH counted AS (
    SELECT
        named(email_domain) AS email_domain, named(email_provider_type) AS email_provider_type,
        count(*) AS user_count,
        count(DISTINCT country) AS countries_using,
        exact_avg(age_years) AS avg_user_age,
        avg(data_quality_score) AS avg_data_quality,
        count(*) FILTER (gender = 'male') AS male_users,
        count(*) FILTER (gender = 'female') AS female_users,
        (sum(count(*)) OVER ())::BIGINT AS total_users_in_batch
    FROM users
    GROUP BY ALL
)
SELECT
    email_domain, email_provider_type, user_count, countries_using, avg_user_age, avg_data_quality, male_users,
    female_users, total_users_in_batch,
    percent(user_count, total_users_in_batch) AS market_share_percentage,
    nearest(male_users, female_users, 100) / 100 AS gender_ratio_male_female,
    'domain' AS analysis_level,
    $as_of AS processing_date, $started_at AS created_at
FROM counted
ORDER BY email_domain, email_provider_type
"""

TABLES["fact_data_quality_metrics"] = """
WITH counted AS (
    SELECT
        count(*) AS total_records,
        count(*) FILTER (data_quality_score >= 90) AS excellent_quality,
        count(*) FILTER (data_quality_score >= 80 AND data_quality_score < 90) AS good_quality,
        count(*) FILTER (data_quality_score >= 70 AND data_quality_score < 80) AS fair_quality,
        count(*) FILTER (data_quality_score >= 50 AND data_quality_score < 70) AS poor_quality,
        count(*) FILTER (data_quality_score < 50) AS very_poor_quality,
        avg(data_quality_score) AS avg_quality_score,
        min(data_quality_score) AS min_quality_score,
        max(data_quality_score) AS max_quality_score,
        count(*) FILTER (email_valid) AS valid_emails,
        count(*) FILTER (phone_valid) AS valid_phones,
        count(DISTINCT id) AS unique_users,
        count(*) FILTER (len(quality_issues) > 0) AS records_with_issues
    FROM users
)
SELECT
    *,
    percent(excellent_quality, total_records) AS excellent_quality_percentage,
    percent(good_quality, total_records) AS good_quality_percentage,
    percent(valid_emails, total_records) AS email_validity_percentage,
    percent(valid_phones, total_records) AS phone_validity_percentage,
    percent(valid_emails + valid_phones, 2 * total_records) AS data_completeness_score,
    $as_of AS processing_date, $started_at AS created_at
FROM counted
"""

TABLES["fact_quality_by_segment"] = """
SELECT
    named(age_group) AS age_group, named(generation) AS generation,
    count(*) AS segment_total,
    avg(data_quality_score) AS avg_segment_quality,
    count(*) FILTER (email_valid) AS valid_emails_in_segment,
    count(*) FILTER (phone_valid) AS valid_phones_in_segment,
    percent(valid_emails_in_segment, segment_total) AS segment_email_validity_rate,
    percent(valid_phones_in_segment, segment_total) AS segment_phone_validity_rate,
    $as_of AS processing_date, $started_at AS created_at
FROM users
GROUP BY ALL
ORDER BY 1, 2
"""

TABLES["user_analytics"] = """
WITH totals AS (
    SELECT count(*) AS users, count(DISTINCT username) AS usernames FROM users
),
metrics AS (
    SELECT 'gender_distribution' AS metric_type, 'gender_' || named(gender) AS metric_name, count(*) AS metric_value
    FROM users
    GROUP BY ALL
    UNION ALL
    SELECT 'email_domain_distribution', 'domain_' || domain, user_count
    FROM (
        SELECT named(email_domain) AS domain, count(*) AS user_count
        FROM users
        GROUP BY ALL
        ORDER BY user_count DESC, domain
        LIMIT 10
    )
    UNION ALL
    SELECT 'general', 'total_users', users FROM totals
    UNION ALL
    SELECT 'general', 'unique_usernames', usernames FROM totals
)
SELECT
    metric_type, metric_name, metric_value, percent(metric_value, users) AS percentage,
    $started_at AS created_at, $as_of AS processing_date
FROM metrics, totals
ORDER BY metric_type, metric_name
"""

TABLES["user_demographics"] = """
WITH counted AS (
    SELECT 'country' AS demographic_type, named(country) AS demographic_value, count(*) AS user_count
    FROM users
    GROUP BY ALL
    UNION ALL
    FROM (
        SELECT 'state', named(state) AS name, count(*) AS user_count
        FROM users
        GROUP BY ALL
        ORDER BY user_count DESC, name
        LIMIT 10
    )
)
SELECT
    demographic_type, demographic_value, user_count,
    percent(user_count, (SELECT count(*) FROM users)) AS percentage,
    $started_at AS created_at, $as_of AS processing_date
FROM counted
ORDER BY demographic_type, demographic_value
"""

# Months and quarters are counted from year 0 and weekdays from Monday, so that "the one before" is arithmetic.
TABLES["fact_registration_trends"] = """
WITH registered AS (
    SELECT
        year(registration_date) * 12 + month(registration_date) - 1 AS month_number,
        year(registration_date) * 4 + quarter(registration_date) - 1 AS quarter_number,
        isodow(registration_date) - 1 AS weekday_number,
        country, gender, data_quality_score,
        CASE WHEN birth_date <= registration_date THEN
            year(registration_date) - year(birth_date)
            - CASE WHEN (month(registration_date), day(registration_date)) < (month(birth_date), day(birth_date))
                   THEN 1 ELSE 0 END
        END AS age_at_registration
    FROM users
    WHERE registration_date IS NOT NULL
),
counted AS (
    SELECT
        CASE WHEN grouping(month_number) = 0 THEN 'monthly'
             WHEN grouping(quarter_number) = 0 THEN 'quarterly'
             ELSE 'day_of_week' END AS period_type,
        coalesce(month_number, quarter_number, weekday_number) AS period,
        count(*) AS registrations,
        count(DISTINCT country) AS countries_represented,
        exact_avg(age_at_registration) AS avg_age_at_registration,
        percent(count(*) FILTER (gender = 'male'), count(*)) AS male_percentage,
        percent(count(*) FILTER (gender = 'female'), count(*)) AS female_percentage,
        avg(data_quality_score) AS avg_data_quality
    FROM registered
    GROUP BY GROUPING SETS ((month_number), (quarter_number), (weekday_number))
),
compared AS (
    SELECT counted.*, coalesce(previous.registrations, 0) AS previous_registrations
    FROM counted
    LEFT JOIN counted AS previous
        ON previous.period_type = counted.period_type
       AND previous.period = CASE WHEN counted.period_type = 'day_of_week' THEN (counted.period + 6) % 7
                                  ELSE counted.period - 1 END
)
SELECT
    period_type,
    CASE period_type
        WHEN 'monthly' THEN printf('%04d-%02d', period // 12, period % 12 + 1)
        WHEN 'quarterly' THEN printf('%04d-Q%d', period // 4, period % 4 + 1)
        ELSE ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'][period + 1]
    END AS time_period,
    registrations, countries_represented, avg_age_at_registration, male_percentage, female_percentage,
    avg_data_quality, $as_of AS processing_date, previous_registrations,
    percent(registrations - previous_registrations, previous_registrations) AS growth_rate,
    $started_at AS created_at
FROM compared
ORDER BY period_type, time_period
"""

TABLES["fact_geographic_expansion"] = """
WITH counted AS (
    SELECT
        named(country) AS country,
        count(*) AS user_count,
        min(registration_date) AS first_user_date,
        max(registration_date) AS latest_user_date,
        count(DISTINCT city) AS cities_represented,
        exact_avg(age_years) AS avg_user_age,
        avg(data_quality_score) AS avg_data_quality,
        $as_of - first_user_date AS days_since_first_user,
        (sum(count(*)) OVER ())::BIGINT AS total_users_global
    FROM users
    GROUP BY named(country)
),
rated AS (
    SELECT
        *,
        -- greatest() would skip a null
        CASE WHEN days_since_first_user IS NOT NULL
             THEN nearest(user_count, greatest(days_since_first_user, 1), 10000) / 10000 END AS user_acquisition_rate
    FROM counted
),
ranked AS (
    SELECT
        *,
        row_number() OVER (ORDER BY user_count DESC, country) AS user_count_rank,
        row_number() OVER (ORDER BY user_acquisition_rate DESC NULLS LAST, country) AS expansion_rate_rank
    FROM rated
)
SELECT
    country, user_count, first_user_date, latest_user_date, cities_represented, avg_user_age, avg_data_quality,
    days_since_first_user, user_acquisition_rate, total_users_global,
    percent(user_count, total_users_global) AS market_share_percentage,
    user_count_rank, expansion_rate_rank,
    CASE WHEN expansion_rate_rank <= 5 THEN 'Top Tier'
         WHEN expansion_rate_rank <= 15 THEN 'Mid Tier'
         ELSE 'Emerging' END AS expansion_category,
    $as_of AS processing_date, $started_at AS created_at
FROM ranked
ORDER BY country
"""

# Shares are compared as whole hundredths of a percent: a difference of two floats would not be exact.
TABLES["fact_age_demographic_trends"] = """
WITH counted AS (
    SELECT
        named(age_group) AS age_group, named(generation) AS generation, year(registration_date) AS registration_year,
        count(*) AS total_users_in_group,
        avg(data_quality_score) AS avg_data_quality,
        count(DISTINCT country) AS total_countries
    FROM users
    WHERE registration_date IS NOT NULL
    GROUP BY ALL
),
shared AS (
    SELECT
        *,
        (sum(total_users_in_group) OVER (PARTITION BY registration_year))::BIGINT AS total_users_in_year,
        nearest(total_users_in_group, total_users_in_year, 10000) AS share
    FROM counted
),
compared AS (
    SELECT
        *,
        max(share) OVER (PARTITION BY age_group, generation ORDER BY registration_year
                         RANGE BETWEEN 1 PRECEDING AND 1 PRECEDING) AS previous_share
    FROM shared
)
SELECT
    age_group, generation, registration_year, total_users_in_group, avg_data_quality, total_countries,
    total_users_in_year, share / 100 AS percentage_of_year, previous_share / 100 AS previous_year_percentage,
    CASE WHEN previous_share IS NULL THEN 'New'
         WHEN share > previous_share THEN 'Growing'
         WHEN share < previous_share THEN 'Declining'
         ELSE 'Stable' END AS trend_direction,
    abs(share - previous_share) / 100 AS trend_magnitude,
    $as_of AS processing_date, $started_at AS created_at
FROM compared
ORDER BY age_group, generation, registration_year
"""

TABLES["fact_data_quality_trends"] = """
WITH series AS (
    SELECT * FROM earlier_fact_data_quality_metrics
    UNION ALL BY NAME
    SELECT * FROM fact_data_quality_metrics
),
compared AS (
    SELECT
        *,
        lag(avg_quality_score) OVER (ORDER BY processing_date) AS previous_avg_quality,
        avg_quality_score - previous_avg_quality AS quality_change
    FROM series
    WHERE total_records > 0
)
SELECT
    processing_date AS quality_date, total_records, avg_quality_score,
    excellent_quality AS excellent_quality_count,
    good_quality AS good_quality_count,
    fair_quality AS fair_quality_count,
    poor_quality + very_poor_quality AS poor_quality_count,
    valid_emails, valid_phones, excellent_quality_percentage, good_quality_percentage, email_validity_percentage,
    phone_validity_percentage, previous_avg_quality,
    CASE WHEN quality_change IS NULL THEN 'Baseline'
         WHEN quality_change > 1 THEN 'Improving'
         WHEN quality_change < -1 THEN 'Declining'
         ELSE 'Stable' END AS quality_trend,
    quality_change,
    $as_of AS processing_date, $started_at AS created_at
FROM compared
ORDER BY quality_date
"""

# The variance of counts comes from whole numbers: stddev_samp's running mean can push an exact z over a threshold.
TABLES["fact_registration_anomalies"] = """
WITH months AS (
    SELECT *, time_period < strftime($as_of, '%Y-%m') AS finished
    FROM fact_registration_trends
    WHERE period_type = 'monthly'
),
centre AS (
    SELECT
        count(*) AS n, sum(registrations) AS total, sum(registrations * registrations) AS squares,
        median(registrations) AS middle, min(registrations) = max(registrations) AS flat
    FROM months
    WHERE finished
),
spread AS (
    SELECT
        any_value(total / n) AS mean,
        any_value(sqrt((n * squares - total * total) / (n * (n - 1)))) AS deviation,
        any_value(middle) AS middle,
        median(abs(registrations - middle)) AS mad
    FROM months, centre
    WHERE finished AND n >= 3 AND NOT flat
),
judged AS (
    SELECT
        months.*, mean,
        CASE WHEN finished THEN abs(registrations - mean) / deviation END AS z_score,
        CASE WHEN finished AND mad > 0 THEN 0.6745::DOUBLE * abs(registrations - middle) / mad END AS robust_z
    FROM months, spread
)
SELECT
    period_type, time_period, registrations, countries_represented, avg_age_at_registration, male_percentage,
    female_percentage, avg_data_quality, $as_of AS processing_date, previous_registrations, growth_rate,
    $started_at AS created_at,
    z_score,
    coalesce(z_score > 2, false) AS is_anomaly,
    CASE WHEN z_score > 2 THEN if(registrations > mean, 'High Anomaly', 'Low Anomaly') ELSE 'Normal' END
        AS anomaly_type,
    CASE WHEN z_score > 3 THEN 'Critical' WHEN z_score > 2 THEN 'High' WHEN z_score > 1.5 THEN 'Medium' ELSE 'Low' END
        AS anomaly_severity,
    robust_z
FROM judged
ORDER BY period_type, time_period
"""

TABLES["fact_quality_anomalies"] = """
WITH centre AS (
    SELECT
        count(*) AS n,
        sum(avg_quality_score ORDER BY quality_date) / count(*) AS mean,
        median(avg_quality_score) AS middle,
        min(avg_quality_score) = max(avg_quality_score) AS flat
    FROM fact_data_quality_trends
),
spread AS (
    SELECT
        any_value(mean) AS mean,
        any_value(middle) AS middle,
        sqrt(sum((avg_quality_score - mean) ** 2 ORDER BY quality_date) / (count(*) - 1)) AS deviation,
        median(abs(avg_quality_score - middle)) AS mad
    FROM fact_data_quality_trends, centre
    WHERE n >= 3 AND NOT flat
),
judged AS (
    SELECT
        days.*, mean,
        abs(avg_quality_score - mean) / deviation AS z_score,
        CASE WHEN mad > 0 THEN 0.6745::DOUBLE * abs(avg_quality_score - middle) / mad END AS robust_z
    FROM fact_data_quality_trends AS days, spread
)
SELECT
    quality_date, total_records, avg_quality_score, excellent_quality_count, good_quality_count, fair_quality_count,
    poor_quality_count, valid_emails, valid_phones, excellent_quality_percentage, good_quality_percentage,
    email_validity_percentage, phone_validity_percentage, previous_avg_quality, quality_trend, quality_change,
    $as_of AS processing_date, $started_at AS created_at,
    z_score,
    coalesce(z_score > 2, false) AS is_anomaly,
    CASE WHEN z_score > 2 THEN if(avg_quality_score > mean, 'High Anomaly', 'Low Anomaly') ELSE 'Normal' END
        AS anomaly_type,
    CASE WHEN z_score > 3 THEN 'Critical' WHEN z_score > 2 THEN 'High' WHEN z_score > 1.5 THEN 'Medium' ELSE 'Low' END
        AS anomaly_severity,
    robust_z
FROM judged
ORDER BY quality_date
"""
