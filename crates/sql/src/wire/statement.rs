//! What a client's statement asks for: rows of the engine, or something of its session.

use datafusion::sql::sqlparser::ast::{
    CloseCursor, CopyLegacyOption, CopyOption, CopySource, CopyTarget, DiscardObject, Expr, FetchDirection,
    ObjectName, Reset, Set, Statement as Sql, Value, ValueWithSpan,
};

use crate::parsing::statements;
use crate::wire::column_names::ColumnNames;
use crate::wire::copy::CopyForm;
use crate::wire::problem::Problem;
use crate::wire::rewrite::rewritten;
use crate::wire::shown_statement::without_literals;

/// A statement for the engine.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) sql: String,
    /// It is not as the client wrote it: places in it are none of the client's.
    pub(super) is_rewritten: bool,
    /// What is said at its end.
    pub(super) verb: &'static str,
    pub(super) names: ColumnNames,
}

#[derive(Debug, Clone)]
pub(super) enum Command {
    Query(Query),
    Set {
        name: String,
        value: String,
    },
    /// Said and done: it has no meaning here.
    Nothing(&'static str),
    Show(String),
    ShowAll,
    Reset(Option<String>),
    Begin,
    Commit,
    Rollback,
    RollbackTo,
    Savepoint,
    Release,
    DiscardAll,
    Deallocate(Option<String>),
    Declare {
        name: String,
        query: Query,
        hold: bool,
    },
    Fetch {
        name: String,
        count: Option<u64>,
        moves: bool,
    },
    CloseCursor(Option<String>),
    Copy {
        query: Query,
        form: CopyForm,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Parsed {
    pub(super) command: Command,
    /// For the log.
    pub(super) shown: String,
}

impl Parsed {
    /// Whether it is allowed once a statement of the transaction has failed.
    pub(super) fn ends_transaction(&self) -> bool {
        matches!(self.command, Command::Commit | Command::Rollback | Command::RollbackTo)
    }
}

/// None of an empty text.
pub(super) fn parse(sql: &str) -> Result<Option<Parsed>, Problem> {
    let mut statements = match statements(sql) {
        Ok(statements) => statements,
        Err(_) => return Ok(Some(unparsed(sql))),
    };
    if statements.len() > 1 {
        return Err(Problem::new("42601", "cannot insert multiple commands into a prepared statement"));
    }
    let Some(statement) = statements.pop() else { return Ok(None) };
    let shown = without_literals(&statement);
    Ok(Some(Parsed { command: command(statement, sql)?, shown }))
}

/// What sqlparser doesn't know and clients send; else the engine says what is wrong and where.
fn unparsed(sql: &str) -> Parsed {
    let words: Vec<String> = sql
        .split(|c: char| c.is_whitespace() || c == ';')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command = match words.as_slice() {
        ["abort", ..] => Command::Rollback,
        ["unlisten", ..] => Command::Nothing("UNLISTEN"),
        ["discard", _] => Command::DiscardAll,
        ["deallocate", "all"] | ["deallocate", "prepare", "all"] => Command::Deallocate(None),
        ["reset", "session", "authorization"] | ["reset", "role"] => Command::Nothing("RESET"),
        ["close", "all"] => Command::CloseCursor(None),
        ["move", rest @ ..] => return moved(rest),
        _ => Command::Query(Query {
            sql: sql.to_owned(),
            is_rewritten: false,
            verb: "SELECT",
            names: ColumnNames::default(),
        }),
    };
    Parsed { command, shown: "(a statement that is no SQL)".to_owned() }
}

fn moved(words: &[&str]) -> Parsed {
    let count = match words.iter().find(|word| !matches!(**word, "forward" | "next")) {
        Some(&"all") => None,
        Some(word) => Some(word.parse().unwrap_or(1)),
        None => Some(1),
    };
    let name = words.last().map(|name| name.trim_matches('"').to_owned()).unwrap_or_default();
    Parsed { command: Command::Fetch { name, count, moves: true }, shown: "MOVE".to_owned() }
}

fn command(statement: Sql, sql: &str) -> Result<Command, Problem> {
    let command = match statement {
        Sql::Set(set) => return assignment(set),
        Sql::ShowVariable { variable } => {
            let name =
                variable.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(" ").to_lowercase();
            match name.as_str() {
                "all" => Command::ShowAll,
                "transaction isolation level" => Command::Show("transaction_isolation".to_owned()),
                "session authorization" => Command::Show("session_authorization".to_owned()),
                "time zone" => Command::Show("TimeZone".to_owned()),
                _ => Command::Show(name.replace(' ', ".")),
            }
        }
        Sql::Reset(reset) => Command::Reset(match reset.reset {
            Reset::ALL => None,
            Reset::ConfigurationParameter(name) => Some(name_of(&name)),
        }),
        Sql::StartTransaction { statements, .. } if statements.is_empty() => Command::Begin,
        Sql::Commit { .. } => Command::Commit,
        Sql::Rollback { savepoint: Some(_), .. } => Command::RollbackTo,
        Sql::Rollback { .. } => Command::Rollback,
        Sql::Savepoint { .. } => Command::Savepoint,
        Sql::ReleaseSavepoint { .. } => Command::Release,
        Sql::Discard { object_type: DiscardObject::ALL } => Command::DiscardAll,
        Sql::Discard { .. } => Command::Nothing("DISCARD"),
        Sql::Deallocate { name, .. } => {
            let all = name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all");
            Command::Deallocate((!all).then_some(name.value))
        }
        Sql::LISTEN { .. } => Command::Nothing("LISTEN"),
        Sql::UNLISTEN { .. } => Command::Nothing("UNLISTEN"),
        Sql::Declare { mut stmts } if stmts.len() == 1 => {
            let Some((declared, query)) = stmts.pop().and_then(|mut declared| {
                let query = declared.for_query.take()?;
                Some((declared, query))
            }) else {
                return Err(Problem::new("42601", "DECLARE is answered for cursors"));
            };
            let name = declared.names.first().map(|name| name.value.clone()).unwrap_or_default();
            let query = query_of(Sql::Query(query), None);
            Command::Declare { name, query, hold: declared.hold == Some(true) }
        }
        Sql::Fetch { name, direction, .. } => {
            Command::Fetch { name: name.value, count: count_of(direction)?, moves: false }
        }
        Sql::Close { cursor: CloseCursor::All } => Command::CloseCursor(None),
        Sql::Close { cursor: CloseCursor::Specific { name } } => Command::CloseCursor(Some(name.value)),
        Sql::Copy { source, to: true, target: CopyTarget::Stdout, options, legacy_options, .. } => {
            let inner = match source {
                CopySource::Query(query) => query.to_string(),
                CopySource::Table { table_name, columns } if columns.is_empty() => {
                    format!("SELECT * FROM {table_name}")
                }
                CopySource::Table { table_name, columns } => {
                    let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
                    format!("SELECT {} FROM {table_name}", columns.join(", "))
                }
            };
            let query = match parse(&inner)? {
                Some(Parsed { command: Command::Query(query), .. }) => Query { is_rewritten: true, ..query },
                _ => return Err(Problem::new("42601", "COPY is answered for queries and tables")),
            };
            Command::Copy { query, form: copy_form(&options, &legacy_options)? }
        }
        Sql::Copy {
            target: CopyTarget::File { .. } | CopyTarget::Program { .. } | CopyTarget::Stdin,
            ..
        } => {
            return Err(Problem::new(
                "25006",
                "COPY is answered TO STDOUT alone: the lake is written by landing and jobs",
            ));
        }
        other => Command::Query(query_of(other, Some(sql))),
    };
    Ok(command)
}

fn query_of(statement: Sql, written: Option<&str>) -> Query {
    let verb = match statement {
        Sql::Explain { .. } | Sql::ExplainTable { .. } => "EXPLAIN",
        Sql::ShowTables { .. } | Sql::ShowColumns { .. } | Sql::ShowFunctions { .. } => "SHOW",
        _ => "SELECT",
    };
    let names = ColumnNames::of(&statement);
    match (rewritten(&statement), written) {
        (Some(sql), _) => Query { sql, is_rewritten: true, verb, names },
        (None, Some(sql)) => Query { sql: sql.to_owned(), is_rewritten: false, verb, names },
        (None, None) => Query { sql: statement.to_string(), is_rewritten: true, verb, names },
    }
}

fn name_of(name: &ObjectName) -> String {
    let parts: Vec<String> =
        name.0.iter().map(|part| part.to_string().trim_matches('"').to_owned()).collect();
    parts.join(".")
}

fn assignment(set: Set) -> Result<Command, Problem> {
    let nothing = || Command::Nothing("SET");
    Ok(match set {
        Set::SingleAssignment { variable, values, .. } => {
            let name = name_of(&variable);
            let values: Vec<String> = values.iter().map(text_of).collect();
            // What its own words say is its transaction's: this one only reads.
            let of_transaction = name.eq_ignore_ascii_case("transaction_isolation")
                || name.eq_ignore_ascii_case("default_transaction_isolation");
            if of_transaction { nothing() } else { Command::Set { name, value: values.join(", ") } }
        }
        Set::SetTimeZone { value, .. } => {
            Command::Set { name: "TimeZone".to_owned(), value: text_of(&value) }
        }
        Set::SetNames { charset_name, .. } => {
            Command::Set { name: "client_encoding".to_owned(), value: charset_name.value }
        }
        Set::SetNamesDefault {} | Set::SetTransaction { .. } => nothing(),
        Set::SetRole { role_name: None, .. } => nothing(),
        Set::SetRole { .. } | Set::SetSessionAuthorization(_) => {
            return Err(Problem::new("42501", "another user's rights are had by logging in as that user"));
        }
        _ => return Err(Problem::new("0A000", "this form of SET is not answered: SET name TO value")),
    })
}

fn text_of(expr: &Expr) -> String {
    match expr {
        Expr::Value(value) => text_of_value(value),
        Expr::Identifier(name) => name.value.clone(),
        other => other.to_string(),
    }
}

fn text_of_value(value: &ValueWithSpan) -> String {
    match &value.value {
        Value::SingleQuotedString(text)
        | Value::DoubleQuotedString(text)
        | Value::EscapedStringLiteral(text) => text.clone(),
        other => other.to_string(),
    }
}

fn count_of(direction: FetchDirection) -> Result<Option<u64>, Problem> {
    let number = |limit: ValueWithSpan| limit.to_string().parse().map(Some).map_err(|_| backwards());
    match direction {
        FetchDirection::Next => Ok(Some(1)),
        FetchDirection::Count { limit } | FetchDirection::Forward { limit: Some(limit) } => number(limit),
        FetchDirection::Forward { limit: None } => Ok(Some(1)),
        FetchDirection::All | FetchDirection::ForwardAll => Ok(None),
        _ => Err(backwards()),
    }
}

fn backwards() -> Problem {
    Problem::new("55000", "cursor can only scan forward")
}

fn copy_form(options: &[CopyOption], legacy: &[CopyLegacyOption]) -> Result<CopyForm, Problem> {
    let mut form = CopyForm::Text;
    let mut header = false;
    for option in options {
        match option {
            CopyOption::Format(name) => {
                form = match name.value.to_lowercase().as_str() {
                    "binary" => CopyForm::Binary,
                    "csv" => CopyForm::Csv { header: false },
                    "text" => CopyForm::Text,
                    _ => return Err(Problem::new("22023", "COPY format is text, csv or binary")),
                };
            }
            CopyOption::Header(on) => header = *on,
            CopyOption::Encoding(_) => {}
            other => {
                return Err(Problem::new(
                    "0A000",
                    format!("COPY option not answered: {}", first_word(&other.to_string())),
                ));
            }
        }
    }
    for option in legacy {
        match option {
            CopyLegacyOption::Binary => form = CopyForm::Binary,
            CopyLegacyOption::Csv(more) if more.is_empty() => form = CopyForm::Csv { header: false },
            CopyLegacyOption::Csv(more)
                if more.iter().all(|option| option.to_string().eq_ignore_ascii_case("header")) =>
            {
                form = CopyForm::Csv { header: true };
            }
            CopyLegacyOption::Header => header = true,
            other => {
                return Err(Problem::new(
                    "0A000",
                    format!("COPY option not answered: {}", first_word(&other.to_string())),
                ));
            }
        }
    }
    Ok(match form {
        CopyForm::Csv { header: had } => CopyForm::Csv { header: had || header },
        form if header => {
            return Err(Problem::new(
                "0A000",
                format!("COPY with a header is answered in CSV alone, not as {form:?}"),
            ));
        }
        form => form,
    })
}

fn first_word(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().to_owned()
}
