//! Why a query has no answer.

use std::path::{Path, PathBuf};

use millrace_events::failure::{Class, Classified};
use polars::error::PolarsError;

/// See the variants. The text of a query may be in the message, the rows of a table never are.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error("there is no lake at {path}: fill one with `millrace run --lake {quoted}`, or name another with --lake", path = path.display(), quoted = quoted(path))]
    NoLake { path: PathBuf },
    #[error("could not read {path}: check that it is readable", path = path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is no readable Parquet file; restore it or move it out of the lake", path = path.display())]
    BadFile {
        path: PathBuf,
        #[source]
        source: PolarsError,
    },
    #[error(
        "objects of {path} went away again and again before they could be opened: ask again when the compaction is done",
        path = path.display()
    )]
    Restless { path: PathBuf },
    #[error("the lake could not be read")]
    Store(#[from] millrace_lake::StoreError),
    #[error("the lake's objects could not be listed")]
    Listing(#[source] Box<millrace_lake::raw_listing::ListingError>),
    #[error("the query could not be parsed: {reason}")]
    Syntax { reason: String },
    /// Polars would answer it wrongly, or not at all.
    #[error("{construct}: {remedy}")]
    Refused { construct: String, remedy: String },
    #[error("there is no table {name} in the lake: there are {}", known.join(", "))]
    NoTable { name: String, known: Vec<String> },
    /// Without the engine's own error, which quotes the values that a cast failed on.
    #[error("the query failed: {reason}")]
    Failed { reason: String },
    #[error("the answer could not be written")]
    Write(#[from] std::io::Error),
}

impl Classified for QueryError {
    fn class(&self) -> Class {
        Class::Stop
    }
}

/// As a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    shlex::try_quote(&path).map_or_else(|_| path.clone(), |quoted| quoted.into_owned())
}

/// What Polars says, without the plan, the syntax tree or the values that it may append, and with what helps.
pub(super) fn reason(error: &PolarsError) -> String {
    let text = error.to_string();
    let text = text.split("\n\nResolved plan").next().unwrap_or(&text).trim();
    if text.contains("Span(") {
        let start = text.split(['{', '(']).next().unwrap_or_default().trim();
        return format!("{start}: Polars' SQL does not know this form; say it with simpler parts");
    }
    // Texts of Polars 0.55: where they change, the remedy is missing and the message still right.
    let remedy = [
        ("to a string value", "write DATE '2026-01-31' or TIMESTAMP '2026-01-31 10:00:00'"),
        ("duplicate output name", "give one of them another name with AS"),
        ("string with numeric type", "write the number without quotes"),
        (
            "unable to find column",
            "names are case-sensitive (see `millrace tables --schema`); QUALIFY reads selected columns only, and GROUP \
             BY of a join the first table's: else give the column a name in a CTE first",
        ),
        ("conversion from", "TRY_CAST gives null for what cannot be converted"),
        ("was not found", "see `millrace tables` for the tables there are"),
    ];
    let text = text.split(". It's possible that").next().unwrap_or(text);
    // What follows are row values.
    let text = text.split(" values: [").next().unwrap_or(text);
    match remedy.iter().find(|(part, _)| text.contains(part)) {
        Some((_, remedy)) => format!("{text}: {remedy}"),
        None => text.to_owned(),
    }
}
