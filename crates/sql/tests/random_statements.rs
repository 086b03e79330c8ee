//! Random filters, joins, groups and windows over the lake of `tests/queries`, answered as DuckDB answers them.
//!
//! Every run has a new seed, which is printed; MILLRACE_TEST_SEED gives one again.

mod other_engine;

use std::hash::{BuildHasher, Hasher};

use millrace_sql::Session;
use other_engine::{alike, ours, python, theirs};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

const STATEMENTS: usize = 300;

/// A table with its columns by kind; `key` tells its rows apart.
struct Table {
    name: &'static str,
    key: &'static str,
    texts: &'static [&'static str],
    numbers: &'static [&'static str],
    instants: &'static [&'static str],
}

const TABLES: [Table; 4] = [
    Table {
        name: "raw_user_interactions",
        key: "event_id",
        texts: &["user_id", "session_id", "event_type", "status"],
        numbers: &["request_latency_ms", "error_code", "product_id"],
        instants: &["event_timestamp", "_timestamp"],
    },
    Table {
        name: "raw_video_engagements",
        key: "event_id",
        texts: &["user_id", "video_id", "action", "device"],
        numbers: &["position_ms", "video_length_ms"],
        instants: &["event_timestamp"],
    },
    Table {
        name: "raw_ad_events",
        key: "event_id",
        texts: &["user_id", "campaign_id", "placement", "action"],
        numbers: &["cost_micros", "revenue_micros"],
        instants: &["event_timestamp"],
    },
    Table {
        name: "users_transformed_latest",
        key: "source_offset",
        texts: &["id", "first_name", "country", "gender", "age_group"],
        numbers: &["age_years", "account_age_days"],
        instants: &["processed_at"],
    },
];

struct Writer(ChaCha8Rng);

impl Writer {
    fn of<'a, T: ?Sized>(&mut self, all: &'a [&'a T]) -> &'a T {
        all.choose(&mut self.0).expect("there are some")
    }

    fn table(&mut self) -> &'static Table {
        TABLES.choose(&mut self.0).expect("there are some")
    }

    fn predicate(&mut self, table: &Table, alias: &str, depth: u32) -> String {
        if depth > 0 && self.0.random_bool(0.4) {
            let (left, right) =
                (self.predicate(table, alias, depth - 1), self.predicate(table, alias, depth - 1));
            let joined = format!("({left} {} {right})", self.of(&["AND", "OR"]));
            return if self.0.random_bool(0.2) { format!("NOT {joined}") } else { joined };
        }
        let (text, number) = (self.of(table.texts), self.of(table.numbers));
        let instant = self.of(table.instants);
        let value: i32 = self.0.random_range(-5..900);
        match self.0.random_range(0..9) {
            0 => format!("{alias}.{number} {} {value}", self.of(&["<", "<=", "=", ">=", ">", "<>"])),
            1 => format!("{alias}.{number} IS {}NULL", self.of(&["", "NOT "])),
            2 => format!(
                "{alias}.{text} {}LIKE '%{}%'",
                self.of(&["", "NOT "]),
                self.of(&["1", "e", "A", "u0"])
            ),
            3 => format!("{alias}.{text} IN ('u01', 'u05', 'PLAY', 'CLICK', 'SUCCESS', 'Denmark')"),
            4 => format!("{alias}.{number} {}BETWEEN {value} AND {}", self.of(&["", "NOT "]), value + 300),
            5 => format!("({alias}.{text} IS DISTINCT FROM '{}')", self.of(&["ERROR", "top", "male", "c1"])),
            6 => format!(
                "EXTRACT(HOUR FROM {alias}.{instant}) {} {}",
                self.of(&["<", ">="]),
                value.rem_euclid(24)
            ),
            7 => format!("COALESCE({alias}.{number}, {value}) % 3 = {}", value.rem_euclid(3)),
            _ => format!("{alias}.{number} * 2 - {value} > {alias}.{number}"),
        }
    }

    fn aggregate(&mut self, table: &Table, alias: &str) -> String {
        let (text, number) = (self.of(table.texts), self.of(table.numbers));
        let of = match self.0.random_range(0..8) {
            0 => "COUNT(*)".to_owned(),
            1 => format!("COUNT({alias}.{number})"),
            2 => format!("COUNT(DISTINCT {alias}.{text})"),
            3 => format!("SUM({alias}.{number})"),
            4 => format!("MIN({alias}.{text})"),
            5 => format!("MAX({alias}.{number})"),
            6 => format!("AVG({alias}.{number})"),
            _ => format!("SUM(CASE WHEN {} THEN 1 ELSE 0 END)", self.predicate(table, alias, 0)),
        };
        if self.0.random_bool(0.2) {
            format!("{of} FILTER (WHERE {})", self.predicate(table, alias, 0))
        } else {
            of
        }
    }

    fn statement(&mut self) -> String {
        let table = self.table();
        let filter = self.predicate(table, "a", 2);
        let (text, other) = (self.of(table.texts), self.of(table.texts));
        let number = self.of(table.numbers);
        let name = table.name;
        match self.0.random_range(0..7) {
            0 => format!(
                "SELECT a.{}, a.{number}, a.{text} FROM {name} a WHERE {filter} ORDER BY 1, 2, 3",
                table.key
            ),
            1 => {
                let (one, two) = (self.aggregate(table, "a"), self.aggregate(table, "a"));
                format!(
                    "SELECT a.{text} AS k, {one} AS x, {two} AS y FROM {name} a WHERE {filter} GROUP BY a.{text} ORDER BY k"
                )
            }
            2 => {
                let having = self.0.random_range(1..20);
                let one = self.aggregate(table, "a");
                format!(
                    "SELECT a.{text} AS k, a.{other} AS l, {one} AS x FROM {name} a WHERE {filter} GROUP BY a.{text}, a.{other} \
                     HAVING COUNT(*) > {having} ORDER BY k, l"
                )
            }
            3 => {
                let right = self.table();
                let kind = self.of(&["JOIN", "LEFT JOIN", "FULL JOIN"]);
                let (left_id, right_id) = (subject(table), subject(right));
                let more = self.predicate(right, "b", 0);
                let counted = self.aggregate(right, "b");
                // A FULL JOIN of DuckDB and of ours takes equalities alone.
                let on = if kind == "FULL JOIN" { String::new() } else { format!(" AND {more}") };
                format!(
                    "SELECT a.{text} AS k, COUNT(*) AS n, {counted} AS x FROM (SELECT * FROM {name} a WHERE {filter}) a \
                     {kind} {} b ON a.{left_id} = b.{right_id}{on} GROUP BY a.{text} ORDER BY k",
                    right.name
                )
            }
            4 => {
                let window =
                    self.of(&["ROW_NUMBER()", "RANK()", "COUNT(*)", "LAG(a.KEY)", "FIRST_VALUE(a.KEY)"]);
                let window = window.replace("KEY", table.key);
                format!(
                    "SELECT a.{key}, {window} OVER (PARTITION BY a.{text} ORDER BY a.{number}, a.{key}) AS w FROM {name} a \
                     WHERE {filter} ORDER BY a.{key}",
                    key = table.key
                )
            }
            5 => {
                let inner = self.table();
                let (id, within) = (subject(table), subject(inner));
                let condition = self.predicate(inner, "b", 1);
                let not = self.of(&["", "NOT "]);
                format!(
                    "SELECT COUNT(*) AS n FROM {name} a WHERE {not}EXISTS (SELECT 1 FROM {} b WHERE b.{within} = a.{id} AND {condition})",
                    inner.name
                )
            }
            _ => {
                let rows = self.0.random_range(1..5);
                format!(
                    "SELECT a.{key}, SUM(a.{number}) OVER (PARTITION BY a.{text} ORDER BY a.{key} ROWS BETWEEN {rows} PRECEDING AND CURRENT ROW) AS w \
                     FROM {name} a WHERE {filter} ORDER BY a.{key}",
                    key = table.key
                )
            }
        }
    }
}

fn subject(table: &Table) -> &'static str {
    if table.name == "users_transformed_latest" { "id" } else { "user_id" }
}

#[test]
fn random_statements_are_answered_as_duckdb_answers_them() {
    let Some(python) = python("random statements") else { return };
    let given = std::env::var("MILLRACE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = given.unwrap_or_else(|| std::hash::RandomState::new().build_hasher().finish());
    println!("seed {seed}");
    let mut writer = Writer(ChaCha8Rng::seed_from_u64(seed));
    let sql: Vec<String> = (0..STATEMENTS).map(|_| writer.statement()).collect();
    let lake = tempfile::tempdir().expect("a folder");
    let theirs = theirs(&python, "answer.py", lake.path(), &sql);
    let session = Session::open(lake.path()).expect("a lake");
    let mut wrong = Vec::new();
    for (sql, theirs) in sql.iter().zip(theirs) {
        match (ours(&session, sql), theirs) {
            (Ok(ours), Ok(theirs)) => {
                let (ours, theirs) = (json!(ours), json!(theirs));
                if !alike(&ours, &theirs) {
                    wrong.push(format!("{sql}\n  ours:   {ours}\n  DuckDB: {theirs}"));
                }
            }
            (Err(error), _) => wrong.push(format!("{sql}\n  is not answered: {error}")),
            (_, Err(error)) => wrong.push(format!("{sql}\n  is not answered by DuckDB: {error}")),
        }
    }
    assert!(wrong.is_empty(), "seed {seed}: {} of {STATEMENTS}:\n{}", wrong.len(), wrong.join("\n"));
}
