//! Statements as the log may show them: without their literals, which may be personal.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Statement, Value, ValueWithSpan, VisitMut, VisitorMut};

/// The longest that is logged.
const LONGEST: usize = 2_000;

/// Every literal is a question mark.
pub(super) fn without_literals(statement: &Statement) -> String {
    // What these say is no expression: a name or a mode, or a literal that no visitor sees.
    if matches!(statement, Statement::Set(_) | Statement::Copy { .. }) {
        let text = statement.to_string();
        return text.split_whitespace().next().unwrap_or_default().to_owned();
    }
    let mut statement = statement.clone();
    let _ = statement.visit(&mut Blank);
    let mut text = statement.to_string();
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

struct Blank;

impl VisitorMut for Blank {
    type Break = ();

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        value.value = Value::Placeholder("?".to_owned());
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn no_literal_is_shown() {
        for sql in [
            "SELECT 'Ann', 4711, DATE '2026-01-31', INTERVAL '3 days', E'Ann', $$Ann$$ FROM t WHERE a = 'Ann' AND b IN ('Ann', 4711)",
            "SELECT * FROM t WHERE a LIKE 'Ann%' AND b BETWEEN 4711 AND 4712 ORDER BY 1 LIMIT 4711",
            "SELECT a::text || 'Ann', CASE a WHEN 'Ann' THEN 4711 END FROM t WHERE a ~ 'Ann' AND TIMESTAMP '2026-01-31 00:00:00' < b",
            "SELECT trim('Ann' FROM a), extract(year FROM DATE '2026-01-31'), position('Ann' in a), substring(a from 4711)",
            "SELECT ARRAY['Ann', 'Bo'], a['Ann'], (SELECT max(x) FROM (VALUES ('Ann', 4711)) v(x, y)), a AT TIME ZONE 'Ann'",
            "SELECT * FROM t WHERE a ILIKE 'Ann' ESCAPE '!' AND a SIMILAR TO 'Ann'",
            "SET application_name = 'Ann'",
            "EXPLAIN SELECT 'Ann'",
        ] {
            let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap();
            let shown = without_literals(&statements[0]);
            for literal in ["Ann", "4711", "4712", "2026", "Bo'", "3 days"] {
                assert!(!shown.contains(literal), "{shown}");
            }
        }
    }
}
