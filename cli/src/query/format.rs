//! Answers for programs: JSON and CSV, batch by batch.

use std::io::Write;

use millrace_jobs::query::{Answer, QueryError};

/// An array of objects, one a line, columns in the answer's order.
pub(super) fn write_json(answer: Answer, out: &mut impl Write) -> Result<(), QueryError> {
    let names: Vec<_> = answer
        .columns()
        .into_iter()
        .map(|column| serde_json::Value::String(column.name).to_string())
        .collect();
    out.write_all(b"[")?;
    let mut first = true;
    for batch in answer {
        for row in batch?.rows() {
            out.write_all(if first { b"\n{" } else { b",\n{" })?;
            first = false;
            for (index, (name, cell)) in names.iter().zip(&row).enumerate() {
                let comma = if index == 0 { "" } else { "," };
                write!(out, "{comma}{name}:{}", cell.to_json())?;
            }
            out.write_all(b"}")?;
        }
    }
    out.write_all(if first { b"]\n" } else { b"\n]\n" })?;
    Ok(())
}

/// A header, then a line a row; null is empty, lists are JSON.
pub(super) fn write_csv(answer: Answer, out: &mut impl Write) -> Result<(), QueryError> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(answer.columns().iter().map(|column| column.name.as_str())).map_err(failed)?;
    for batch in answer {
        for row in batch?.rows() {
            csv.write_record(row.iter().map(|cell| cell.to_text().unwrap_or_default())).map_err(failed)?;
        }
    }
    csv.flush()?;
    Ok(())
}

/// The csv crate wraps the writer's error: a broken pipe must be seen as one.
fn failed(error: csv::Error) -> QueryError {
    QueryError::Write(error.into())
}
