//! `millrace tables`.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};
use millrace_jobs::erasure;
use millrace_jobs::lineage::{self, Lineage};
use millrace_lake::compaction::{self, CompactionOrder, CompactionPolicy};
use millrace_lake::layout::Layer;
use millrace_sql::{Cell, LakeTable, Session};

use crate::clock;
use crate::iceberg::history::history;
use crate::lake::{LakeAddress, Missing};
use crate::output;
use crate::query::terminal_width;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace tables
  millrace tables --schema --lake /data/lake
  millrace tables --history users_transformed
  millrace tables --json";

/// Arguments of `millrace tables`.
#[derive(Debug, Args)]
pub(crate) struct TablesArgs {
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    /// Show each table's columns too
    #[arg(long)]
    schema: bool,
    /// List the snapshots of the lake's Iceberg tables, or of one of them, instead
    #[arg(long, value_name = "TABLE", num_args = 0..=1, conflicts_with = "schema")]
    history: Option<Option<String>>,
    /// Print one JSON object, schemas included
    #[arg(long)]
    json: bool,
}

/// What a person is told of them: all names would be half of the screen.
const VIEWS: &str = "<table>_latest is a table's newest day alone (no raw table's; dim_user_demographics has _current and _history)";

/// What is told of a table.
#[derive(Debug, serde::Serialize)]
struct Told {
    name: String,
    layer: Layer,
    /// Rows of all files; of a raw table each source position once.
    rows: u64,
    files: usize,
    bytes: u64,
    /// Of a raw table the objects below their goal that a compaction would merge.
    small: Option<u64>,
    /// The newest processing_date, of a raw table the newest date.
    newest_date: Option<String>,
    /// Of the newest run that made it; none for raw tables and foreign ones.
    made_by: Option<Made>,
    schema: Vec<ToldColumn>,
}

/// The run that made a table's newest day.
#[derive(Debug, serde::Serialize)]
struct Made {
    #[serde(flatten)]
    lineage: Lineage,
    /// Since that run started.
    age_seconds: u64,
}

#[derive(Debug, serde::Serialize)]
struct ToldColumn {
    name: String,
    r#type: String,
}

pub(crate) fn tables(args: &TablesArgs) -> anyhow::Result<ExitCode> {
    if let Some(table) = &args.history {
        let (store, handle) = args.lake.look_blocking()?;
        return handle.block_on(history(&args.lake, &store, table.as_deref(), args.json));
    }
    let session = args.lake.session(Missing::Refuse)?;
    let lake = session.lake()?;
    let views: Vec<_> = lake.views().collect();
    let tables = lake.tables;
    let (store, handle) = args.lake.open_blocking()?;
    let mut lineage = handle.block_on(lineage::of_tables(store.as_ref()))?;
    let interrupted = handle.block_on(erasure::unfinished(store.as_ref()))?.len();
    let goal = CompactionOrder::default();
    let mut small = BTreeMap::new();
    for table in tables.iter().filter(|table| table.layer == Layer::Raw) {
        let folder = table.name.strip_prefix("raw_").unwrap_or(&table.name);
        small.insert(
            table.name.clone(),
            handle.block_on(compaction::count_small(store.as_ref(), folder, &goal))?,
        );
    }
    let now = clock::now_micros();
    let told = tables.iter().map(|table| {
        let made = lineage.remove(&table.name);
        tell(
            &session,
            table,
            made.map(|lineage| Made { age_seconds: now.since(lineage.started_at).as_secs(), lineage }),
            small.get(&table.name).copied(),
        )
    });
    let told = told.collect::<anyhow::Result<Vec<_>>>()?;
    let mut out = output::out();
    if args.json {
        serde_json::to_writer_pretty(
            &mut out,
            &serde_json::json!({
                "lake": args.lake, "tables": told, "views": views, "unfinished_erasures": interrupted,
            }),
        )
        .map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (table, left_out) = grid(&told, terminal_width());
    writeln!(out, "{table}")?;
    if !left_out.is_empty() {
        writeln!(out, "no room for {}: widen the terminal, or give --json", left_out.join(", "))?;
    }
    if args.schema {
        for table in &told {
            writeln!(out, "\n{}", table.name)?;
            for column in &table.schema {
                writeln!(out, "  {:<28} {}", column.name, column.r#type)?;
            }
        }
    }
    writeln!(out, "views: {VIEWS}")?;
    if let Some(line) = below_the_goal(&told, &goal.policy) {
        writeln!(out, "{line}")?;
    }
    if interrupted > 0 {
        writeln!(
            out,
            "{interrupted} erasures are at work or were interrupted: give the same `millrace erase … --yes` again"
        )?;
    }
    if told.iter().all(|told| told.files == 0) {
        writeln!(out, "the lake is empty: `millrace run` fills it")?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut empty: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (table, told) in tables.iter().zip(&told) {
        if let (0, Some(command)) = (told.files, &table.filled_by) {
            empty.entry(command).or_default().push(&table.name);
        }
    }
    for (command, names) in empty {
        writeln!(out, "empty until `{command}`: {}", names.join(", "))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(
    session: &Session,
    table: &LakeTable,
    made_by: Option<Made>,
    small: Option<u64>,
) -> anyhow::Result<Told> {
    let rows = match table.layer {
        Layer::Raw => rows_by_position(session, table)?,
        _ => session.rows_in_files(table)?,
    };
    let columns = table.columns().into_iter();
    Ok(Told {
        name: table.name.clone(),
        layer: table.layer,
        rows,
        files: table.files.len(),
        bytes: table.bytes(),
        small,
        newest_date: table.newest_date().map(|day| day.to_string()),
        made_by,
        schema: columns.map(|column| ToldColumn { name: column.name, r#type: column.dtype }).collect(),
    })
}

/// What people are told of raw objects that a compaction would merge; nothing where there are none.
fn below_the_goal(told: &[Told], goal: &CompactionPolicy) -> Option<String> {
    let small = told.iter().filter_map(|table| Some((table, table.small.filter(|small| *small > 0)?)));
    let small: Vec<_> = small
        .map(|(table, small)| {
            format!("{} {} of {}", table.name, thousands(small), thousands(table.files as u64))
        })
        .collect();
    let goal = size(goal.target_bytes);
    (!small.is_empty()).then(|| {
        format!(
            "raw objects below their goal of {goal}, which `millrace compact` merges: {}",
            small.join(", ")
        )
    })
}

/// Objects may overlap: the footers' counts would tell records twice.
fn rows_by_position(session: &Session, table: &LakeTable) -> anyhow::Result<u64> {
    let answer = session.query(&format!("SELECT COUNT(*) AS n FROM \"{}\"", table.name))?;
    let mut rows = 0;
    for batch in answer {
        for row in batch?.rows() {
            if let [Cell::Int(count)] = row.as_slice() {
                rows = u64::try_from(*count)?;
            }
        }
    }
    Ok(rows)
}

/// The columns and their rank: where not all fit, those of the lowest rank (the greatest number) are left out.
const COLUMNS: [(&str, u8); 7] =
    [("table", 0), ("rows", 1), ("files", 6), ("size", 5), ("newest", 2), ("age", 3), ("made of", 4)];

/// Never left out.
const NAME: usize = 0;

/// The one column that may take several lines.
const MADE_OF: usize = COLUMNS.len() - 1;

/// A column's border and padding; the table has one border more.
const BORDER: usize = 3;

/// The table within `width` characters, and the columns that were left out for it. A name is whole and in one line however
/// narrow the terminal is: it is copied into queries.
fn grid(told: &[Told], width: Option<usize>) -> (Table, Vec<&'static str>) {
    let rows: Vec<[String; COLUMNS.len()]> = told.iter().map(cells).collect();
    // Of MADE_OF the narrowest that breaks no name.
    let widths: Vec<_> = (0..COLUMNS.len())
        .map(|column| {
            let texts = rows.iter().map(|row| row[column].as_str()).chain([COLUMNS[column].0]);
            let narrowest = |text: &str| match column {
                MADE_OF => text.split(' ').map(|word| word.chars().count()).max().unwrap_or_default(),
                _ => text.chars().count(),
            };
            texts.map(narrowest).max().unwrap_or_default() + BORDER
        })
        .collect();
    let mut by_importance: Vec<usize> = (0..COLUMNS.len()).collect();
    by_importance.sort_by_key(|column| COLUMNS[*column].1);
    let mut used = 1;
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for column in by_importance {
        if column == NAME || width.is_none_or(|width| used + widths[column] <= width) {
            used += widths[column];
            kept.push(column);
        } else {
            left_out.push(COLUMNS[column].0);
        }
    }
    kept.sort_unstable();
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(kept.iter().map(|column| COLUMNS[*column].0));
    for row in &rows {
        table.add_row(kept.iter().map(|column| row[*column].as_str()));
    }
    for (index, column) in kept.iter().enumerate() {
        let Some(shown) = table.column_mut(index) else { continue };
        if (1..=3).contains(column) {
            shown.set_cell_alignment(CellAlignment::Right);
        }
        if *column != MADE_OF {
            shown.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    // A single name may be wider than the terminal: it runs over the edge, and is not cut.
    if let Some(width) = width.filter(|width| used <= *width) {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    (table, left_out)
}

fn cells(line: &Told) -> [String; COLUMNS.len()] {
    let none = || "–".to_owned();
    [
        line.name.clone(),
        thousands(line.rows),
        line.files.to_string(),
        size(line.bytes),
        line.newest_date.clone().unwrap_or_else(none),
        line.made_by.as_ref().map_or_else(none, |made| age(made.age_seconds)),
        line.made_by.as_ref().map_or_else(none, |made| made_of(&made.lineage)),
    ]
}

/// How long ago, in the largest unit that says enough.
fn age(seconds: u64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        172_800.. => format!("{} days", seconds / 86_400),
    }
}

fn made_of(lineage: &Lineage) -> String {
    let inputs = lineage.inputs.iter().map(|(table, objects)| match objects {
        1 => table.clone(),
        objects => format!("{table} ({objects} objects)"),
    });
    inputs.collect::<Vec<_>>().join(", ")
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn size(bytes: u64) -> String {
    let mut amount = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if amount < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{amount:.1} {unit}") };
        }
        amount /= 1024.0;
    }
    format!("{amount:.1} TiB")
}

#[cfg(test)]
mod tests {
    use millrace_events::instant::Micros;

    use super::*;

    #[test]
    fn numbers_are_read_easily() {
        assert_eq!([0, 59, 600, 10_000, 200_000].map(age), ["0 s", "59 s", "10 min", "2 h", "2 days"]);
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1023, 1024, 5 << 20].map(size), ["0 B", "1023 B", "1.0 KiB", "5.0 MiB"]);
    }

    /// A lake with the longest names that there are.
    fn told() -> Vec<Told> {
        let one = |name: &str, inputs: &[(&str, usize)]| Told {
            name: name.to_owned(),
            layer: Layer::Raw,
            rows: 12_345_678,
            files: 1_234,
            bytes: 5 << 30,
            small: None,
            newest_date: Some("2026-01-31".to_owned()),
            made_by: Some(Made {
                lineage: Lineage {
                    inputs: inputs.iter().map(|(table, objects)| ((*table).to_owned(), *objects)).collect(),
                    job: "analytics-aggregation".to_owned(),
                    as_of: chrono::NaiveDate::default(),
                    started_at: Micros(0),
                },
                age_seconds: 600,
            }),
            schema: Vec::new(),
        };
        millrace_tables::tables()
            .iter()
            .map(|table| one(&table.name(), &[("users_transformed", 1), ("data_quality_summary", 31)]))
            .collect()
    }

    #[test]
    fn raw_objects_below_their_goal_are_told() {
        let mut told = told();
        let goal = CompactionPolicy::default();
        assert_eq!(below_the_goal(&told, &goal), None);
        told.iter_mut().for_each(|table| table.small = Some(0));
        assert_eq!(below_the_goal(&told, &goal), None);
        told[0].small = Some(1_200);
        let line = below_the_goal(&told, &goal).unwrap_or_default();
        let named = format!("merges: {} 1,200 of 1,234", told[0].name);
        assert!(line.contains("128.0 MiB") && line.ends_with(&named), "{line}");
    }

    #[test]
    fn names_are_whole_however_narrow_the_terminal() {
        let told = told();
        for (width, columns) in [
            (20, &["table"][..]),
            (60, &["table", "rows", "newest"]),
            (80, &["table", "rows", "size", "newest", "age"]),
            (120, &["table", "rows", "files", "size", "newest", "age", "made of"]),
        ] {
            let (table, left_out) = grid(&told, Some(width));
            let text = table.to_string();
            for line in &told {
                let whole = text.lines().any(|shown| shown.split_whitespace().nth(1) == Some(&line.name));
                assert!(whole, "{} at {width}:\n{text}", line.name);
            }
            assert!(
                width == 20 || text.lines().all(|line| line.chars().count() <= width),
                "{width}:\n{text}"
            );
            let header = text.lines().nth(1).unwrap_or_default();
            let shown: Vec<_> =
                header.split(['│', '┆']).map(str::trim).filter(|name| !name.is_empty()).collect();
            assert_eq!(shown, columns, "{width}:\n{text}");
            assert_eq!(left_out.len() + columns.len(), COLUMNS.len());
        }
        let (whole, left_out) = grid(&told, None);
        assert!(left_out.is_empty() && whole.to_string().contains("data_quality_summary (31 objects)"));
    }
}
