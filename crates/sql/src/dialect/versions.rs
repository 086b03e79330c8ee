//! `t VERSION AS OF 1234567890` and `t TIMESTAMP AS OF '2026-02-01 10:00:00'`, which PostgreSQL's grammar hasn't: drawn into the table's
//! name before a statement is parsed. How other engines write this is refused: DataFusion passes over a table's version in silence.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use chrono::{DateTime, NaiveDateTime, Utc};
use datafusion::arrow::compute::kernels::cast_utils::string_to_datetime;
use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, ObjectNamePart, Query, Statement, TableAlias, TableFactor, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::keywords::{Keyword, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Word};

use crate::as_of::{AsOf, Version};
use crate::error::QueryError;
use crate::place::Place;

const EXAMPLES: &str =
    "t TIMESTAMP AS OF '2026-02-01 10:00:00', or t VERSION AS OF 1234567890 with a snapshot's id";

/// Where the names are that clauses were drawn into.
#[derive(Debug, Default)]
pub(crate) struct Versions(BTreeSet<Location>);

/// Draws every clause into the name before it.
pub(crate) fn draw_in(
    tokens: Vec<TokenWithSpan>,
    sql: &str,
) -> Result<(Vec<TokenWithSpan>, Versions), QueryError> {
    let words = Words { tokens: tokens.iter().filter(|token| !is_space(token)).collect(), sql };
    let mut names = BTreeMap::new();
    let mut gone = BTreeSet::new();
    let mut at = 0;
    while at < words.tokens.len() {
        words.refuse_others(at)?;
        let Some((version, length)) = words.version(at)? else {
            at += 1;
            continue;
        };
        let name = words.tokens[at - 1];
        let Token::Word(word) = &name.token else {
            return Err(words.misplaced(words.tokens[at].span.start));
        };
        let table = match word.quote_style {
            None => word.value.to_ascii_lowercase(),
            Some(_) => word.value.clone(),
        };
        names.insert(name.span.start, AsOf { table, version }.to_string());
        gone.extend(words.tokens[at..at + length].iter().map(|token| token.span.start));
        at += length;
    }
    let places = Versions(names.keys().copied().collect());
    let kept = tokens.into_iter().filter(|token| is_space(token) || !gone.contains(&token.span.start));
    let drawn = kept.map(|token| match names.get(&token.span.start) {
        Some(name) if !is_space(&token) => TokenWithSpan { token: quoted(name), span: token.span },
        _ => token,
    });
    Ok((drawn.collect(), places))
}

fn is_space(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_))
}

fn quoted(name: &str) -> Token {
    Token::Word(Word { value: name.to_owned(), quote_style: Some('"'), keyword: Keyword::NoKeyword })
}

/// A statement's tokens without the space between them.
struct Words<'a> {
    tokens: Vec<&'a TokenWithSpan>,
    sql: &'a str,
}

impl Words<'_> {
    fn token(&self, at: usize) -> &Token {
        self.tokens.get(at).map_or(&Token::EOF, |token| &token.token)
    }

    /// The words from `at` on are these, none of them in quotes.
    fn are(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(next, word)| self.is_one_of(at + next, &[word]))
    }

    fn is_one_of(&self, at: usize, words: &[&str]) -> bool {
        let Token::Word(Word { value, quote_style: None, .. }) = self.token(at) else { return false };
        words.iter().any(|word| value.eq_ignore_ascii_case(word))
    }

    fn is_text(&self, at: usize) -> bool {
        matches!(self.token(at), Token::SingleQuotedString(_))
    }

    /// The clause that begins at `at`, and how many tokens it takes.
    fn version(&self, at: usize) -> Result<Option<(Version, usize)>, QueryError> {
        let is_version = self.are(at, &["VERSION", "AS", "OF"]);
        if !(is_version || self.are(at, &["TIMESTAMP", "AS", "OF"])) || !self.ends_table(at) {
            return Ok(None);
        }
        let literal = at + 3;
        let is_typed =
            self.is_one_of(literal, &["TIMESTAMP", "TIMESTAMPTZ", "DATE"]) && self.is_text(literal + 1);
        let length = if is_typed { 5 } else { 4 };
        let found = match (is_version, self.token(at + length - 1)) {
            (true, Token::Number(id, _) | Token::SingleQuotedString(id)) if !is_typed => {
                id.parse().ok().map(Version::Snapshot)
            }
            (false, Token::SingleQuotedString(text)) => instant(text).map(Version::At),
            // A column of this name that is called `of`: SELECT DISTINCT version AS of FROM t.
            _ if !self.begins_value(literal) => return Ok(None),
            _ => None,
        };
        match found.filter(|_| !self.goes_on(at + length)) {
            Some(version) => Ok(Some((version, length))),
            None if is_version => Err(self.syntax(
                literal,
                "VERSION AS OF takes a snapshot's id as a number, such as 1234567890; `millrace tables --history TABLE` lists a table's",
            )),
            None => Err(self.syntax(
                literal,
                "TIMESTAMP AS OF takes an instant as a text, in UTC where it names no zone, such as '2026-02-01 10:00:00'",
            )),
        }
    }

    /// What is before `at` can be a table.
    fn ends_table(&self, at: usize) -> bool {
        match at.checked_sub(1).map(|before| self.token(before)) {
            Some(Token::RParen) => true,
            Some(Token::Word(word)) => {
                let other = [Keyword::DISTINCT, Keyword::ALL, Keyword::AND, Keyword::OR, Keyword::NOT];
                ![RESERVED_FOR_TABLE_ALIAS, RESERVED_FOR_COLUMN_ALIAS, &other]
                    .iter()
                    .any(|reserved| reserved.contains(&word.keyword))
            }
            _ => false,
        }
    }

    fn begins_value(&self, at: usize) -> bool {
        let is_call = matches!(self.token(at), Token::Word(_)) && *self.token(at + 1) == Token::LParen;
        is_call
            || matches!(
                self.token(at),
                Token::Number(..)
                    | Token::SingleQuotedString(_)
                    | Token::Placeholder(_)
                    | Token::Minus
                    | Token::LParen
            )
            || self.is_one_of(
                at,
                &["CURRENT_TIMESTAMP", "CURRENT_DATE", "LOCALTIMESTAMP", "TIMESTAMP", "DATE", "CAST"],
            )
    }

    /// What follows a literal makes an expression of it.
    fn goes_on(&self, at: usize) -> bool {
        matches!(
            self.token(at),
            Token::DoubleColon | Token::Plus | Token::Minus | Token::Mul | Token::StringConcat
        ) || self.are(at, &["AT", "TIME", "ZONE"])
    }

    fn refuse_others(&self, at: usize) -> Result<(), QueryError> {
        let is_option = |at: usize, options: &[&str]| {
            *self.token(at) == Token::LParen
                && self.is_one_of(at + 1, options)
                && *self.token(at + 2) == Token::RArrow
        };
        let is_value = |at: usize| matches!(self.token(at), Token::Number(..) | Token::SingleQuotedString(_));
        let construct = if self.is_one_of(at, &["FOR"])
            && self.is_one_of(at + 1, &["SYSTEM_TIME", "SYSTEM_VERSION", "TIMESTAMP", "VERSION"])
            && self.is_one_of(at + 2, &["AS", "BETWEEN", "FROM", "CONTAINED", "ALL"])
        {
            "FOR SYSTEM_TIME, FOR TIMESTAMP and FOR VERSION"
        } else if self.is_one_of(at, &["AT", "BEFORE"])
            && is_option(at + 1, &["TIMESTAMP", "OFFSET", "STATEMENT", "STREAM", "VERSION"])
        {
            "AT (…) and BEFORE (…)"
        } else if self.is_one_of(at, &["CHANGES"]) && is_option(at + 1, &["INFORMATION"]) {
            "CHANGES (…)"
        } else if self.are(at, &["AS", "OF"])
            && self.ends_table(at)
            && (is_value(at + 2)
                || self.are(at + 2, &["SYSTEM", "TIME"])
                || (self.is_one_of(at + 2, &["TIMESTAMP", "SCN"]) && self.begins_value(at + 3)))
        {
            "AS OF without TIMESTAMP or VERSION before it"
        } else if *self.token(at) == Token::AtSign && self.ends_table(at) && self.is_delta_version(at + 1) {
            "t@version and t@time"
        } else {
            return Ok(());
        };
        Err(QueryError::Refused {
            construct: construct.to_owned(),
            remedy: format!("write {EXAMPLES}"),
            state: "0A000",
        })
    }

    /// `v3`, or an instant in digits.
    fn is_delta_version(&self, at: usize) -> bool {
        match self.token(at) {
            Token::Number(..) => true,
            Token::Word(Word { value, quote_style: None, .. }) => value
                .strip_prefix(['v', 'V'])
                .is_some_and(|id| !id.is_empty() && id.chars().all(|digit| digit.is_ascii_digit())),
            _ => false,
        }
    }

    fn syntax(&self, at: usize, reason: &str) -> QueryError {
        let start = self.tokens.get(at).or(self.tokens.last()).map(|token| token.span.start);
        let place = start.map(|start| Place::at(start.line, start.column, self.sql));
        QueryError::Syntax { reason: reason.to_owned(), place: place.unwrap_or_default() }
    }

    fn misplaced(&self, start: Location) -> QueryError {
        misplaced(start, self.sql)
    }
}

fn misplaced(start: Location, sql: &str) -> QueryError {
    QueryError::Syntax {
        reason: format!(
            "a time or version stands behind a table's name and before its alias: write {EXAMPLES}"
        ),
        place: Place::at(start.line, start.column, sql),
    }
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    let without_seconds = || NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%d %H:%M").ok();
    string_to_datetime(&Utc, text.trim()).ok().or_else(|| Some(without_seconds()?.and_utc()))
}

impl Versions {
    /// Gives each table as it was the name that the statement knows it by. Fails where a clause is behind something else than a table.
    pub(crate) fn settle<'a>(
        self,
        statements: impl IntoIterator<Item = &'a mut Statement>,
        sql: &str,
    ) -> Result<(), QueryError> {
        let mut settling = Settling { left: self.0, queries: BTreeSet::new() };
        for statement in statements {
            if let ControlFlow::Break(error) = statement.visit(&mut settling) {
                return Err(error);
            }
        }
        match settling.left.first() {
            Some(start) => Err(misplaced(*start, sql)),
            None => Ok(()),
        }
    }
}

struct Settling {
    left: BTreeSet<Location>,
    /// Names that WITH gives.
    queries: BTreeSet<String>,
}

fn as_of(name: &ObjectName) -> Option<(&Ident, AsOf)> {
    let name = name.0.last().and_then(ObjectNamePart::as_ident)?;
    Some((name, AsOf::of_name(&name.value)?))
}

impl VisitorMut for Settling {
    type Break = QueryError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<QueryError> {
        let named = query.with.iter().flat_map(|with| &with.cte_tables).map(|table| &table.alias.name);
        self.queries.extend(named.map(|name| match name.quote_style {
            None => name.value.to_ascii_lowercase(),
            Some(_) => name.value.clone(),
        }));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<QueryError> {
        let Some((name, AsOf { table, .. })) = as_of(relation) else { return ControlFlow::Continue(()) };
        self.left.remove(&name.span.start);
        if self.queries.contains(&table) {
            return ControlFlow::Break(QueryError::Refused {
                construct: format!("a time or version of {table}, which WITH names"),
                remedy: "write it behind the tables in that query, or give the query another name".to_owned(),
                state: "0A000",
            });
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<QueryError> {
        if let TableFactor::Table { name, alias: alias @ None, .. } = table
            && let Some((written, AsOf { table, .. })) = as_of(name)
        {
            let name = Ident { value: table, quote_style: Some('"'), span: written.span };
            *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
        }
        ControlFlow::Continue(())
    }
}
