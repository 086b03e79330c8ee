//! A script's statements, each with its place, told apart by a tokenizer of Snowflake's dialect.

use sqlparser::dialect::SnowflakeDialect;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::error::SnowflakeError;

/// One statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The line on which it begins.
    pub line: u64,
    /// Its text, without comments around it and without the semicolon.
    pub text: String,
}

impl Statement {
    /// Its first words, for people.
    pub fn title(&self) -> String {
        const LONG: usize = 60;
        let words: Vec<_> = self.text.split_whitespace().take_while(|word| *word != "(").take(9).collect();
        let title = words.join(" ");
        match title.char_indices().nth(LONG) {
            Some((end, _)) => format!("{}…", &title[..end]),
            None => title,
        }
    }
}

/// What `text` is made of, blanks and comments left out.
pub(crate) fn tokens(file: &str, text: &str) -> Result<Vec<TokenWithSpan>, SnowflakeError> {
    let tokens = Tokenizer::new(&SnowflakeDialect, text).tokenize_with_location().map_err(|error| {
        SnowflakeError::Script { file: file.to_owned(), line: error.location.line, problem: error.message }
    })?;
    Ok(tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF)).collect())
}

/// The statements of `text`. A semicolon in a text, a comment, a quoted name or between `$$` ends none; a block of
/// Snowflake's scripting therefore stands between `$$`.
///
/// # Errors
/// A text, a comment or a quoted name without an end; a block that does not stand between `$$`.
pub fn split(file: &str, text: &str) -> Result<Vec<Statement>, SnowflakeError> {
    let places = Places::of(text);
    let tokens = tokens(file, text)?;
    let mut statements = Vec::new();
    for statement in tokens.split(|token| token.token == Token::SemiColon) {
        let (Some(first), Some(last)) = (statement.first(), statement.last()) else { continue };
        let line = first.span.start.line;
        if is_block(statement) {
            let problem = "a block would be cut at its semicolons: put it between $$".to_owned();
            return Err(SnowflakeError::Script { file: file.to_owned(), line, problem });
        }
        let text = text[places.byte(first.span.start)..places.byte(last.span.end)].to_owned();
        statements.push(Statement { line, text });
    }
    Ok(statements)
}

fn is_block(statement: &[TokenWithSpan]) -> bool {
    let word = |index: usize| match statement.get(index).map(|token| &token.token) {
        Some(Token::Word(word)) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
        _ => String::new(),
    };
    match word(0).as_str() {
        "DECLARE" => true,
        // BEGIN alone, BEGIN TRANSACTION, BEGIN WORK and BEGIN NAME begin a transaction.
        "BEGIN" => statement.len() > 1 && !["TRANSACTION", "WORK", "NAME"].contains(&word(1).as_str()),
        "CREATE" => (1..statement.len()).any(|index| word(index) == "AS" && word(index + 1) == "BEGIN"),
        _ => false,
    }
}

/// Where lines begin, so that a tokenizer's line and column become a byte.
struct Places<'a> {
    text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    fn of(text: &'a str) -> Self {
        let begins = text.match_indices('\n').map(|(newline, _)| newline + 1);
        Self { text, lines: std::iter::once(0).chain(begins).collect() }
    }

    fn byte(&self, place: Location) -> usize {
        let line = usize::try_from(place.line).unwrap_or(1).saturating_sub(1);
        let begin = self.lines.get(line).copied().unwrap_or(self.text.len());
        let column = usize::try_from(place.column).unwrap_or(1).saturating_sub(1);
        let behind = &self.text[begin..];
        begin + behind.char_indices().nth(column).map_or(behind.len(), |(byte, _)| byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_ok(text: &str) -> Vec<(u64, String)> {
        split("a.sql", text).unwrap().into_iter().map(|statement| (statement.line, statement.text)).collect()
    }

    #[test]
    fn only_a_semicolon_between_statements_ends_one() {
        let text = "-- first; of all\nSELECT 'a;b''c', \"x;y\" /* ; */ FROM t;\n\n// gone; too\nCREATE TASK é AS\n$$ BEGIN; END; $$;\n;\nSELECT 'ü'";
        assert_eq!(
            split_ok(text),
            [
                (2, "SELECT 'a;b''c', \"x;y\" /* ; */ FROM t".to_owned()),
                (5, "CREATE TASK é AS\n$$ BEGIN; END; $$".to_owned()),
                (8, "SELECT 'ü'".to_owned()),
            ]
        );
        assert!(split_ok("-- nothing\n;;\n").is_empty());
    }

    #[test]
    fn snowflakes_own_signs_are_read() {
        let text = "CREATE EXTERNAL TABLE t (d DATE AS (SPLIT_PART(METADATA$FILENAME, '/d=', 2)::DATE), a VARCHAR AS (VALUE:\"Path\"::VARCHAR))\nLOCATION = @db.s.stage/raw/x/ PATTERN = '.*[.]parquet'";
        assert_eq!(split_ok(&format!("{text};")), [(1, text.to_owned())]);
    }

    #[test]
    fn what_has_no_end_is_told_with_its_line() {
        let error = split("002_b.sql", "SELECT 1;\nSELECT 'x").unwrap_err().to_string();
        assert!(error.starts_with("002_b.sql:2:"), "{error}");
        for block in
            ["BEGIN SELECT 1; END;", "DECLARE x INT; BEGIN END;", "CREATE TASK t AS BEGIN SELECT 1; END;"]
        {
            assert!(split("a.sql", block).unwrap_err().to_string().contains("$$"), "{block}");
        }
        assert_eq!(split_ok("BEGIN; COMMIT; BEGIN TRANSACTION;").len(), 3);
    }

    #[test]
    fn a_title_is_short() {
        let statement = Statement { line: 1, text: "CREATE  TABLE\n a.b ( x INT )".to_owned() };
        assert_eq!(statement.title(), "CREATE TABLE a.b");
        let long = Statement { line: 1, text: "ü".repeat(100) };
        assert_eq!(long.title().chars().count(), 61);
    }
}
