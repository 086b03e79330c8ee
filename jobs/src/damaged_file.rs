//! Which Parquet file cannot be read: the engine's errors, over many files at once, don't say.

use std::fs::File;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars::prelude::{ParquetReader, PolarsError, PolarsResult, ScanSourceRef, SerReader};

/// Rows decoded at once.
const PIECE: usize = 65_536;

/// Why the Parquet file in `bytes` cannot be read to its end; `None` where it can. Reads all of it: for those who have failed.
fn damage(bytes: &[u8]) -> Option<PolarsError> {
    // What a damage looks like to the engine is not known beforehand.
    let read = catch_unwind(AssertUnwindSafe(|| decode(bytes)));
    let gave_up = |_| Err(PolarsError::ComputeError("the engine gave up on it".into()));
    read.unwrap_or_else(gave_up).err()
}

/// The same of the file at `path`. One that is gone has nothing that is damaged.
pub(crate) fn damage_at(path: &Path) -> Option<PolarsError> {
    let file = File::open(path).ok()?;
    match ScanSourceRef::File(&file).to_memslice() {
        Ok(bytes) => damage(&bytes),
        Err(error) => Some(error),
    }
}

fn decode(bytes: &[u8]) -> PolarsResult<()> {
    let rows = ParquetReader::new(Cursor::new(bytes)).num_rows()?;
    for start in (0..rows).step_by(PIECE) {
        ParquetReader::new(Cursor::new(bytes)).with_slice(Some((start, PIECE))).finish()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use polars::prelude::{ParquetWriter, df};

    use super::*;

    #[test]
    fn a_damage_is_found_wherever_it_is() {
        let numbers: Vec<i64> = (0..200_000).map(|number| number * 7_919 % 1_000_003).collect();
        let texts: Vec<String> = numbers.iter().map(|number| format!("text {number}")).collect();
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes)
            .with_row_group_size(Some(50_000))
            .finish(&mut df!("number" => numbers, "text" => texts).unwrap())
            .unwrap();
        assert!(damage(&bytes).is_none());
        assert!(damage(&bytes[..bytes.len() - 9]).is_some(), "cut short");
        assert!(damage(b"").is_some() && damage(b"this is some other file").is_some());
        // As long as two columns of a row group: the head of a page is in it, wherever it lies. Within a page other values may come of it.
        let length = bytes.len() / 4;
        for at in [length / 2, length * 3 / 2, length * 5 / 2] {
            let mut spoilt = bytes.clone();
            spoilt[at..at + length].fill(0x5a);
            assert!(damage(&spoilt).is_some(), "at {at}");
        }
    }
}
