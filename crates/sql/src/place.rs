//! Where in a statement something is wrong.

use std::fmt;

/// The widest part of a line that is shown.
const SHOWN: usize = 76;

/// A line of the statement with a mark below it; nothing where the place is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    shown: Option<String>,
    /// In characters from the statement's begin, from 1, as PostgreSQL's clients count.
    pub position: Option<usize>,
}

impl Place {
    /// Line and column count from 1, columns in characters.
    pub(crate) fn at(line: u64, column: u64, sql: &str) -> Self {
        let (Ok(line), Ok(column)) = (usize::try_from(line), usize::try_from(column)) else {
            return Self::default();
        };
        let Some(text) = line.checked_sub(1).and_then(|index| sql.lines().nth(index)) else {
            return Self::default();
        };
        let column = column.clamp(1, text.chars().count() + 1);
        let before: usize = sql.lines().take(line - 1).map(|line| line.chars().count() + 1).sum();
        // A long line is cut on both sides of the place.
        let first = (column - 1).saturating_sub(SHOWN / 2);
        let part: String = text.chars().skip(first).take(SHOWN).collect();
        let part = part.replace('\t', " ");
        let mark = " ".repeat(column - 1 - first);
        Self {
            shown: Some(format!(
                "line {line}: {part}\n{:width$}{mark}^",
                "",
                width = 7 + line.to_string().len()
            )),
            position: Some(before + column),
        }
    }

    /// Of a name without its qualifiers, where it stands first in the statement; quotes and letters' case are left aside.
    pub(crate) fn of_name(name: &str, sql: &str) -> Self {
        let name = name.rsplit('.').next().unwrap_or(name).trim_matches('"');
        let is_name = |part: char| part.is_alphanumeric() || part == '_';
        for (number, line) in sql.lines().enumerate() {
            let mut column = 1;
            for word in line.split_inclusive(|part: char| !is_name(part)) {
                if word.trim_end_matches(|part: char| !is_name(part)).eq_ignore_ascii_case(name) {
                    return Self::at(number as u64 + 1, column, sql);
                }
                column += word.chars().count() as u64;
            }
        }
        Self::default()
    }

    /// `3, Column: 14`, as the parser says it.
    pub(crate) fn of_text(text: &str, sql: &str) -> Self {
        let mut numbers = text.split(", Column: ").map(|number| number.trim().parse());
        match (numbers.next(), numbers.next()) {
            (Some(Ok(line)), Some(Ok(column))) => Self::at(line, column, sql),
            _ => Self::default(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shown {
            Some(shown) => write!(f, "\n{shown}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_marked_and_counted() {
        let place = Place::of_text("2, Column: 6", "SELECT a\nFROM tab");
        assert_eq!(place.to_string(), "\nline 2: FROM tab\n             ^");
        assert_eq!(place.position, Some(15));
        assert_eq!(Place::of_text("nowhere", "SELECT"), Place::default());
        assert_eq!(Place::at(9, 1, "SELECT"), Place::default());
        let long = format!("SELECT {}x", "a, ".repeat(100));
        let place = Place::at(1, 308, &long).to_string();
        let mark = place.lines().nth(2).unwrap().chars().count();
        assert_eq!(place.lines().nth(1).unwrap().chars().nth(mark - 1), Some('x'), "{place}");
        assert!(place.lines().all(|line| line.chars().count() <= 90));
    }
}
