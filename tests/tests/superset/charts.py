"""Charts as the page of a chart asks for them, each held against `millrace query`."""

from api import Superset
from lake import Lake, in_milliseconds, same

# How Superset cuts times, and what that is to us.
GRAINS = {
    "PT1S": "date_trunc('second', {})",
    "PT5S": "date_bin(INTERVAL '5 seconds', {})",
    "PT30S": "date_bin(INTERVAL '30 seconds', {})",
    "PT1M": "date_trunc('minute', {})",
    "PT5M": "date_bin(INTERVAL '5 minutes', {})",
    "PT10M": "date_bin(INTERVAL '10 minutes', {})",
    "PT15M": "date_bin(INTERVAL '15 minutes', {})",
    "PT30M": "date_bin(INTERVAL '30 minutes', {})",
    "PT1H": "date_trunc('hour', {})",
    "P1D": "date_trunc('day', {})",
    "P1W": "date_trunc('week', {})",
    "P1M": "date_trunc('month', {})",
    "P3M": "date_trunc('quarter', {})",
    "P1Y": "date_trunc('year', {})",
}

COUNT = {"expressionType": "SQL", "sqlExpression": "COUNT(*)", "label": "n"}
LATENCY = {"expressionType": "SQL", "sqlExpression": "AVG(request_latency_ms)", "label": "latency"}


def simple(aggregate: str, column: str, label: str) -> dict:
    """A metric that is chosen by clicks."""
    return {"expressionType": "SIMPLE", "aggregate": aggregate, "column": {"column_name": column}, "label": label}


def axis(column: str, grain: str | None) -> dict:
    return {
        "timeGrain": grain,
        "columnType": "BASE_AXIS",
        "sqlExpression": column,
        "label": column,
        "expressionType": "SQL",
    }


class Dataset:
    def __init__(self, superset: Superset, lake: Lake, made: dict) -> None:
        self.superset = superset
        self.lake = lake
        self.number = made["id"]
        self.charts = 0
        self.wrong = []

    def columns(self) -> dict[str, dict]:
        told = self.superset.get(f"/api/v1/dataset/{self.number}")["result"]["columns"]
        return {column["column_name"]: column for column in told}

    def asked(self, query: dict, kind: str = "full") -> dict:
        return {
            "datasource": {"id": self.number, "type": "table"},
            "force": True,
            "queries": [{"row_limit": 10000} | query],
            "result_format": "json",
            "result_type": kind,
        }

    def chart(self, query: dict, kind: str = "full") -> dict:
        self.charts += 1
        (result,) = self.superset.post("/api/v1/chart/data", self.asked(query, kind))["result"]
        assert result["error"] is None and result["status"] == "success", result
        return result

    def holds(self, query: dict, sql: str, time: str | None = None, ordered: bool = False) -> str:
        """The chart's rows are those of our query, `time` its column of times; answers what Superset asked. A chart that is wrong
        is told at the end, with all others."""
        try:
            result = self.chart(query)
            ours = self.lake.query(sql)
            same(in_milliseconds(ours, time) if time else ours, result["data"], result["query"], ordered)
            return result["query"]
        except AssertionError as error:
            self.wrong.append(str(error))
            return ""


def draw(superset: Superset, database: int, lake: Lake) -> int:
    """Every chart; answers how many."""

    def made(**more: str) -> Dataset:
        answer = superset.post("/api/v1/dataset/", {"database": database, "schema": "public"} | more)
        return Dataset(superset, lake, answer)

    events = made(table_name="raw_user_interactions")
    users = made(table_name="users_transformed")
    latest = made(table_name="users_transformed_latest")
    virtual = made(
        table_name="slow_interactions",
        sql="SELECT i.event_type, i.event_timestamp, i.request_latency_ms, u.country "
        "FROM raw_user_interactions i JOIN users_transformed u ON u.id = i.user_id WHERE i.request_latency_ms > 100",
    )
    times = {name for name, column in events.columns().items() if column["is_dttm"]}
    assert times == {"event_timestamp", "_timestamp", "_ingested_at"}, times
    times = {name for name, column in users.columns().items() if column["is_dttm"]}
    assert times == {"birth_date", "registration_date", "processed_at", "processing_date"}, times
    assert virtual.columns()["event_timestamp"]["is_dttm"], virtual.columns()

    over_time(events)
    over_days(users)
    filters(events)
    top_of_series(events)
    tables(events, users, latest)
    joined(virtual)
    refused(events)
    datasets = (events, users, latest, virtual)
    charts = sum(dataset.charts for dataset in datasets)
    wrong = [error for dataset in datasets for error in dataset.wrong]
    assert not wrong, f"{len(wrong)} of {charts} charts are wrong:\n" + "\n\n".join(wrong)
    return charts


def over_time(events: Dataset) -> None:
    """Each grain over a column of times, with metrics of every kind."""
    for grain, cut in GRAINS.items():
        query = {
            "columns": [axis("event_timestamp", grain), "event_type"],
            "metrics": [COUNT, LATENCY, simple("COUNT_DISTINCT", "user_id", "people")],
            "filters": [{"col": "event_timestamp", "op": "TEMPORAL_RANGE", "val": "2026-01-31T00:00:00 : 2026-02-01"}],
        }
        events.holds(
            query,
            f"SELECT {cut.format('event_timestamp')} AS event_timestamp, event_type, COUNT(*) AS n, "
            "AVG(request_latency_ms) AS latency, COUNT(DISTINCT user_id) AS people FROM raw_user_interactions "
            "WHERE event_timestamp >= '2026-01-31T00:00:00Z' AND event_timestamp < '2026-02-01T00:00:00Z' GROUP BY 1, 2",
            "event_timestamp",
        )


def over_days(users: Dataset) -> None:
    """Grains over a column of days, of which some are null."""
    for grain in ("P1D", "P1W", "P1M", "P3M", "P1Y"):
        users.holds(
            {
                "columns": [axis("registration_date", grain)],
                "metrics": [COUNT, simple("AVG", "data_quality_score", "score"), simple("MAX", "age_years", "oldest")],
            },
            f"SELECT {GRAINS[grain].format('registration_date')} AS registration_date, COUNT(*) AS n, "
            "AVG(data_quality_score) AS score, MAX(age_years) AS oldest FROM users_transformed GROUP BY 1",
            "registration_date",
        )
    users.holds(
        {
            "columns": ["gender"],
            "metrics": [COUNT],
            "filters": [{"col": "birth_date", "op": "TEMPORAL_RANGE", "val": "1980-01-01 : 2000-01-01"}],
        },
        "SELECT gender, COUNT(*) AS n FROM users_transformed "
        "WHERE birth_date >= '1980-01-01' AND birth_date < '2000-01-01' GROUP BY 1",
    )


def filters(events: Dataset) -> None:
    """What a filter can be, and having."""
    for column, operator, value, ours in (
        ("status", "==", "ERROR", "status = 'ERROR'"),
        ("status", "!=", "ERROR", "status <> 'ERROR'"),
        ("event_type", "IN", ["SEARCH", "VIEW_PRODUCT"], "event_type IN ('SEARCH', 'VIEW_PRODUCT')"),
        ("event_type", "NOT IN", ["SEARCH"], "event_type NOT IN ('SEARCH')"),
        ("product_id", "IS NULL", None, "product_id IS NULL"),
        ("product_id", "IS NOT NULL", None, "product_id IS NOT NULL"),
        ("event_type", "LIKE", "VIEW%", "event_type LIKE 'VIEW%'"),
        ("event_type", "ILIKE", "%search%", "event_type ILIKE '%search%'"),
        ("request_latency_ms", ">=", 250, "request_latency_ms >= 250"),
        ("_offset", "<", 100, "_offset < 100"),
    ):
        events.holds(
            {
                "columns": ["status"],
                "metrics": [COUNT, LATENCY],
                "filters": [{"col": column, "op": operator, "val": value}],
                "extras": {"having": "COUNT(*) > 1", "where": ""},
            },
            "SELECT status, COUNT(*) AS n, AVG(request_latency_ms) AS latency FROM raw_user_interactions "
            f"WHERE {ours} GROUP BY 1 HAVING COUNT(*) > 1",
        )
    for sql in ("request_latency_ms % 2 = 0", "status = 'ERROR' OR error_code IS NULL"):
        events.holds(
            {"columns": [], "metrics": [COUNT], "extras": {"having": "", "where": f"({sql})"}},
            f"SELECT COUNT(*) AS n FROM raw_user_interactions WHERE {sql}",
        )


def top_of_series(events: Dataset) -> None:
    """The two most frequent types over time, which Superset asks by a query within."""
    asked = events.holds(
        {
            "columns": ["event_type"],
            "granularity": "event_timestamp",
            "extras": {"time_grain_sqla": "PT1M", "having": "", "where": ""},
            "series_columns": ["event_type"],
            "series_limit": 2,
            "series_limit_metric": COUNT,
            "metrics": [COUNT],
            "is_timeseries": True,
        },
        "SELECT date_trunc('minute', event_timestamp) AS __timestamp, event_type, COUNT(*) AS n "
        "FROM raw_user_interactions WHERE event_type IN (SELECT event_type FROM raw_user_interactions "
        "GROUP BY event_type ORDER BY COUNT(*) DESC LIMIT 2) GROUP BY 1, 2",
        "__timestamp",
    )
    assert not asked or "JOIN" in asked, asked


def tables(events: Dataset, users: Dataset, latest: Dataset) -> None:
    """Limits and order, rows as they are, samples, counts of rows, and the values that a filter offers."""
    events.holds(
        {"columns": ["user_id"], "metrics": [COUNT], "orderby": [[COUNT, False], ["user_id", True]], "row_limit": 5},
        "SELECT user_id, COUNT(*) AS n FROM raw_user_interactions GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5",
        ordered=True,
    )
    events.holds(
        {
            "columns": ["event_id", "request_latency_ms", "error_code", "event_timestamp"],
            "orderby": [["event_id", True]],
            "row_limit": 20,
            "row_offset": 10,
        },
        "SELECT event_id, request_latency_ms, error_code, event_timestamp FROM raw_user_interactions "
        "ORDER BY event_id LIMIT 20 OFFSET 10",
        "event_timestamp",
        ordered=True,
    )
    counted = events.chart({"columns": ["user_id"], "metrics": [COUNT], "is_rowcount": True})
    (ours,) = events.lake.query("SELECT COUNT(DISTINCT user_id) AS n FROM raw_user_interactions")
    (theirs,) = counted["data"]
    assert list(theirs.values()) == [ours["n"]], f"{theirs}, not {ours}: {counted['query']}"
    samples = users.chart({}, kind="samples")
    names = list(users.lake.query("SELECT * FROM users_transformed LIMIT 1")[0])
    assert samples["colnames"] == names and samples["rowcount"] > 100, samples["colnames"]
    assert any(row["quality_issues"] for row in samples["data"]), samples["data"][0]
    latest.holds(
        {
            "columns": ["country", "email_valid"],
            "metrics": [COUNT, {"expressionType": "SQL", "sqlExpression": "SUM(age_years) / 2.0", "label": "half"}],
        },
        "SELECT country, email_valid, COUNT(*) AS n, SUM(age_years) / 2.0 AS half FROM users_transformed_latest GROUP BY 1, 2",
    )
    path = f"/api/v1/datasource/table/{users.number}/column/country/values/"
    offered = users.superset.get(path)["result"]
    ours = [row["country"] for row in users.lake.query("SELECT DISTINCT country FROM users_transformed")]
    assert sorted(map(str, offered)) == sorted(map(str, ours)), f"{offered}, not {ours}"


def joined(virtual: Dataset) -> None:
    """Over a query that somebody wrote, not over a table."""
    virtual.holds(
        {
            "columns": [axis("event_timestamp", "PT1M"), "country"],
            "metrics": [COUNT, simple("MAX", "request_latency_ms", "slowest")],
            "orderby": [[COUNT, False]],
        },
        "SELECT date_trunc('minute', i.event_timestamp) AS event_timestamp, u.country, COUNT(*) AS n, "
        "MAX(i.request_latency_ms) AS slowest FROM raw_user_interactions i JOIN users_transformed u ON u.id = i.user_id "
        "WHERE i.request_latency_ms > 100 GROUP BY 1, 2",
        "event_timestamp",
    )


def refused(events: Dataset) -> None:
    """A chart's own error is the server's: it names the column."""
    wrong = {"expressionType": "SQL", "sqlExpression": "AVG(latncy)", "label": "latency"}
    status, answer = events.superset.ask("POST", "/api/v1/chart/data", events.asked({"metrics": [wrong]}))
    assert status >= 400 and "latncy" in str(answer), f"{status}: {answer}"
