//! Where one statement of a typed text ends and the next begins.

/// A text cut at its semicolons.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statements {
    /// Each ended by a semicolon, which is cut off; blank ones are left out.
    pub complete: Vec<String>,
    /// What follows the last semicolon, unless that is blank or a comment.
    pub rest: Option<String>,
}

impl Statements {
    /// Semicolons inside quotes and comments end nothing.
    pub fn split(text: &str) -> Self {
        let mut found = Self::default();
        let mut start = 0;
        let mut blank = true;
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            match (character, next) {
                ('\'' | '"', _) => {
                    blank = false;
                    // A doubled quote closes and opens again, which comes to the same.
                    characters.by_ref().find(|(_, closing)| *closing == character);
                }
                ('-', Some('-')) => {
                    characters.by_ref().find(|(_, end)| *end == '\n');
                }
                ('/', Some('*')) => {
                    let mut before = ' ';
                    characters.next();
                    characters
                        .by_ref()
                        .find(|(_, end)| std::mem::replace(&mut before, *end) == '*' && *end == '/');
                }
                (';', _) => {
                    if !blank {
                        found.complete.push(text[start..at].trim().to_owned());
                    }
                    start = at + 1;
                    blank = true;
                }
                _ => blank &= character.is_whitespace(),
            }
        }
        if !blank {
            found.rest = Some(text[start..].trim_start().to_owned());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> (Vec<String>, Option<String>) {
        let statements = Statements::split(text);
        (statements.complete, statements.rest)
    }

    #[test]
    fn semicolons_in_quotes_and_comments_end_nothing() {
        let text = "SELECT ';', 'it''s;' AS \"a;b\" -- one; two\n/* a;b * / */ FROM t;";
        let (complete, rest) = split(text);
        assert_eq!(complete, [text.trim_end_matches(';')]);
        assert_eq!(rest, None);
    }

    #[test]
    fn what_is_unfinished_is_kept() {
        assert_eq!(split("SELECT 1;\nSELECT\n"), (vec!["SELECT 1".to_owned()], Some("SELECT\n".to_owned())));
        assert_eq!(split("SELECT 'a;"), (Vec::new(), Some("SELECT 'a;".to_owned())));
        assert_eq!(split(" ;; \n -- nothing"), (Vec::new(), None));
    }
}
