//! Answers for people: a table that fits the terminal.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell as GridCell, CellAlignment, ContentArrangement, Row, Table};
use millrace_sql::{Answer, Cell, Column, QueryError};

/// Rows shown unless somebody says otherwise; a person who wants more wants a file.
pub(super) const SHOWN_ROWS: usize = 10_000;

/// The narrowest a column is made before columns are left out: fewer characters tell nothing.
const NARROWEST: usize = 9;

/// A column's border and padding.
const BORDER: usize = 3;

/// The terminal's width in characters; none where standard output is no terminal.
pub(crate) fn terminal_width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

pub(super) fn write(
    answer: Answer,
    started: Instant,
    max_rows: usize,
    out: &mut impl Write,
) -> Result<u64, QueryError> {
    let columns = answer.columns();
    let mut rows = Vec::new();
    let mut total = 0;
    for batch in answer {
        let batch = batch?;
        total += batch.len();
        let room = max_rows - rows.len();
        rows.extend(batch.rows().take(room));
    }
    let (grid, left_out) = grid(&columns, &rows, terminal_width());
    writeln!(out, "{grid}")?;
    let seconds = started.elapsed().as_secs_f64();
    let noun = if total == 1 { "row" } else { "rows" };
    if total > rows.len() {
        writeln!(
            out,
            "{} of {total} rows, {seconds:.2} s; --max-rows N or --format csv gives more",
            rows.len()
        )?;
    } else {
        writeln!(out, "{total} {noun}, {seconds:.2} s")?;
    }
    if left_out > 0 {
        writeln!(out, "{left_out} more columns do not fit: name those you want, or use --format csv")?;
    }
    Ok(total as u64)
}

/// The table within `width` characters, and how many columns were left out for it.
fn grid(columns: &[Column], rows: &[Vec<Cell>], width: Option<usize>) -> (Table, usize) {
    let fitting = width.map_or(columns.len(), |width| fitting(columns, rows, width)).min(columns.len());
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_truncation_indicator("…");
    if let Some(width) = width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    table.set_header(
        columns[..fitting].iter().map(|column| format!("{}\n{}", plain(&column.name), column.dtype)),
    );
    for row in rows {
        let cells = row[..fitting].iter().map(|cell| {
            let text = cell.to_text().map_or_else(|| "null".to_owned(), |text| plain(&text));
            let alignment = if cell.is_number() { CellAlignment::Right } else { CellAlignment::Left };
            GridCell::new(text).set_alignment(alignment)
        });
        let mut line = Row::from(cells.collect::<Vec<_>>());
        if width.is_some() {
            line.max_height(1);
        }
        table.add_row(line);
    }
    (table, columns.len() - fitting)
}

/// How many of the columns fit, each at least as wide as its values or [`NARROWEST`].
fn fitting(columns: &[Column], rows: &[Vec<Cell>], width: usize) -> usize {
    let mut used = 1;
    for (index, column) in columns.iter().enumerate() {
        let values = rows.iter().take(100).filter_map(|row| row.get(index)?.to_text());
        let widest = values.map(|text| text.chars().count()).chain([column.name.chars().count()]).max();
        used += widest.unwrap_or_default().min(NARROWEST) + BORDER;
        if used > width {
            // One column is shown however narrow the terminal.
            return index.max(1);
        }
    }
    columns.len()
}

/// Control characters would move the cursor, or worse.
pub(super) fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<Column> {
        names.iter().map(|name| Column { name: (*name).to_owned(), dtype: "string".to_owned() }).collect()
    }

    #[test]
    fn types_stand_under_names_and_null_is_shown() {
        let rows = [vec![Cell::Text("Lærke".to_owned()), Cell::Null], vec![Cell::Null, Cell::Int(7)]];
        let (table, left_out) = grid(&columns(&["name", "n"]), &rows, None);
        let text = table.to_string();
        assert_eq!(left_out, 0);
        for line in
            ["│ name   ┆ n      │", "│ string ┆ string │", "│ Lærke  ┆ null   │", "│ null   ┆      7 │"]
        {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_narrow_terminal_cuts_values_to_one_line_each() {
        let rows = [vec![Cell::Text("a".repeat(300)), Cell::Text("b".repeat(300))]];
        let (table, _) = grid(&columns(&["one", "two"]), &rows, Some(40));
        let text = table.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert_eq!(text.lines().count(), 6, "{text}");
        assert!(text.contains('…'), "{text}");
    }

    #[test]
    fn columns_that_do_not_fit_are_left_out_and_counted() {
        let names: Vec<_> = (0..41).map(|index| format!("a_long_column_{index}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let (table, left_out) = grid(&columns(&names), &[], Some(80));
        assert!(table.to_string().lines().all(|line| line.chars().count() <= 80));
        assert_eq!(left_out, 41 - 6);
    }

    #[test]
    fn control_characters_are_shown_not_sent() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
    }
}
