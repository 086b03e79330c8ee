//! Which raw objects may hold the same source positions.
//!
//! A batch that is delivered again after a failure may be cut otherwise, so that two objects hold the same records.
//! Names tell the range of offsets; only objects whose ranges meet need their rows compared.

use std::collections::BTreeMap;

use millrace_events::position::Offset;
use millrace_lake::{ObjectMeta, RawObjectName};

/// The objects of a raw table, sorted by whether their rows can occur twice.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Overlaps<'a> {
    /// No two of these share a source position.
    pub disjoint: Vec<&'a ObjectMeta>,
    /// Each group's objects may share positions with one another, and with no object outside.
    pub groups: Vec<Vec<&'a ObjectMeta>>,
}

/// Sorts `files` by their names. An object whose name cannot be parsed may overlap with any: all are one group then.
pub(super) fn overlaps(files: &[ObjectMeta]) -> Overlaps<'_> {
    let mut by_partition: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for file in files {
        let Ok(name) = file.key.name().parse::<RawObjectName>() else {
            return Overlaps { disjoint: Vec::new(), groups: vec![files.iter().collect()] };
        };
        by_partition
            .entry((name.topic().to_owned(), name.generation().clone(), name.partition()))
            .or_default()
            .push((name.first_offset(), name.last_offset(), file));
    }
    let mut found = Overlaps::default();
    let mut close = |group: Vec<_>| match group.as_slice() {
        [] => {}
        [file] => found.disjoint.push(*file),
        _ => found.groups.push(group),
    };
    for mut ranges in by_partition.into_values() {
        ranges.sort_unstable_by_key(|(first, last, file)| (*first, *last, &file.key));
        let mut group = Vec::new();
        let mut reach = Offset::ZERO;
        for (first, last, file) in ranges {
            if !group.is_empty() && first > reach {
                close(std::mem::take(&mut group));
            }
            reach = if group.is_empty() { last } else { reach.max(last) };
            group.push(file);
        }
        close(group);
    }
    found
}

#[cfg(test)]
mod tests {
    use millrace_lake::Key;

    use super::*;

    fn object(key: &str) -> ObjectMeta {
        ObjectMeta { key: Key::new(key).unwrap(), size: 1 }
    }

    fn file(topic: &str, generation: &str, partition: u32, first: u64, last: u64) -> ObjectMeta {
        let name = format!("{topic}-{generation}-{partition:05}-{first:020}-{last:020}.parquet");
        object(&format!("raw/users/date=2026-01-01/hour=00/{name}"))
    }

    #[test]
    fn ranges_that_touch_group_and_others_do_not() {
        let files = [
            file("t", "a", 0, 0, 9),
            file("t", "a", 0, 10, 19),
            file("t", "a", 0, 19, 25),
            file("t", "a", 0, 24, 24),
            file("t", "a", 1, 0, 30),
            file("t", "b", 0, 0, 30),
        ];
        let found = overlaps(&files);
        assert_eq!(found.disjoint, [&files[0], &files[4], &files[5]]);
        assert_eq!(found.groups, [vec![&files[1], &files[2], &files[3]]]);
    }

    #[test]
    fn a_range_inside_an_earlier_long_one_is_in_its_group() {
        let files =
            [file("a-topic", "a", 0, 0, 100), file("a-topic", "a", 0, 5, 6), file("a-topic", "a", 0, 50, 60)];
        assert_eq!(overlaps(&files).groups.len(), 1);
    }

    #[test]
    fn a_foreign_name_puts_all_in_one_group() {
        let mut files = vec![file("t", "a", 0, 0, 9)];
        files.push(object("raw/users/copied.parquet"));
        assert_eq!(overlaps(&files).groups, [vec![&files[0], &files[1]]]);
    }
}
