//! What an erasure removed, or would, in words.

use std::collections::BTreeMap;
use std::io::Write;

use chrono::{DateTime, Utc};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use indicatif::{HumanBytes, HumanCount};
use millrace_jobs::erasure::{EndedHistory, ErasureReport, Persons, Place};
use millrace_lake::store::EarlierVersions;
use uuid::Uuid;

use super::elsewhere::Elsewhere;

/// Persons of one kind that are named one by one; --json names all.
const NAMED: usize = 20;

/// `is_done`: removed, else only counted; `lines` says where an id stands in its list.
pub(super) fn tell(
    is_done: bool,
    persons: usize,
    report: &ErasureReport,
    lines: &BTreeMap<String, usize>,
    out: &mut impl Write,
) -> std::io::Result<()> {
    if report.resumed {
        writeln!(out, "an erasure of some of these persons had been interrupted: this one went on with it")?;
    }
    writeln!(out, "{}", table(report))?;
    let persons = match (report.persons.found, persons) {
        (1, 1) => "1 person".to_owned(),
        (found, all) if found == all => format!("{} persons", HumanCount(all as u64)),
        (found, all) => format!("{} of {} persons", HumanCount(found as u64), HumanCount(all as u64)),
    };
    let rows = match report.rows() {
        1 => "1 row".to_owned(),
        rows => format!("{} rows", HumanCount(rows)),
    };
    if is_done {
        let days = report.rebuilt.len();
        let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        writeln!(out, "{persons}: {rows} removed, {days} computed anew")?;
    } else {
        let state = report.places.get(&Place::State).is_some_and(|found| found.objects > 0);
        let state = if state { "; the jobs' state goes whole and is made anew" } else { "" };
        writeln!(out, "{persons}: {rows} would be removed{state}. --yes removes them")?;
    }
    tell_history(is_done, report, out)?;
    tell_versions(is_done, report, out)?;
    name(&report.persons, lines, out)?;
    if report.letters_being_written > 0 {
        writeln!(
            out,
            "{} dead letters about them are being written by a run: give this command again when it has ended",
            HumanCount(report.letters_being_written)
        )?;
    }
    for unfinished in &report.unfinished {
        let begun_at = unfinished.begun_at.date_time().unwrap_or_default();
        writeln!(
            out,
            "an erasure of {}, begun on {}, is not finished: give its command again",
            if unfinished.persons == 1 {
                "1 person".to_owned()
            } else {
                format!("{} persons", HumanCount(unfinished.persons as u64))
            },
            minute(begun_at)
        )?;
    }
    Ok(())
}

/// What lies outside the lake: gone by itself, or not.
pub(super) fn tell_elsewhere(places: &[Elsewhere], out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "\nnot in this lake, and not removed by this command:")?;
    for Elsewhere { place, gone_by, note } in places {
        match gone_by {
            Some(by) => writeln!(out, "  {place}\n      gone by {}: {note}", by.format("%Y-%m-%d"))?,
            None => writeln!(out, "  {place}\n      {note}")?,
        }
    }
    Ok(())
}

/// What of the Iceberg tables' history ends with them.
fn tell_history(is_done: bool, report: &ErasureReport, out: &mut impl Write) -> std::io::Result<()> {
    let counted = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{} {one}s", HumanCount(count as u64)),
    };
    let (removed, replaced) = if is_done { ("removed", "replaced") } else { ("to remove", "to replace") };
    for EndedHistory { table, snapshots, from, to, refs, files, days } in &report.history {
        let when = match (from, to) {
            (Some(from), Some(to)) => format!(" ({} to {})", minute(*from), minute(*to)),
            _ => String::new(),
        };
        let (snapshots, files) = (counted(*snapshots, "snapshot"), counted(*files, "data file"));
        writeln!(out, "history of the Iceberg table {table}, {removed}: {snapshots}{when}, {files}")?;
        if !refs.is_empty() {
            let names: Vec<&str> = refs.iter().map(String::as_str).collect();
            writeln!(out, "  branches and tags of these, {removed}: {}", names.join(", "))?;
        }
        if !days.is_empty() {
            writeln!(out, "  {replaced} by what is published: {}", counted(days.len(), "day"))?;
        }
    }
    Ok(())
}

/// How much the bucket kept of former times.
fn tell_versions(is_done: bool, report: &ErasureReport, out: &mut impl Write) -> std::io::Result<()> {
    let mut all = EarlierVersions::default();
    report.earlier_versions.values().for_each(|versions| all.add(*versions));
    if all == EarlierVersions::default() {
        return Ok(());
    }
    let fate = if is_done {
        "are deleted by their ids, and cannot be restored"
    } else {
        "would be deleted by their ids, and could not be restored then"
    };
    writeln!(
        out,
        "{} earlier versions ({}) and {} marks of removals, of everything that lies where persons do, {fate}",
        HumanCount(all.versions),
        HumanBytes(all.bytes),
        HumanCount(all.marks)
    )
}

fn table(report: &ErasureReport) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["place", "objects", "rows"]);
    for (place, found) in &report.places {
        let rows = found.rows.map_or_else(|| "whole".to_owned(), |rows| HumanCount(rows).to_string());
        table.add_row([place.folder(), HumanCount(found.objects).to_string(), rows]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Names those who are not in the lake: whoever gave their ids has to know which.
fn name(persons: &Persons, lines: &BTreeMap<String, usize>, out: &mut impl Write) -> std::io::Result<()> {
    let place = |id: &str| lines.get(id).map_or_else(String::new, |line| format!(" (line {line})"));
    let cut_short = persons.cut_short.iter().map(|person| {
        let begun_at = minute(person.begun_at);
        format!("its erasure, begun on {begun_at}, was cut short: {}{}", person.id, place(&person.id))
    });
    let erased_before = persons.erased_before.iter().map(|person| {
        format!("erased before, on {}: {}{}", minute(person.erased_at), person.id, place(&person.id))
    });
    let missing = persons.missing.iter().map(|id| {
        let uuid = Uuid::try_parse(id).map(|uuid| uuid.to_string()).ok().filter(|uuid| uuid != id);
        let hint =
            uuid.map_or_else(String::new, |uuid| format!("; as uuids are commonly written it is {uuid}"));
        format!("nowhere in the lake, and never erased: {id}{}{hint}", place(id))
    });
    let kinds: [Box<dyn ExactSizeIterator<Item = String>>; 3] =
        [Box::new(cut_short), Box::new(erased_before), Box::new(missing)];
    for kind in kinds {
        let more = kind.len().saturating_sub(NAMED);
        for line in kind.take(NAMED) {
            writeln!(out, "{line}")?;
        }
        if more > 0 {
            writeln!(out, "… and {} more: --json names all", HumanCount(more as u64))?;
        }
    }
    Ok(())
}

fn minute(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_told_by_table_with_what_points_to_it() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().ok();
        let ended = EndedHistory {
            table: "users_transformed".to_owned(),
            snapshots: 1200,
            from: at("2026-01-02T03:04:05Z"),
            to: at("2026-02-03T04:05:06Z"),
            refs: ["audit".to_owned()].into(),
            files: 1,
            days: ["2026-02-02".parse().unwrap()].into(),
        };
        let orphan =
            EndedHistory { table: "dim_user_demographics".to_owned(), files: 2, ..Default::default() };
        let report = ErasureReport { history: vec![ended, orphan], ..ErasureReport::default() };
        let told = |is_done| {
            let mut out = Vec::new();
            tell_history(is_done, &report, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            told(false),
            "history of the Iceberg table users_transformed, to remove: 1,200 snapshots (2026-01-02 03:04 UTC to \
             2026-02-03 04:05 UTC), 1 data file\n  branches and tags of these, to remove: audit\n  \
             to replace by what is published: 1 day\n\
             history of the Iceberg table dim_user_demographics, to remove: 0 snapshots, 2 data files\n"
        );
        assert!(told(true).starts_with("history of the Iceberg table users_transformed, removed: 1,200"));
    }
}
