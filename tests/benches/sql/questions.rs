//! What both engines are asked.

/// What a question is about, and so over which lakes it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// Users: of each number of them.
    Users,
    /// Events, of which each lake has the same.
    Events,
    /// Both: of each number of users.
    Both,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) about: About,
    pub(crate) sql: &'static str,
    /// DuckDB's words where they are others.
    pub(crate) theirs: Option<&'static str>,
}

const fn asked(name: &'static str, about: About, sql: &'static str) -> Question {
    Question { name, about, sql, theirs: None }
}

/// The twelve: their answers are short, and in an order that ties cannot change.
pub(crate) const QUESTIONS: [Question; 12] = [
    asked(
        "scan: numbers",
        About::Users,
        "SELECT COUNT(*), SUM(account_age_days), AVG(latitude) FROM users_transformed_latest \
         WHERE age_years BETWEEN 30 AND 49 AND data_quality_score > 80",
    ),
    asked(
        "scan: texts",
        About::Users,
        "SELECT COUNT(*), MIN(email), MAX(city) FROM users_transformed_latest \
         WHERE email LIKE '%berg%.org' AND country <> 'Germany'",
    ),
    asked(
        "group: few",
        About::Users,
        "SELECT country, gender, COUNT(*), AVG(age_years), SUM(account_age_days) FROM users_transformed_latest \
         GROUP BY country, gender ORDER BY country, gender",
    ),
    asked(
        "group: many",
        About::Users,
        "SELECT last_name, city, COUNT(*) AS users FROM users_transformed_latest \
         GROUP BY last_name, city ORDER BY users DESC, last_name, city LIMIT 20",
    ),
    asked(
        "top-n",
        About::Users,
        "SELECT id, email, country, registration_date FROM users_transformed_latest \
         ORDER BY registration_date DESC, id LIMIT 100",
    ),
    asked(
        "window: users",
        About::Users,
        "SELECT country, id, registration_date FROM users_transformed_latest \
         QUALIFY ROW_NUMBER() OVER (PARTITION BY country ORDER BY registration_date DESC, id) <= 3 \
         ORDER BY country, registration_date DESC, id",
    ),
    asked(
        "scan: two hours",
        About::Events,
        "SELECT event_type, COUNT(*), MAX(request_latency_ms) FROM raw_user_interactions \
         WHERE _timestamp >= TIMESTAMPTZ '2026-01-31 10:00:00+00' AND _timestamp < TIMESTAMPTZ '2026-01-31 12:00:00+00' \
         AND status = 'ERROR' GROUP BY event_type ORDER BY event_type",
    ),
    Question {
        name: "group: quarters",
        about: About::Events,
        sql: "SELECT date_bin(INTERVAL '15 minutes', event_timestamp, TIMESTAMP '2026-01-01') AS quarter, status, COUNT(*), \
              SUM(request_latency_ms) FROM raw_user_interactions GROUP BY 1, 2 ORDER BY 1, 2",
        theirs: Some(
            "SELECT time_bucket(INTERVAL '15 minutes', event_timestamp) AS quarter, status, COUNT(*), \
             SUM(request_latency_ms) FROM raw_user_interactions GROUP BY 1, 2 ORDER BY 1, 2",
        ),
    },
    asked(
        "group: percentiles",
        About::Events,
        "SELECT event_type, MEDIAN(request_latency_ms), percentile_cont(0.95) WITHIN GROUP (ORDER BY request_latency_ms), \
         percentile_cont(0.99) WITHIN GROUP (ORDER BY request_latency_ms) FROM raw_user_interactions \
         GROUP BY event_type ORDER BY event_type",
    ),
    asked(
        "window: newest of each",
        About::Events,
        "SELECT user_id, event_type, event_timestamp FROM raw_user_interactions \
         QUALIFY ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY event_timestamp DESC, _partition) = 1 \
         ORDER BY user_id LIMIT 10",
    ),
    asked(
        "join: by country",
        About::Both,
        "SELECT u.country, COUNT(*), COUNT(*) FILTER (WHERE e.status = 'ERROR'), AVG(e.request_latency_ms) \
         FROM raw_user_interactions e JOIN users_transformed_latest u ON u.id = e.user_id \
         GROUP BY u.country ORDER BY u.country",
    ),
    asked(
        "join: those without",
        About::Both,
        "SELECT COUNT(*), MIN(u.id) FROM users_transformed_latest u \
         WHERE NOT EXISTS (SELECT 1 FROM raw_user_interactions e WHERE e.user_id = u.id AND e.event_type = 'CHECKOUT')",
    ),
];

/// Over a lake some of whose events were delivered twice: ours compares the objects that may share some, by their names.
pub(crate) const OVERLAPPING: Question = Question {
    name: "group: some delivered twice",
    about: About::Events,
    sql: "SELECT event_type, COUNT(*), MAX(request_latency_ms) FROM raw_user_interactions GROUP BY event_type ORDER BY event_type",
    theirs: Some(
        "SELECT event_type, COUNT(*), MAX(request_latency_ms) FROM (SELECT * FROM raw_user_interactions \
         QUALIFY ROW_NUMBER() OVER (PARTITION BY _topic, _generation, _partition, _offset) = 1) \
         GROUP BY event_type ORDER BY event_type",
    ),
};

/// Whose time to the first row is told.
pub(crate) const FIRST_ROWS: [Question; 2] = [
    asked("first row: users", About::Users, "SELECT * FROM users_transformed_latest LIMIT 10"),
    asked("first row: events", About::Events, "SELECT * FROM raw_user_interactions LIMIT 10"),
];

/// What a program that is started anew is asked.
pub(crate) const AT_START: &str = "SELECT country, COUNT(*) AS users FROM users_transformed_latest GROUP BY country ORDER BY users DESC, country LIMIT 10";
