//! The rows cut by their id into ranges that fit in memory one at a time.

use polars::prelude::*;

/// A source position as (topic, generation, partition, offset).
type Position = (String, String, i32, i64);

/// How many rows are looked at to place the boundaries: a thousand a range keeps ranges within a few percent of one
/// another at the sizes one machine serves.
const SAMPLE: usize = 65_536;

/// Where each row goes: rows without an id by their source position first, then rows by id, all bytewise. Ranges in
/// their order, each sorted, are the whole sorted. Rows of one id are never parted.
#[derive(Debug, Default, Clone)]
pub(super) struct Ranges {
    // Each boundary is the least key of the range after it.
    without_id: Vec<Position>,
    ids: Vec<String>,
}

impl Ranges {
    pub(super) fn count(&self) -> usize {
        self.without_id.len() + self.ids.len() + 2
    }

    /// The range of each row.
    pub(super) fn of(&self, rows: &DataFrame) -> PolarsResult<Vec<usize>> {
        let first_with_id = self.without_id.len() + 1;
        each_key(rows, |id, position| match id {
            Some(id) => first_with_id + self.ids.partition_point(|boundary| boundary.as_str() <= id),
            None => self.without_id.partition_point(|boundary| borrowed(boundary) <= position),
        })
    }
}

/// Every so-manieth row, from which the boundaries follow.
#[derive(Debug)]
pub(super) struct Sample {
    step: usize,
    seen: usize,
    without_id: Vec<Position>,
    ids: Vec<String>,
}

impl Sample {
    /// A sample of about 65,536 of `rows` rows.
    pub(super) fn of_total(rows: usize) -> Self {
        Self { step: rows.div_ceil(SAMPLE).max(1), seen: 0, without_id: Vec::new(), ids: Vec::new() }
    }

    /// Takes its share of further rows.
    pub(super) fn add(&mut self, rows: &DataFrame) -> PolarsResult<()> {
        let Self { step, seen, without_id, ids } = self;
        each_key(rows, |id, position| {
            if seen.is_multiple_of(*step) {
                match id {
                    Some(id) => ids.push(id.to_owned()),
                    None => without_id.push((
                        position.0.to_owned(),
                        position.1.to_owned(),
                        position.2,
                        position.3,
                    )),
                }
            }
            *seen += 1;
        })?;
        Ok(())
    }

    /// Ranges of about `range_rows` rows each.
    pub(super) fn ranges(self, range_rows: usize) -> Ranges {
        let sampled_a_range = (range_rows / self.step).max(1);
        Ranges {
            without_id: boundaries(self.without_id, sampled_a_range),
            ids: boundaries(self.ids, sampled_a_range),
        }
    }
}

fn boundaries<K: Ord + Clone>(mut sample: Vec<K>, a_range: usize) -> Vec<K> {
    sample.sort_unstable();
    let ranges = sample.len().div_ceil(a_range).max(1);
    let mut boundaries: Vec<K> =
        (1..ranges).map(|range| sample[range * sample.len() / ranges].clone()).collect();
    // An id with very many rows would be several boundaries.
    boundaries.dedup();
    boundaries
}

fn borrowed(position: &Position) -> (&str, &str, i32, i64) {
    (&position.0, &position.1, position.2, position.3)
}

fn each_key<T>(
    rows: &DataFrame,
    mut answer: impl FnMut(Option<&str>, (&str, &str, i32, i64)) -> T,
) -> PolarsResult<Vec<T>> {
    let ids = rows.column("user_id")?.str()?;
    let topics = rows.column("_topic")?.str()?;
    let generations = rows.column("_generation")?.str()?;
    let partitions = rows.column("_partition")?.i32()?;
    let offsets = rows.column("_offset")?.i64()?;
    let positions = topics.iter().zip(generations.iter()).zip(partitions.iter()).zip(offsets.iter());
    let rows = ids.iter().zip(positions).map(|(id, (((topic, generation), partition), offset))| {
        let position = (
            topic.unwrap_or_default(),
            generation.unwrap_or_default(),
            partition.unwrap_or_default(),
            offset.unwrap_or_default(),
        );
        answer(id, position)
    });
    Ok(rows.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(ids: &[Option<String>]) -> DataFrame {
        let offsets: Vec<i64> = (0..ids.len() as i64).rev().collect();
        df!(
            "user_id" => ids,
            "_topic" => vec!["t"; ids.len()],
            "_generation" => vec!["g"; ids.len()],
            "_partition" => vec![0i32; ids.len()],
            "_offset" => offsets,
        )
        .expect("a frame")
    }

    proptest! {
        #[test]
        fn ranges_keep_the_order_and_never_part_an_id(
            ids in prop::collection::vec(prop::option::of("[a-cæ]{1,2}"), 0..60), range_rows in 1usize..20
        ) {
            let rows = frame(&ids);
            let mut sample = Sample::of_total(ids.len());
            sample.add(&rows).expect("sampled");
            let ranges = sample.ranges(range_rows);
            let places = ranges.of(&rows).expect("ranges");
            for (a, place_a) in places.iter().enumerate() {
                prop_assert!(*place_a < ranges.count());
                for (b, place_b) in places.iter().enumerate() {
                    // Rows without an id are ordered by position: here the later row has the lower offset.
                    let key = |row: usize| (ids[row].as_deref(), ids[row].is_none().then(|| ids.len() - row));
                    match key(a).cmp(&key(b)) {
                        std::cmp::Ordering::Less => prop_assert!(place_a <= place_b),
                        std::cmp::Ordering::Equal => prop_assert_eq!(place_a, place_b),
                        std::cmp::Ordering::Greater => prop_assert!(place_a >= place_b),
                    }
                }
            }
        }
    }

    #[test]
    fn ranges_hold_about_what_was_asked() {
        let ids: Vec<Option<String>> = (0..1000).map(|n| Some(format!("{:04}", n * 7 % 1000))).collect();
        let rows = frame(&ids);
        let mut sample = Sample::of_total(1000);
        sample.add(&rows).expect("sampled");
        let ranges = sample.ranges(100);
        let mut held = vec![0; ranges.count()];
        for place in ranges.of(&rows).expect("ranges") {
            held[place] += 1;
        }
        assert_eq!(held, [0, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100]);
    }
}
