//! Which raw objects become one: decided by their names and sizes alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::object_key::Key;
use crate::raw_object_name::RawObjectName;
use crate::store::ObjectMeta;

/// What is small, and how large the large ones become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactionPolicy {
    /// What an object grows towards, in bytes.
    pub target_bytes: u64,
    /// Fewer small objects than this stay as they are, unless they overlap.
    pub min_objects: usize,
}

impl Default for CompactionPolicy {
    fn default() -> Self {
        Self { target_bytes: 128 << 20, min_objects: 2 }
    }
}

impl CompactionPolicy {
    /// Whether an object is large enough to stay: at three quarters of the target. At the target itself, an object just
    /// below it would be written anew for each small one that lands beside it.
    fn is_large(&self, bytes: u64) -> bool {
        bytes >= self.target_bytes / 4 * 3
    }
}

/// A raw object as its listing tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) key: Key,
    pub(crate) name: RawObjectName,
    pub(crate) bytes: u64,
}

/// The objects of one hour, one generation of a topic and one partition, by their offsets: only these may become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionHour {
    pub(crate) objects: Vec<Listed>,
}

/// Objects that become one, in the order of their offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// No two runs share an offset by their names; the objects of a run may.
    pub(crate) runs: Vec<Vec<Listed>>,
    /// The name of the one.
    pub(crate) target: Key,
}

impl Group {
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Listed> {
        self.runs.iter().flatten()
    }
}

/// Sorts a listing into hours; what is no raw object by its name is in none.
pub(crate) fn by_partition_hour(objects: &[ObjectMeta]) -> Vec<PartitionHour> {
    let mut hours: BTreeMap<_, Vec<Listed>> = BTreeMap::new();
    for object in objects {
        let Ok(name) = RawObjectName::of_key(&object.key) else { continue };
        let source = (name.topic().to_owned(), name.generation().clone(), name.partition());
        let listed = Listed { key: object.key.clone(), name, bytes: object.size };
        hours.entry((folder(&object.key).to_owned(), source)).or_default().push(listed);
    }
    hours.into_values().map(PartitionHour::new).collect()
}

fn folder(key: &Key) -> &str {
    key.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl PartitionHour {
    fn new(mut objects: Vec<Listed>) -> Self {
        objects.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        Self { objects }
    }

    /// Takes `gone` out and puts `new` in their place.
    pub(crate) fn replace(&mut self, gone: &BTreeSet<Key>, new: Option<Listed>) {
        self.objects.retain(|object| !gone.contains(&object.key));
        self.objects.extend(new);
        self.objects.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    }

    /// The objects in runs whose ranges of offsets meet, by offset.
    pub(crate) fn runs(&self) -> Vec<Vec<Listed>> {
        let mut runs: Vec<Vec<Listed>> = Vec::new();
        let mut reach = None;
        for object in &self.objects {
            match runs.last_mut() {
                Some(run) if Some(object.name.first_offset()) <= reach => run.push(object.clone()),
                _ => runs.push(vec![object.clone()]),
            }
            reach = reach.max(Some(object.name.last_offset()));
        }
        runs
    }

    /// The groups that `policy` makes of this hour, those aside that would hold one of `settled`.
    ///
    /// Objects that overlap go together whatever their size: readers pay for an overlap with every query.
    pub(crate) fn groups(&self, policy: &CompactionPolicy, settled: &BTreeSet<Key>) -> Vec<Group> {
        let mut groups = Vec::new();
        let mut open: Vec<Vec<Listed>> = Vec::new();
        let mut open_bytes = 0;
        for run in self.runs() {
            let bytes: u64 = run.iter().map(|object| object.bytes).sum();
            let stays = run.iter().any(|object| settled.contains(&object.key))
                || (run.len() == 1 && policy.is_large(bytes));
            if stays || open_bytes + bytes > policy.target_bytes {
                groups.extend(closed(std::mem::take(&mut open), policy));
                open_bytes = 0;
            }
            if !stays {
                open.push(run);
                open_bytes += bytes;
            }
        }
        groups.extend(closed(open, policy));
        groups
    }
}

fn closed(runs: Vec<Vec<Listed>>, policy: &CompactionPolicy) -> Option<Group> {
    let objects = runs.iter().map(Vec::len).sum::<usize>();
    let overlap = runs.iter().any(|run| run.len() > 1);
    if objects < policy.min_objects.max(2) && !overlap {
        return None;
    }
    let first = runs.first()?.first()?;
    let last = runs.iter().flatten().map(|object| object.name.last_offset()).max()?;
    let name = &first.name;
    let name = RawObjectName::new(
        name.topic(),
        name.generation().clone(),
        name.partition(),
        name.first_offset(),
        last,
    );
    let target = Key::new(format!("{}/{}", folder(&first.key), name.ok()?)).ok()?;
    Some(Group { runs, target })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: CompactionPolicy = CompactionPolicy { target_bytes: 100, min_objects: 2 };

    fn object(hour: u8, partition: u8, first: i64, last: i64, size: u64) -> ObjectMeta {
        let key = format!(
            "raw/users/date=2026-01-31/hour={hour:02}/users_created-g1-{partition:05}-{first:020}-{last:020}.parquet"
        );
        ObjectMeta { key: Key::new(key).unwrap(), size }
    }

    fn groups(objects: &[ObjectMeta]) -> Vec<(Vec<(i64, i64)>, (i64, i64))> {
        let hours = by_partition_hour(objects);
        let groups = hours.iter().flat_map(|hour| hour.groups(&POLICY, &BTreeSet::new()));
        let range = |name: &RawObjectName| (name.first_offset().get(), name.last_offset().get());
        groups
            .map(|group| {
                let target = RawObjectName::of_key(&group.target).unwrap();
                (group.objects().map(|object| range(&object.name)).collect(), range(&target))
            })
            .collect()
    }

    #[test]
    fn hours_partitions_and_foreign_files_stay_apart() {
        let mut objects = vec![object(0, 0, 0, 9, 1), object(0, 0, 10, 19, 1)];
        objects.extend([object(1, 0, 20, 29, 1), object(0, 1, 0, 9, 1)]);
        objects.push(ObjectMeta { key: Key::new("raw/users/notes.txt").unwrap(), size: 1 });
        assert_eq!(groups(&objects), [(vec![(0, 9), (10, 19)], (0, 19))]);
    }

    #[test]
    fn groups_end_at_the_target_and_large_objects_stay() {
        let objects = [
            object(0, 0, 0, 9, 60),
            object(0, 0, 10, 19, 40),
            object(0, 0, 20, 29, 1),
            object(0, 0, 30, 39, 75),
            object(0, 0, 40, 49, 1),
            object(0, 0, 50, 59, 1),
        ];
        assert_eq!(
            groups(&objects),
            [(vec![(0, 9), (10, 19)], (0, 19)), (vec![(40, 49), (50, 59)], (40, 59))],
            "a lone small one between stays too"
        );
    }

    #[test]
    fn what_overlaps_goes_together_whatever_its_size() {
        let objects = [object(0, 0, 0, 99, 500), object(0, 0, 50, 119, 1), object(0, 0, 110, 112, 1)];
        assert_eq!(groups(&objects), [(vec![(0, 99), (50, 119), (110, 112)], (0, 119))]);
    }

    #[test]
    fn a_settled_object_keeps_its_run_out() {
        let objects =
            [object(0, 0, 0, 9, 1), object(0, 0, 5, 14, 1), object(0, 0, 15, 19, 1), object(0, 0, 20, 29, 1)];
        let hour = &by_partition_hour(&objects)[0];
        let settled = BTreeSet::from([objects[1].key.clone()]);
        let groups = hour.groups(&POLICY, &settled);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].objects().count(), 2);
    }

    proptest! {
        #[test]
        fn each_object_is_in_one_group_at_most_and_no_two_groups_share_an_offset(
            ranges in proptest::collection::btree_set((0_i64..60, 0_i64..8), 0..20),
            sizes in proptest::collection::vec(1_u64..120, 20),
        ) {
            let objects: Vec<_> = ranges
                .iter()
                .zip(&sizes)
                .map(|((first, length), size)| object(0, 0, *first, first + length, *size))
                .collect();
            let mut seen = BTreeSet::new();
            let mut before = -1;
            for (members, (first, last)) in groups(&objects) {
                prop_assert!(members.len() >= 2);
                prop_assert!(first > before && last >= first);
                before = last;
                for (start, end) in members {
                    prop_assert!(start >= first && end <= last);
                    prop_assert!(seen.insert((start, end)));
                }
            }
        }
    }
}
