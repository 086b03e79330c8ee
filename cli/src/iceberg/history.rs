//! `millrace tables --history`.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table as Grid};
use millrace_iceberg::{DAY, LakeTables, Snapshot};
use millrace_lake::Store;

use super::{instant, named, names, tables_of, unless_missing};
use crate::lake::LakeAddress;
use crate::output;

/// A snapshot as it is told.
#[derive(Debug, serde::Serialize)]
struct Told {
    table: String,
    snapshot: i64,
    committed_at: String,
    operation: String,
    /// The day that was replaced.
    day: Option<String>,
    /// Rows of the whole table.
    rows: Option<u64>,
    files: Option<u64>,
    /// What is read now.
    is_current: bool,
    /// Whether what is read now came from it; not so of what was rolled back.
    is_in_line: bool,
}

/// The snapshots of `table`, or of all tables, oldest first.
pub(crate) async fn history(
    address: &LakeAddress,
    store: &Arc<dyn Store>,
    table: Option<&str>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let tables = tables_of(store).await?;
    let told = match table {
        Some(name) => of_table(&tables, named(&tables, name)?.name(), false).await?,
        None => {
            let mut all = Vec::new();
            for name in names() {
                all.extend(of_table(&tables, &name, true).await?);
            }
            all
        }
    };
    let mut out = output::out();
    if json {
        let told = serde_json::json!({ "lake": address, "snapshots": told });
        serde_json::to_writer_pretty(&mut out, &told).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{}", grid(&told))?;
    writeln!(out, "* is what is read now; SELECT … FROM <table> VERSION AS OF <snapshot> reads another")?;
    Ok(ExitCode::SUCCESS)
}

async fn of_table(tables: &LakeTables, name: &str, may_miss: bool) -> anyhow::Result<Vec<Told>> {
    let table = tables.table(name)?;
    let current = match unless_missing(table.load().await)? {
        Some(current) => current.metadata.current_snapshot_id,
        None if may_miss => return Ok(Vec::new()),
        None => anyhow::bail!(
            "{name} has no Iceberg table yet: it is made when its first day is published, or by `millrace adopt`"
        ),
    };
    let history = table.history().await?;
    Ok(history.into_iter().map(|(snapshot, is_in_line)| tell(name, &snapshot, current, is_in_line)).collect())
}

fn tell(table: &str, snapshot: &Snapshot, current: Option<i64>, is_in_line: bool) -> Told {
    let said = |name: &str| snapshot.summary.get(name);
    let number = |name: &str| said(name).and_then(|text| text.parse().ok());
    Told {
        table: table.to_owned(),
        snapshot: snapshot.snapshot_id,
        committed_at: instant(snapshot),
        operation: said("operation").cloned().unwrap_or_default(),
        day: said(DAY).cloned(),
        rows: number("total-records"),
        files: number("total-data-files"),
        is_current: current == Some(snapshot.snapshot_id),
        is_in_line,
    }
}

fn grid(told: &[Told]) -> Grid {
    let mut grid = Grid::new();
    grid.load_style(UTF8_FULL_CONDENSED);
    grid.set_header(["table", "", "snapshot", "committed at", "operation", "day", "rows", "files"]);
    for one in told {
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let mark = match (one.is_current, one.is_in_line) {
            (true, _) => "*",
            (false, true) => "",
            (false, false) => "rolled back",
        };
        grid.add_row([
            one.table.clone(),
            mark.to_owned(),
            one.snapshot.to_string(),
            one.committed_at.clone(),
            one.operation.clone(),
            one.day.clone().unwrap_or_default(),
            number(one.rows),
            number(one.files),
        ]);
    }
    for at in [2, 6, 7] {
        if let Some(column) = grid.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid
}
