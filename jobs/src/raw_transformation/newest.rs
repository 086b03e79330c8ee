//! Of the rows of one id the newest, in the order of the table: sorted by all processors.

use millrace_kernels::newest::{Competitors, Version, compare, parted, winners};
use polars::prelude::*;
use rayon::prelude::*;

/// Of the rows of one id the newest, ids byte for byte, in their order; before them every row without an id, by its source position: the
/// order of the table. Positions must be distinct already.
pub(super) fn per_id(mut rows: DataFrame) -> PolarsResult<DataFrame> {
    // A value of a column in one piece is found at once.
    rows.rechunk_mut();
    let competitors = Rows::of(&rows)?;
    let (mut with_id, mut newest) = parted(&competitors);
    newest.sort_unstable_by(|one, other| competitors.position(*one).cmp(&competitors.position(*other)));
    with_id.par_sort_unstable_by(|one, other| compare(&competitors, one, other));
    newest.extend(winners(&competitors, with_id));
    rows.take(&IdxCa::from_vec("rows".into(), newest))
}

struct Rows<'a> {
    ids: Vec<Option<&'a str>>,
    generations: &'a StringChunked,
    timestamps: &'a Int64Chunked,
    offsets: &'a Int64Chunked,
    partitions: &'a Int32Chunked,
    topics: &'a StringChunked,
}

impl<'a> Rows<'a> {
    fn of(rows: &'a DataFrame) -> PolarsResult<Self> {
        Ok(Self {
            ids: rows.column("user_id")?.str()?.iter().collect(),
            generations: rows.column("_generation")?.str()?,
            timestamps: rows.column("_timestamp")?.datetime()?.physical(),
            offsets: rows.column("_offset")?.i64()?,
            partitions: rows.column("_partition")?.i32()?,
            topics: rows.column("_topic")?.str()?,
        })
    }

    fn position(&self, row: u32) -> (&str, &str, i32, i64) {
        let (generation, _, offset, partition, topic) = self.version(row);
        (topic, generation, partition, offset)
    }
}

impl Competitors for Rows<'_> {
    fn rows(&self) -> u32 {
        // Polars itself numbers rows by `u32`.
        self.ids.len() as u32
    }

    fn id(&self, row: u32) -> Option<&str> {
        self.ids[row as usize]
    }

    fn version(&self, row: u32) -> Version<'_> {
        let row = row as usize;
        (
            self.generations.get(row).unwrap_or_default(),
            self.timestamps.get(row).unwrap_or_default(),
            self.offsets.get(row).unwrap_or_default(),
            self.partitions.get(row).unwrap_or_default(),
            self.topics.get(row).unwrap_or_default(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_each_id_behind_the_rows_without_one() {
        let mut rows = df!(
            "user_id" => [Some("b"), None, Some("a"), Some("b"), None],
            "_generation" => ["g"; 5],
            "_timestamp" => [3i64, 0, 0, 4, 0],
            "_offset" => [0i64, 4, 2, 1, 3],
            "_partition" => [0i32; 5],
            "_topic" => ["t"; 5],
        )
        .expect("a frame");
        rows.try_apply("_timestamp", |column| column.cast(&crate::polars_schema::timestamp()))
            .expect("instants");
        let newest = per_id(rows).expect("rows");
        let offsets: Vec<_> =
            newest.column("_offset").expect("offsets").i64().expect("i64").iter().flatten().collect();
        assert_eq!(offsets, [3, 4, 2, 1]);
    }
}
