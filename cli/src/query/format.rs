//! Answers for programs: JSON and CSV, batch by batch.

use std::io::Write;

use millrace_sql::{Answer, QueryError};

use super::grid::plain;

/// An array of objects, one a line, columns in the answer's order. Returns how many.
pub(super) fn write_json(answer: Answer, out: &mut impl Write) -> Result<u64, QueryError> {
    let names: Vec<_> = answer
        .columns()
        .into_iter()
        .map(|column| serde_json::Value::String(column.name).to_string())
        .collect();
    out.write_all(b"[")?;
    let mut rows = 0;
    for batch in answer {
        for row in batch?.rows() {
            out.write_all(if rows == 0 { b"\n{" } else { b",\n{" })?;
            rows += 1;
            for (index, (name, cell)) in names.iter().zip(&row).enumerate() {
                let comma = if index == 0 { "" } else { "," };
                write!(out, "{comma}{name}:{}", cell.to_json())?;
            }
            out.write_all(b"}")?;
        }
    }
    out.write_all(if rows == 0 { b"]\n" } else { b"\n]\n" })?;
    Ok(rows)
}

/// A header, then a line a row; null is empty, lists are JSON. Returns how many rows.
pub(super) fn write_csv(answer: Answer, out: &mut impl Write) -> Result<u64, QueryError> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(answer.columns().iter().map(|column| column.name.as_str())).map_err(failed)?;
    let mut rows = 0;
    for batch in answer {
        for row in batch?.rows() {
            rows += 1;
            csv.write_record(row.iter().map(|cell| cell.to_text().unwrap_or_default())).map_err(failed)?;
        }
    }
    csv.flush()?;
    Ok(rows)
}

/// `name | value` a line, rows apart by a rule. Returns how many rows.
pub(super) fn write_vertical(answer: Answer, out: &mut impl Write) -> Result<u64, QueryError> {
    let names: Vec<String> = answer.columns().into_iter().map(|column| plain(&column.name)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let mut rows = 0;
    for batch in answer {
        for row in batch?.rows() {
            rows += 1;
            writeln!(out, "─[ row {rows} ]─")?;
            for (name, cell) in names.iter().zip(&row) {
                let text = cell.to_text().map_or_else(|| "null".to_owned(), |text| plain(&text));
                writeln!(out, "{name:<width$} │ {text}")?;
            }
        }
    }
    if rows == 0 {
        writeln!(out, "0 rows")?;
    }
    Ok(rows)
}

/// A header, a rule, a line a row; null is empty. Returns how many rows.
pub(super) fn write_markdown(answer: Answer, out: &mut impl Write) -> Result<u64, QueryError> {
    let cell = |text: &str| plain(text).replace('|', "\\|");
    let names: Vec<String> = answer.columns().iter().map(|column| cell(&column.name)).collect();
    writeln!(out, "| {} |", names.join(" | "))?;
    writeln!(out, "|{}", "---|".repeat(names.len()))?;
    let mut rows = 0;
    for batch in answer {
        for row in batch?.rows() {
            rows += 1;
            let texts = row.iter().map(|value| cell(&value.to_text().unwrap_or_default()));
            writeln!(out, "| {} |", texts.collect::<Vec<_>>().join(" | "))?;
        }
    }
    Ok(rows)
}

/// The csv crate wraps the writer's error: a broken pipe must be seen as one.
fn failed(error: csv::Error) -> QueryError {
    QueryError::Write(error.into())
}
