//! Why a query has no answer.

use std::path::{Path, PathBuf};

use datafusion::arrow::error::ArrowError;
use datafusion::common::{Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;
use millrace_events::failure::{Class, Classified};
use millrace_lake::StoreError;

use crate::place::Place;

/// See the variants. The text of a query may be in the message, the rows of a table never are.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Nobody has made one.
    #[error("there is no lake at {path}: fill one with `millrace run --lake {quoted}`, or name another with --lake", path = path.display(), quoted = quoted(path))]
    NoLake {
        /// The folder.
        path: PathBuf,
    },
    /// A file of the lake.
    #[error("{path} is no readable Parquet file ({reason}); restore it or move it out of the lake")]
    BadFile {
        /// With the lake's address.
        path: String,
        /// What the reader says.
        reason: String,
    },
    /// A file of the lake has other types than its table.
    #[error(
        "{path}: its column {column} is {found}, and the table's is {stated}; make the file anew, or move it out of the lake"
    )]
    OtherType {
        /// With the lake's address.
        path: String,
        /// The column.
        column: String,
        /// The file's type.
        found: String,
        /// The table's.
        stated: String,
    },
    /// Objects went away again and again between their listing and their opening, or once rows had been sent.
    #[error("objects of the lake were replaced while the query read them; ask again")]
    Restless,
    /// The lake's store.
    #[error("the lake could not be read")]
    Store(#[from] StoreError),
    /// The objects of a raw table.
    #[error("the lake's objects could not be listed")]
    Listing(#[source] Box<millrace_lake::raw_listing::ListingError>),
    /// The lake's Iceberg tables.
    #[error(transparent)]
    Iceberg(Box<millrace_iceberg::IcebergError>),
    /// The lake keeps no history of its tables.
    #[error(
        "the lake has no Iceberg tables, by which tables are read as they were: make them with `millrace adopt`, and ask for times since then"
    )]
    NoHistory,
    /// The lake keeps no history of this table.
    #[error("{table} has no Iceberg table, by which it could be read as it was: {}", if *is_raw { "raw tables have none; filter by _timestamp" } else { "make it with `millrace adopt`, and ask for times since then" })]
    NoTableHistory {
        /// The table.
        table: String,
        /// Of records as they landed.
        is_raw: bool,
    },
    /// The table's history doesn't reach there.
    #[error(
        "there is no snapshot for {asked}: {}",
        match oldest {
            Some((id, at)) => format!("the oldest that is left is {id} of {at}, and `millrace tables --history {table}` lists them all"),
            None => format!("{table} has none yet; a job makes the first"),
        }
    )]
    NoSnapshot {
        /// The table.
        table: String,
        /// With the id or instant that was asked for.
        asked: String,
        /// The oldest one's id and time.
        oldest: Option<(i64, String)>,
    },
    /// What is under erasure.
    #[error("the lake's list of erased persons could not be read")]
    Erased(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No SQL.
    #[error("the query could not be parsed: {reason}{place}")]
    Syntax {
        /// What the parser says.
        reason: String,
        /// Where.
        place: Place,
    },
    /// SQL that would write, or that the engine would answer wrongly.
    #[error("{construct}: {remedy}")]
    Refused {
        /// What was asked for.
        construct: String,
        /// What to do instead.
        remedy: String,
        /// The SQLSTATE.
        state: &'static str,
    },
    /// The lake has no such table.
    #[error("there is no table {name} in the lake: there are {}{place}", known.join(", "))]
    NoTable {
        /// As it was asked for.
        name: String,
        /// Where.
        place: Place,
        /// What can be named.
        known: Vec<String>,
    },
    /// Its tables have no such column.
    #[error("the query failed: {reason}{place}")]
    NoColumn {
        /// As it was asked for.
        name: String,
        /// With the name that is near, or those there are.
        reason: String,
        /// Where.
        place: Place,
    },
    /// A table whose rows are about persons, asked for by somebody who may not read such.
    #[error(
        "{name} holds data about persons, which this user may not read; take a table without them, or ask with the rights for it"
    )]
    Forbidden {
        /// The table.
        name: String,
    },
    /// The engine's words, without its plans and without values.
    #[error("the query failed: {reason}{place}")]
    Failed {
        /// What the engine says.
        reason: String,
        /// Where, if it is a part of the statement.
        place: Place,
        /// The SQLSTATE.
        state: &'static str,
    },
    /// More memory than a statement may take, with spilling.
    #[error("the query needs more memory than --memory gives it: {reason}")]
    Memory {
        /// What the engine says.
        reason: String,
    },
    /// It took too long.
    #[error("the query was ended after {seconds} s, as --timeout says")]
    Timeout {
        /// The limit.
        seconds: u64,
    },
    /// Somebody wanted it to end.
    #[error("the query was cancelled")]
    Cancelled,
    /// Its answer's file or pipe.
    #[error("the answer could not be written")]
    Write(#[from] std::io::Error),
}

impl Classified for QueryError {
    fn class(&self) -> Class {
        Class::Stop
    }
}

impl QueryError {
    /// The SQLSTATE, as PostgreSQL's clients know it.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "42601",
            Self::NoTable { .. } => "42P01",
            Self::NoColumn { .. } => "42703",
            Self::NoSnapshot { .. } | Self::NoHistory | Self::NoTableHistory { .. } => "42704",
            Self::Forbidden { .. } => "42501",
            Self::Refused { state, .. } | Self::Failed { state, .. } => state,
            Self::Restless => "40001",
            Self::Memory { .. } => "53200",
            Self::Timeout { .. } | Self::Cancelled => "57014",
            Self::NoLake { .. } | Self::Store(_) | Self::Listing(_) | Self::Erased(_) => "58000",
            Self::Iceberg(_) => "58000",
            Self::BadFile { .. } | Self::OtherType { .. } => "58030",
            Self::Write(_) => "58030",
        }
    }

    /// Whether it may come from bytes of a file that are not what was written. The engine's errors don't say whose.
    pub(crate) fn may_be_damage(&self) -> bool {
        matches!(self, Self::Failed { state: UNREADABLE | "XX000", .. })
    }

    /// Whether an object was removed or replaced that the statement had still to read.
    pub(crate) fn is_vanished(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_not_found())
    }

    /// The engine's error about `sql`.
    pub(crate) fn of_engine(error: DataFusionError, sql: &str) -> Self {
        let place = error.diagnostic().map_or_else(Place::default, |diagnostic| place(diagnostic, sql));
        Self::of_part(error, sql, place)
    }

    fn of_part(error: DataFusionError, sql: &str, place: Place) -> Self {
        let (reason, state) = match error {
            DataFusionError::Context(_, error) | DataFusionError::Diagnostic(_, error) => {
                return Self::of_part(*error, sql, place);
            }
            DataFusionError::Collection(errors) => {
                let first = errors.into_iter().next();
                let none = || DataFusionError::Internal("no error".to_owned());
                return Self::of_part(first.unwrap_or_else(none), sql, place);
            }
            DataFusionError::Shared(error) => return Self::shared(&error, sql, place),
            DataFusionError::External(error) => match error.downcast::<Self>() {
                Ok(error) => return *error,
                Err(error) => match error.downcast::<StoreError>() {
                    Ok(error) => return Self::Store(*error),
                    Err(error) => (error.to_string(), "XX000"),
                },
            },
            DataFusionError::ParquetError(error) => match *error {
                ParquetError::External(error) => {
                    return Self::of_part(DataFusionError::External(error), sql, place);
                }
                error => (error.to_string(), UNREADABLE),
            },
            DataFusionError::ArrowError(error, _) => match *error {
                ArrowError::ExternalError(error) => {
                    return Self::of_part(DataFusionError::External(error), sql, place);
                }
                error => of_arrow(&error),
            },
            DataFusionError::SQL(error, _) => return Self::of_parser(&error, sql),
            DataFusionError::SchemaError(error, _) => {
                let reason = of_names(&error);
                match *error {
                    SchemaError::FieldNotFound { field, .. } => {
                        return Self::NoColumn { name: field.name().to_owned(), reason, place };
                    }
                    _ => (reason, "42703"),
                }
            }
            DataFusionError::Plan(text) => match text.split("Invalid function '").nth(1) {
                Some(rest) => (of_function(rest.split('\'').next().unwrap_or_default()), "42883"),
                None => (cut(&text), "42000"),
            },
            DataFusionError::NotImplemented(text) => (of_unsupported(&text), "0A000"),
            DataFusionError::ResourcesExhausted(text) => return Self::Memory { reason: cut(&text) },
            DataFusionError::Execution(text) => of_execution(&text),
            DataFusionError::IoError(error) => (error.to_string(), "58030"),
            DataFusionError::Internal(text) => (format!("a fault of the engine: {}", cut(&text)), "XX000"),
            other => (cut(&other.to_string()), "XX000"),
        };
        Self::Failed { reason, place, state }
    }

    /// An error that several parts of a plan have met.
    fn shared(error: &DataFusionError, sql: &str, place: Place) -> Self {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(found) = source {
            if let Some(StoreError::NotFound { store, key }) = found.downcast_ref() {
                return Self::Store(StoreError::NotFound { store: store.clone(), key: key.clone() });
            }
            if let Some(error) = found.downcast_ref::<ArrowError>() {
                let (reason, state) = of_arrow(error);
                return Self::Failed { reason, place, state };
            }
            if let Some(DataFusionError::Execution(text)) = found.downcast_ref() {
                let (reason, state) = of_execution(text);
                return Self::Failed { reason, place, state };
            }
            if let Some(DataFusionError::ResourcesExhausted(text)) = found.downcast_ref() {
                return Self::Memory { reason: cut(text) };
            }
            source = found.source();
        }
        Self::of_part(DataFusionError::Execution(error.strip_backtrace()), sql, place)
    }

    pub(crate) fn of_parser(error: &datafusion::sql::sqlparser::parser::ParserError, sql: &str) -> Self {
        use datafusion::sql::sqlparser::parser::ParserError;
        let text = match error {
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
            ParserError::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
        };
        let (reason, place) = match text.rsplit_once(" at Line: ") {
            Some((reason, at)) => (reason.to_owned(), Place::of_text(at, sql)),
            None => (text, Place::default()),
        };
        Self::Syntax { reason, place }
    }
}

fn place(diagnostic: &Diagnostic, sql: &str) -> Place {
    let found = diagnostic.span.map(|span| Place::at(span.start.line, span.start.column, sql));
    found.unwrap_or_default()
}

/// Of Arrow's errors those of values quote them.
fn of_arrow(error: &ArrowError) -> (String, &'static str) {
    match error {
        ArrowError::ArithmeticOverflow(_) => (OUT_OF_RANGE.to_owned(), "22003"),
        ArrowError::DivideByZero => ("division by zero".to_owned(), "22012"),
        ArrowError::CastError(text)
        | ArrowError::ParseError(text)
        | ArrowError::InvalidArgumentError(text) => (of_cast(text), "22P02"),
        ArrowError::ParquetError(text) => (cut(text), UNREADABLE),
        ArrowError::ComputeError(text) => (cut(text), "22000"),
        ArrowError::ExternalError(error) => (cut(&error.to_string()), "XX000"),
        other => (cut(&other.to_string()), "XX000"),
    }
}

/// The SQLSTATE of what cannot be read.
const UNREADABLE: &str = "58030";

const OUT_OF_RANGE: &str = "a number is out of its type's range; CAST an operand to DECIMAL or DOUBLE first";

/// "Cannot cast string 'Ann' to value of Int32 type": what it quotes is a row's.
fn of_cast(text: &str) -> String {
    let lower = text.to_lowercase();
    if lower.contains("overflow") || lower.contains("out of range") || lower.contains("too large") {
        return OUT_OF_RANGE.to_owned();
    }
    let kind = text.rsplit_once(" to ").map(|(_, kind)| kind.trim_start_matches("value of "));
    let kind = kind.filter(|kind| !kind.contains('\'') && kind.len() < 60);
    let of = kind.map(|kind| format!(" of type {}", kind.trim_end_matches(" type"))).unwrap_or_default();
    format!("a value cannot be read as one{of}; TRY_CAST gives null for those")
}

fn of_execution(text: &str) -> (String, &'static str) {
    if text.contains("out of its type's range") {
        return (text.to_owned(), "22003");
    }
    let lower = text.to_lowercase();
    if lower.contains("cast")
        || lower.contains("parsing")
        || lower.contains("parse")
        || lower.contains("timestamp")
    {
        return (of_cast(text), "22007");
    }
    (cut(text), "22000")
}

fn of_names(error: &SchemaError) -> String {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let known: Vec<&str> = valid_fields.iter().map(|field| field.name()).collect();
            match crate::suggestion::nearest(field.name(), known.iter().copied()) {
                Some(near) => format!("there is no column {}; did you mean {near}?", field.name()),
                None if known.is_empty() => format!("there is no column {}", field.name()),
                None => {
                    let mut known = known;
                    known.sort_unstable();
                    known.dedup();
                    let more = known.len().saturating_sub(SHOWN);
                    known.truncate(SHOWN);
                    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                    format!("there is no column {}: there are {}{more}", field.name(), known.join(", "))
                }
            }
        }
        SchemaError::AmbiguousReference { field } => {
            format!("{} is a column of more than one table: write table.{}", field.name(), field.name())
        }
        other => cut(&other.to_string()),
    }
}

fn of_unsupported(text: &str) -> String {
    let remedies = [
        (
            "OuterReferenceColumn",
            "a column of the table beside it in FROM: select UNNEST(column) AS x instead, or join in a CTE",
        ),
        (
            "InSubquery",
            "IN (SELECT …) outside of WHERE: LEFT JOIN the different values, and test that one was found",
        ),
        ("WindowFunction", "a window function in WHERE: write QUALIFY, or filter in a query around this one"),
    ];
    match remedies.iter().find(|(part, _)| text.contains("logical expression") && text.contains(part)) {
        Some((_, remedy)) => format!("not supported: {remedy}"),
        None => format!("not supported: {}", cut(text)),
    }
}

/// What PostgreSQL has in the place of functions that other engines know.
const OTHERS: [(&str, &str); 16] = [
    ("strftime", "TO_CHAR(x, 'YYYY-MM-DD')"),
    ("date_format", "TO_CHAR(x, 'YYYY-MM-DD')"),
    ("strptime", "TO_TIMESTAMP(text, 'YYYY-MM-DD HH24:MI:SS')"),
    ("date_diff", "later - earlier, which is days between dates"),
    ("datediff", "later - earlier, which is days between dates"),
    ("dateadd", "x + INTERVAL '1 day'"),
    ("epoch", "EXTRACT(EPOCH FROM x)"),
    ("dayname", "TO_CHAR(x, 'FMDay')"),
    ("monthname", "TO_CHAR(x, 'FMMonth')"),
    ("last_day", "DATE_TRUNC('month', x) + INTERVAL '1 month' - INTERVAL '1 day'"),
    ("if", "CASE WHEN … THEN … ELSE … END"),
    ("iff", "CASE WHEN … THEN … ELSE … END"),
    ("regexp_matches", "x ~ 'pattern'"),
    ("quantile_disc", "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY x)"),
    ("percentile_disc", "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY x)"),
    ("mode", "a query with GROUP BY x ORDER BY COUNT(*) DESC LIMIT 1"),
];

fn of_function(name: &str) -> String {
    match OTHERS.iter().find(|(other, _)| *other == name) {
        Some((_, ours)) => format!("there is no function {name}: write {ours}"),
        None => format!("there is no function {name}: SHOW FUNCTIONS lists them"),
    }
}

/// Columns that a message lists.
const SHOWN: usize = 12;

/// The first line of what the engine says, without the traces that it may append.
fn cut(text: &str) -> String {
    let text = text.split("\n\nbacktrace").next().unwrap_or(text);
    let text = text.trim_start_matches("Error during planning: ").trim_start_matches("Execution error: ");
    let line = text.lines().next().unwrap_or_default().trim();
    // What follows is the tree of the statement or of the plan.
    let ends = [line.find(" { "), line.find("(On("), line.find("(BinaryOp"), line.find("Function(")];
    let line = ends.into_iter().flatten().min().map_or(line, |end| &line[..end]);
    let line = match line.strip_prefix("Column in SELECT must be in GROUP BY or an aggregate function: ") {
        Some(rest) => {
            let column = rest.split('"').nth(1).unwrap_or_default();
            return format!("{column} must be in GROUP BY, or within an aggregate such as MIN({column})");
        }
        None => line,
    };
    line.trim_end_matches('.').to_owned()
}

/// As a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    shlex::try_quote(&path).map_or_else(|_| path.clone(), |quoted| quoted.into_owned())
}
