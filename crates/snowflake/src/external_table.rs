//! An external table as its CREATE statement tells it.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::SnowflakeError;
use crate::script::Script;
use crate::statements::{Statement, tokens};

/// What a CREATE EXTERNAL TABLE says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalTable {
    /// Where the statement is, for messages.
    pub file: String,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// `schema.table`, without the database, in lower case.
    pub schema: String,
    /// The table's own name, in lower case.
    pub name: String,
    /// The columns, in the order of the statement.
    pub columns: Vec<ExternalColumn>,
    /// The columns of `PARTITION BY`, in lower case and in its order; empty without it.
    pub partition_by: Vec<String>,
    /// The folder behind the stage, without a slash at its ends.
    pub folder: String,
}

/// A column of an external table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalColumn {
    /// In lower case, as the lake's are, unless it is quoted.
    pub name: String,
    /// Without blanks and in upper case: `NUMBER(10,0)`.
    pub declared: String,
    /// The expression behind `AS`.
    pub source: Source,
}

/// Where a column's values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `VALUE:"path"::cast`: the Parquet column of exactly this name.
    Column {
        /// The name in Parquet, to the letter.
        path: String,
        /// The type behind `::`, without blanks and in upper case.
        cast: String,
    },
    /// `SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/key=', -1), '/', 1)::cast`: the folder's value of this key.
    Folder {
        /// The key in the folder's name, in lower case.
        key: String,
        /// The type behind `::`, without blanks and in upper case.
        cast: String,
    },
    /// Anything else, as it stands.
    Other(String),
}

/// The external tables that the scripts make.
///
/// # Errors
/// A CREATE EXTERNAL TABLE that is not of the shape that is understood.
pub fn of_scripts(scripts: &[Script]) -> Result<Vec<ExternalTable>, SnowflakeError> {
    let mut tables = Vec::new();
    for script in scripts {
        for statement in &script.statements {
            tables.extend(of_statement(&script.name, statement)?);
        }
    }
    Ok(tables)
}

/// The table of a CREATE EXTERNAL TABLE; `None` for another statement.
fn of_statement(file: &str, statement: &Statement) -> Result<Option<ExternalTable>, SnowflakeError> {
    let tokens = tokens(file, &statement.text)?;
    let mut reader = Reader { tokens: &tokens, at: 0 };
    if !reader.word("CREATE") {
        return Ok(None);
    }
    if reader.word("OR") {
        reader.word("REPLACE");
    }
    if !(reader.word("EXTERNAL") && reader.word("TABLE")) {
        return Ok(None);
    }
    let wrong = |problem: &str| SnowflakeError::Script {
        file: file.to_owned(),
        line: statement.line,
        problem: format!("{}: {problem}", statement.title()),
    };
    let name = reader.name().ok_or_else(|| wrong("has no name"))?;
    let [.., schema, table] = name.as_slice() else { return Err(wrong("its name has no schema")) };
    let columns = reader.bracketed().ok_or_else(|| wrong("its columns are not in brackets"))?;
    let columns = split_at_commas(columns).into_iter().map(column).collect::<Option<Vec<_>>>();
    let columns = columns.ok_or_else(|| wrong("a column is not NAME TYPE AS (EXPRESSION)"))?;
    let mut partition_by = Vec::new();
    if reader.word("PARTITION") && reader.word("BY") {
        let names = reader.bracketed().ok_or_else(|| wrong("PARTITION BY has no brackets"))?;
        partition_by =
            split_at_commas(names).into_iter().map(text).map(|name| name.to_ascii_lowercase()).collect();
    }
    if !reader.word("LOCATION") {
        return Err(wrong("LOCATION does not follow its columns and partitions"));
    }
    let folder = reader.folder().ok_or_else(|| wrong("its LOCATION names no folder of a stage"))?;
    Ok(Some(ExternalTable {
        file: file.to_owned(),
        line: statement.line,
        schema: schema.clone(),
        name: table.clone(),
        columns,
        partition_by,
        folder,
    }))
}

struct Reader<'a> {
    tokens: &'a [TokenWithSpan],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at).map(|token| &token.token)
    }

    /// Passes over this word if it is the next.
    fn word(&mut self, wanted: &str) -> bool {
        let is = self.peek().is_some_and(|token| is_word(token, wanted));
        self.at += usize::from(is);
        is
    }

    /// `a.b.c`
    fn name(&mut self) -> Option<Vec<String>> {
        let mut parts = Vec::new();
        while let Some(Token::Word(word)) = self.peek() {
            parts.push(identifier(word));
            self.at += 1;
            if self.peek() != Some(&Token::Period) {
                break;
            }
            self.at += 1;
        }
        (!parts.is_empty()).then_some(parts)
    }

    /// What stands between this bracket and the one that closes it.
    fn bracketed(&mut self) -> Option<&'a [TokenWithSpan]> {
        if self.peek() != Some(&Token::LParen) {
            return None;
        }
        let length = closing(&self.tokens[self.at..])?;
        let inside = &self.tokens[self.at + 1..self.at + length];
        self.at += length + 1;
        Some(inside)
    }

    /// `= @a.b.stage/x/y/`
    fn folder(&mut self) -> Option<String> {
        let rest = &self.tokens[self.at..];
        let [equals, at, ..] = rest else { return None };
        if equals.token != Token::Eq || at.token != Token::AtSign {
            return None;
        }
        // The location goes on as long as nothing stands between its parts.
        let touching = rest[1..].windows(2).take_while(|pair| pair[0].span.end == pair[1].span.start).count();
        let location = text(&rest[1..touching + 2]);
        self.at += touching + 2;
        let (_, folder) = location.split_once('/')?;
        Some(folder.trim_end_matches('/').to_owned())
    }
}

fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}

fn identifier(word: &sqlparser::tokenizer::Word) -> String {
    if word.quote_style.is_some() { word.value.clone() } else { word.value.to_ascii_lowercase() }
}

/// The place of the bracket that closes the first.
fn closing(tokens: &[TokenWithSpan]) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

fn split_at_commas(tokens: &[TokenWithSpan]) -> Vec<&[TokenWithSpan]> {
    let mut depth = 0_i32;
    tokens
        .split(|token| {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            depth == 0 && token.token == Token::Comma
        })
        .collect()
}

/// Tokens as text without blanks.
fn text(tokens: &[TokenWithSpan]) -> String {
    tokens.iter().map(|token| token.token.to_string()).collect()
}

fn column(tokens: &[TokenWithSpan]) -> Option<ExternalColumn> {
    let Token::Word(name) = &tokens.first()?.token else { return None };
    let as_at = tokens.iter().position(|token| is_word(&token.token, "AS"))?;
    let declared = text(tokens.get(1..as_at)?).to_ascii_uppercase();
    let mut expression = tokens.get(as_at + 1..)?;
    if expression.first()?.token == Token::LParen && closing(expression)? == expression.len() - 1 {
        expression = &expression[1..expression.len() - 1];
    }
    Some(ExternalColumn { name: identifier(name), declared, source: source(expression) })
}

fn source(expression: &[TokenWithSpan]) -> Source {
    let other = || Source::Other(text(expression));
    let Some(cast_at) = expression.iter().position(|token| token.token == Token::DoubleColon) else {
        return other();
    };
    let (value, cast) = (&expression[..cast_at], text(&expression[cast_at + 1..]).to_ascii_uppercase());
    if let [root, colon, path] = value
        && is_word(&root.token, "VALUE")
        && colon.token == Token::Colon
        && let Token::Word(path) = &path.token
    {
        // Unquoted, Snowflake takes the name to the letter too.
        return Source::Column { path: path.value.clone(), cast };
    }
    let key = text(value).to_ascii_uppercase();
    let framed = key.strip_prefix("SPLIT_PART(SPLIT_PART(METADATA$FILENAME,'/");
    match framed.and_then(|key| key.strip_suffix("=',-1),'/',1)")) {
        Some(key) => Source::Folder { key: key.to_ascii_lowercase(), cast },
        None => other(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::Variables;

    const SQL: &str = "\
        SELECT 1;\n\
        CREATE OR REPLACE EXTERNAL TABLE db.Curated.T (\n\
          day DATE AS (SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/day=', -1), '/', 1)::DATE),\n\
          a VARCHAR AS (VALUE:\"A b\"::VARCHAR),\n\
          n NUMBER(10, 0) AS VALUE:n::NUMBER(10, 0),\n\
          odd VARCHAR AS (UPPER(VALUE:x::VARCHAR))\n\
        ) PARTITION BY (day) LOCATION = @db.lake.lake_stage/curated/t/ AUTO_REFRESH = TRUE;";

    fn of_text(sql: &str) -> Result<Vec<ExternalTable>, SnowflakeError> {
        of_scripts(&[Script::of_text("001_a.sql", sql, &Variables::default()).unwrap()])
    }

    #[test]
    fn a_table_is_read_with_its_columns_sources() {
        let tables = of_text(SQL).unwrap();
        let [table] = tables.as_slice() else { panic!("{tables:?}") };
        assert_eq!((table.schema.as_str(), table.name.as_str(), table.line), ("curated", "t", 2));
        assert_eq!(
            (table.folder.as_str(), table.partition_by.as_slice()),
            ("curated/t", &["day".to_owned()][..])
        );
        let column = |index: usize| {
            let ExternalColumn { name, declared, source } = table.columns[index].clone();
            (name, declared, source)
        };
        let told = |name: &str, declared: &str, source| (name.to_owned(), declared.to_owned(), source);
        let text = str::to_owned;
        assert_eq!(column(0), told("day", "DATE", Source::Folder { key: text("day"), cast: text("DATE") }));
        assert_eq!(
            column(1),
            told("a", "VARCHAR", Source::Column { path: text("A b"), cast: text("VARCHAR") })
        );
        assert_eq!(column(2).2, Source::Column { path: text("n"), cast: text("NUMBER(10,0)") });
        assert!(matches!(column(3).2, Source::Other(_)), "{:?}", column(3));
    }

    #[test]
    fn another_shape_is_refused_with_its_line() {
        let refused = |from: &str, to: &str| of_text(&SQL.replace(from, to)).unwrap_err().to_string();
        assert!(refused("odd VARCHAR AS", "odd VARCHAR").starts_with("001_a.sql:2:"));
        assert!(refused("db.Curated.T", "T").contains("no schema"));
        assert!(refused("LOCATION", "WHERE").contains("LOCATION"));
        assert!(of_text("CREATE TABLE t (a INT);").unwrap().is_empty());
    }
}
