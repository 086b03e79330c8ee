//! What the prompt completes: tables and views, columns, keywords, and its own commands.

use std::collections::BTreeSet;

use millrace_tables::tables;
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

const KEYWORDS: [&str; 44] = [
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COUNT",
    "CROSS",
    "CURRENT_DATE",
    "DATE",
    "DATE_TRUNC",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "ELSE",
    "END",
    "EXISTS",
    "EXPLAIN",
    "EXTRACT",
    "FILTER",
    "FROM",
    "GROUP",
    "HAVING",
    "ILIKE",
    "INTERVAL",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NULLS",
    "ORDER",
    "OVER",
    "PARTITION",
    "QUALIFY",
    "SELECT",
    "SHOW",
    "TABLES",
    "THEN",
    "TIMESTAMP",
    "UNION",
    "WHEN",
    "WHERE",
    "WITH",
];

/// The words that a prompt knows.
pub(super) struct Words {
    sql: BTreeSet<String>,
    commands: &'static [&'static str],
}

impl Words {
    /// The catalogue's names: a lake far away is not listed for them.
    pub(super) fn new(commands: &'static [&'static str]) -> Self {
        let mut sql: BTreeSet<String> = KEYWORDS.iter().map(|word| (*word).to_owned()).collect();
        for table in tables() {
            let name = table.name();
            sql.extend(table.views().iter().map(|view| format!("{name}{}", view.suffix())));
            sql.extend(table.schema.fields().iter().map(|field| field.name().clone()));
            sql.insert(name);
        }
        Self { sql, commands }
    }

    /// The words that the one which ends at `end` may become, and where it begins. Names keep the case they have, keywords that
    /// of what is typed.
    fn completed(&self, line: &str, end: usize) -> (usize, Vec<String>) {
        let typed = &line[..end];
        if typed.trim_start().starts_with(['.', '\\']) && !typed.trim_start().contains(' ') {
            let start = typed.len() - typed.trim_start().len();
            let begun = &typed[start..];
            let found = self.commands.iter().filter(|command| command.starts_with(begun));
            return (start, found.map(|command| (*command).to_owned()).collect());
        }
        let start =
            typed.rfind(|letter: char| !letter.is_alphanumeric() && letter != '_').map_or(0, |at| at + 1);
        let begun = &typed[start..];
        if begun.is_empty() {
            return (end, Vec::new());
        }
        let lower = begun.to_lowercase();
        let found = self.sql.iter().filter(|word| word.to_lowercase().starts_with(&lower));
        let is_lower = begun.chars().all(|letter| !letter.is_uppercase());
        let cased = found.map(|word| if is_lower { word.to_lowercase() } else { word.clone() });
        (start, cased.collect())
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, end: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.completed(line, end))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keywords_and_commands_are_completed() {
        let words = Words::new(&[".tables", ".timer", "\\d"]);
        let complete = |line: &str| words.completed(line, line.len());
        assert_eq!(complete("SELECT * FROM users_tr").1, ["users_transformed", "users_transformed_latest"]);
        assert_eq!(complete("SELECT request_lat"), (7, vec!["request_latency_ms".to_owned()]));
        assert!(
            complete("sel").1.contains(&"select".to_owned())
                && complete("SEL").1.contains(&"SELECT".to_owned())
        );
        assert_eq!(complete(".t").1, [".tables", ".timer"]);
        assert_eq!(complete("SELECT "), (7, Vec::new()));
    }
}
