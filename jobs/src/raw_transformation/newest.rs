//! Of the rows of one id the newest, in the order of the table.

use polars::prelude::*;
use rayon::prelude::*;

/// Of the rows of one id the newest by (`_generation`, `_timestamp`, `_offset`, `_partition`, `_topic`), ids byte for byte,
/// in their order; before them every row without an id. Positions must be distinct already.
///
/// Written by hand: the engine would encode six columns for each row to sort by them, where nearly every comparison ends within
/// the first bytes of the id.
pub(super) fn per_id(mut rows: DataFrame) -> PolarsResult<DataFrame> {
    // A value of a column in one piece is found at once.
    rows.rechunk_mut();
    let ids: Vec<Option<&str>> = rows.column("user_id")?.str()?.iter().collect();
    let version = versions(&rows)?;
    let mut order: Vec<(u64, IdxSize)> = Vec::with_capacity(ids.len());
    let mut newest: Vec<IdxSize> = Vec::with_capacity(ids.len());
    for (row, id) in (0..).zip(&ids) {
        match id {
            Some(id) => order.push((first_bytes(id), row)),
            None => newest.push(row),
        }
    }
    let id_of = |row: IdxSize| ids[row as usize];
    order.par_sort_unstable_by(|(one_begins, one), (other_begins, other)| {
        one_begins
            .cmp(other_begins)
            .then_with(|| id_of(*one).cmp(&id_of(*other)))
            .then_with(|| version(*other).cmp(&version(*one)))
    });
    order.dedup_by(|(later_begins, later), (first_begins, first)| {
        later_begins == first_begins && id_of(*later) == id_of(*first)
    });
    newest.extend(order.into_iter().map(|(_, row)| row));
    rows.take(&IdxCa::from_vec("rows".into(), newest))
}

/// What is greater is newer; distinct rows of an id differ in it, since their positions do.
type Version<'a> = (&'a str, i64, i64, i32, &'a str);

fn versions<'a>(rows: &'a DataFrame) -> PolarsResult<impl Fn(IdxSize) -> Version<'a> + Sync> {
    let generations = rows.column("_generation")?.str()?;
    let timestamps = rows.column("_timestamp")?.datetime()?.physical();
    let offsets = rows.column("_offset")?.i64()?;
    let partitions = rows.column("_partition")?.i32()?;
    let topics = rows.column("_topic")?.str()?;
    Ok(move |row: IdxSize| {
        let row = row as usize;
        (
            generations.get(row).unwrap_or_default(),
            timestamps.get(row).unwrap_or_default(),
            offsets.get(row).unwrap_or_default(),
            partitions.get(row).unwrap_or_default(),
            topics.get(row).unwrap_or_default(),
        )
    })
}

/// The first eight bytes as a number that sorts as they do; what is shorter ends in zeros.
fn first_bytes(id: &str) -> u64 {
    let mut first = [0; 8];
    let length = id.len().min(8);
    first[..length].copy_from_slice(&id.as_bytes()[..length]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Row = (Option<String>, u8, i64, i64, i32, bool);

    fn frame(rows: &[Row]) -> DataFrame {
        let generation = |row: &Row| if row.1 == 0 { "a" } else { "b" };
        let topic = |row: &Row| if row.5 { "t" } else { "u" };
        let mut frame = df!(
            "user_id" => rows.iter().map(|row| row.0.clone()).collect::<Vec<_>>(),
            "_generation" => rows.iter().map(generation).collect::<Vec<_>>(),
            "_timestamp" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
            "_offset" => rows.iter().map(|row| row.3).collect::<Vec<_>>(),
            "_partition" => rows.iter().map(|row| row.4).collect::<Vec<_>>(),
            "_topic" => rows.iter().map(topic).collect::<Vec<_>>(),
        )
        .expect("a frame");
        frame
            .try_apply("_timestamp", |column| column.cast(&crate::polars_schema::timestamp()))
            .expect("instants");
        frame
    }

    proptest! {
        #[test]
        fn the_greatest_version_of_each_id_stays_and_every_row_without_one(
            rows in prop::collection::btree_set(
                (prop::option::of("[a-bæ\0]{0,2}|[a-b]{8,10}"), 0u8..2, 0i64..3, 0i64..3, 0i32..2, any::<bool>()), 0..40
            )
        ) {
            let rows: Vec<Row> = rows.into_iter().rev().collect();
            let mut expected = BTreeMap::new();
            let mut without_id = Vec::new();
            for (id, generation, timestamp, offset, partition, topic) in &rows {
                // "t" < "u", and true stands for "t".
                let version = (*generation, *timestamp, *offset, *partition, !*topic);
                match id {
                    Some(id) => {
                        let newest = expected.entry(id.clone()).or_insert(version);
                        *newest = version.max(*newest);
                    }
                    None => without_id.push(version),
                }
            }
            let found = per_id(frame(&rows)).expect("rows");
            let of_row = |row: usize| {
                let version = versions(&found).expect("versions")(row as IdxSize);
                (u8::from(version.0 == "b"), version.1, version.2, version.3, version.4 == "u")
            };
            let ids: Vec<_> = found.column("user_id").expect("ids").str().expect("texts").iter().collect();
            let found_without: Vec<_> = (0..without_id.len()).map(of_row).collect();
            prop_assert_eq!(found_without, without_id.clone());
            prop_assert!(ids[..without_id.len()].iter().all(Option::is_none));
            let found: Vec<_> = (without_id.len()..ids.len()).map(|row| (ids[row].unwrap_or("?").to_owned(), of_row(row))).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
