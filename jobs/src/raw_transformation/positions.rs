//! Each source position counts once, however many overlapping objects hold it.

use std::collections::BTreeMap;
use std::io;

use polars::prelude::*;
use roaring::RoaringTreemap;

/// The positions seen so far. Offsets of a partition lie close together, so they cost about a bit each.
#[derive(Debug, Default)]
pub(super) struct Positions {
    partitions: BTreeMap<(String, String, i32), RoaringTreemap>,
}

impl Positions {
    /// True for each row whose position is new. The columns must hold no null.
    pub(super) fn first_seen(&mut self, rows: &DataFrame) -> PolarsResult<BooleanChunked> {
        let topics = rows.column("_topic")?.str()?;
        let generations = rows.column("_generation")?.str()?;
        let partitions = rows.column("_partition")?.i32()?;
        let offsets = rows.column("_offset")?.i64()?;
        let mut new = Vec::with_capacity(rows.height());
        // Rows of one partition come in runs: the map is asked once a run.
        let mut run: Option<((&str, &str, i32), RoaringTreemap)> = None;
        let rows = topics.iter().zip(generations.iter()).zip(partitions.iter()).zip(offsets.iter());
        for (((topic, generation), partition), offset) in rows {
            let place =
                (topic.unwrap_or_default(), generation.unwrap_or_default(), partition.unwrap_or_default());
            let seen = match &mut run {
                Some((current, seen)) if *current == place => seen,
                _ => {
                    if let Some((place, seen)) = run.take() {
                        self.put(place, seen);
                    }
                    let seen = self.partitions.remove(&owned(place)).unwrap_or_default();
                    &mut run.insert((place, seen)).1
                }
            };
            new.push(seen.insert(offset.unwrap_or_default() as u64));
        }
        if let Some((place, seen)) = run {
            self.put(place, seen);
        }
        Ok(BooleanChunked::from_slice("new".into(), &new))
    }

    /// How many distinct positions were seen.
    pub(super) fn count(&self) -> u64 {
        self.partitions.values().map(RoaringTreemap::len).sum()
    }

    /// The positions for [`Self::read`]: for each partition a line of JSON, `[topic, generation, partition, bytes]`, and
    /// so many bytes of Roaring's portable format.
    pub(super) fn bytes(self) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        for ((topic, generation, partition), mut seen) in self.partitions {
            // Runs of offsets become runs: some bytes in place of a bit for each.
            seen.optimize();
            serde_json::to_writer(&mut out, &(topic, generation, partition, seen.serialized_size()))?;
            out.push(b'\n');
            seen.serialize_into(&mut out)?;
        }
        Ok(out)
    }

    /// Reads what [`Self::bytes`] gave; none where `bytes` are something else.
    pub(super) fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut partitions = BTreeMap::new();
        while !bytes.is_empty() {
            let line = bytes.iter().position(|byte| *byte == b'\n')?;
            let (topic, generation, partition, size): (String, String, i32, usize) =
                serde_json::from_slice(&bytes[..line]).ok()?;
            let (seen, rest) = bytes[line + 1..].split_at_checked(size)?;
            partitions.insert((topic, generation, partition), RoaringTreemap::deserialize_from(seen).ok()?);
            bytes = rest;
        }
        Some(Self { partitions })
    }

    fn put(&mut self, place: (&str, &str, i32), seen: RoaringTreemap) {
        self.partitions.insert(owned(place), seen);
    }
}

fn owned((topic, generation, partition): (&str, &str, i32)) -> (String, String, i32) {
    (topic.to_owned(), generation.to_owned(), partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_new_once() {
        let rows = df!(
            "_topic" => ["t", "t", "t", "u", "t", "t"],
            "_generation" => ["a", "a", "a", "a", "b", "a"],
            "_partition" => [0, 0, 1, 0, 0, 0],
            "_offset" => [7i64, 7, 7, 7, 7, 8],
        )
        .expect("a frame");
        let mut positions = Positions::default();
        let new: Vec<bool> = positions.first_seen(&rows).expect("mask").iter().flatten().collect();
        assert_eq!(new, [true, false, true, true, true, true]);
        assert_eq!(positions.count(), 5);
        let again: Vec<bool> = positions.first_seen(&rows).expect("mask").iter().flatten().collect();
        assert!(again.iter().all(|new| !new));
        assert_eq!(positions.count(), 5);
    }

    #[test]
    fn positions_are_read_as_they_were_written() {
        let rows = |from: i64| {
            let rows = 3000;
            df!(
                "_topic" => vec!["t\"\n"; rows],
                "_generation" => vec!["a"; rows],
                "_partition" => (0..rows as i32).map(|row| row % 3).collect::<Vec<_>>(),
                "_offset" => (0..rows as i64).map(|row| from + row * row).collect::<Vec<_>>(),
            )
            .expect("a frame")
        };
        let mut positions = Positions::default();
        positions.first_seen(&rows(0)).expect("mask");
        positions.first_seen(&rows(1 << 40)).expect("mask");
        let bytes = positions.bytes().expect("encoded");
        let mut read = Positions::read(&bytes).expect("positions");
        assert_eq!(read.count(), 6000);
        let new = read.first_seen(&rows(1 << 40)).expect("mask");
        assert!(new.iter().flatten().all(|new| !new));
        assert_eq!(Positions::read(&[]).expect("none").count(), 0);
        for cut in [1, 20, bytes.len() / 2, bytes.len() - 1] {
            assert!(Positions::read(&bytes[..cut]).is_none(), "cut at {cut}");
        }
    }
}
