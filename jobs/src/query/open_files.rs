//! The files that a query reads, opened before it starts.
//!
//! What is open stays as it was: a file whose name goes to another, or to none, keeps its bytes for whoever mapped it.
//! So a query answers from one moment of the lake, whatever compaction, erasure or job replaces while it runs.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use polars::prelude::{PlRefPath, PolarsResult, ScanSource, ScanSourceRef, ScanSources};

use super::answer::GAVE_UP;
use super::views::Wanted;
use super::{DataFile, Lake, QueryError};
use crate::damaged_file;

/// Files by their path, mapped; none where the query has no use for it.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenFiles(BTreeMap<PathBuf, ScanSource>);

impl OpenFiles {
    /// Opens the files of every table that `sql` names; `None` where one went away since the lake was listed.
    pub(super) fn of(lake: &Lake, sql: &str) -> Result<Option<Self>, QueryError> {
        let mut open = Self::default();
        for table in &lake.tables {
            let newest;
            let files = match Wanted::by(sql, &table.name) {
                Wanted::Nothing => continue,
                Wanted::NewestDay if table.latest().is_some() => {
                    newest = table.of_newest_day();
                    &newest.files
                }
                Wanted::NewestDay | Wanted::All => &table.files,
            };
            for DataFile { path, .. } in files {
                match File::open(path) {
                    Ok(file) => open.map(path, &file)?,
                    Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                    Err(source) => return Err(QueryError::Unreadable { path: path.clone(), source }),
                }
            }
        }
        Ok(Some(open))
    }

    /// The error of a query over these files: that of the one that is damaged, where one is.
    pub(super) fn told(&self, error: QueryError) -> QueryError {
        let may_be_damaged = match &error {
            QueryError::Failed { reason } => damaged_file::is_about_a_file(reason),
            QueryError::Refused { construct, .. } => construct == GAVE_UP,
            _ => false,
        };
        if may_be_damaged { self.damaged().unwrap_or(error) } else { error }
    }

    /// The first file that cannot be read. Reads them all.
    fn damaged(&self) -> Option<QueryError> {
        self.0.iter().find_map(|(path, file)| match file {
            ScanSource::Buffer(bytes) => {
                let source = damaged_file::damage(bytes)?;
                Some(QueryError::BadFile { path: path.clone(), source })
            }
            _ => None,
        })
    }

    /// A mapping outlives its descriptor: thousands of objects do not meet the limit of open files.
    fn map(&mut self, path: &Path, file: &File) -> Result<(), QueryError> {
        let bad = |source| QueryError::BadFile { path: path.to_owned(), source };
        let bytes = ScanSourceRef::File(file).to_memslice().map_err(bad)?;
        self.0.insert(path.to_owned(), ScanSource::Buffer(bytes));
        Ok(())
    }

    /// What to scan for `files`: their mappings; their paths where the query does not name their table, and so does not
    /// read it.
    pub(super) fn sources<'a>(
        &self,
        files: impl Iterator<Item = &'a DataFile> + Clone,
    ) -> PolarsResult<ScanSources> {
        let mapped = files.clone().map(|file| match self.0.get(&file.path)? {
            ScanSource::Buffer(bytes) => Some(bytes.clone()),
            _ => None,
        });
        if let Some(buffers) = mapped.collect::<Option<Vec<_>>>() {
            return Ok(ScanSources::Buffers(buffers.into()));
        }
        let paths =
            files.map(|file| PlRefPath::try_from_path(&file.path)).collect::<PolarsResult<Vec<_>>>()?;
        Ok(ScanSources::Paths(paths.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use polars::prelude::{DataFrame, ParquetWriter, df};

    use super::super::{Cell, Session};
    use super::*;

    fn rows(first: i64, last: i64) -> DataFrame {
        let offsets: Vec<i64> = (first..=last).collect();
        df!(
            "_topic" => vec!["t"; offsets.len()],
            "_generation" => vec!["g1"; offsets.len()],
            "_partition" => vec![0_i32; offsets.len()],
            "_offset" => offsets,
        )
        .unwrap()
    }

    fn object(lake: &Path, first: i64, last: i64) -> PathBuf {
        let name = format!("t-g1-00000-{first:020}-{last:020}.parquet");
        lake.join("raw/users/date=1970-01-01/hour=00").join(name)
    }

    fn land(lake: &Path, first: i64, last: i64) -> PathBuf {
        let path = object(lake, first, last);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let hidden = path.with_file_name(format!(".{first}-{last}"));
        ParquetWriter::new(File::create(&hidden).unwrap()).finish(&mut rows(first, last)).unwrap();
        std::fs::rename(hidden, &path).unwrap();
        path
    }

    fn ask(session: &Session, sql: &str) -> Vec<Vec<Cell>> {
        session.query(sql).unwrap().flat_map(|batch| batch.unwrap().rows().collect::<Vec<_>>()).collect()
    }

    #[test]
    fn an_answer_under_way_does_not_see_its_objects_go_or_change() {
        let lake = tempfile::tempdir().unwrap();
        let (first, second) = (land(lake.path(), 0, 99_999), land(lake.path(), 100_000, 199_999));
        let session = Session::open(lake.path()).unwrap();
        let mut answer = session.query("SELECT _offset FROM raw_users").unwrap();
        let mut seen = answer.next().unwrap().unwrap().len();
        std::fs::remove_file(first).unwrap();
        land(lake.path(), 0, 0);
        std::fs::rename(object(lake.path(), 0, 0), second).unwrap();
        for batch in answer {
            seen += batch.unwrap().len();
        }
        assert_eq!(seen, 200_000);
    }

    #[test]
    fn queries_beside_a_compaction_see_each_row_once() {
        let lake = tempfile::tempdir().unwrap();
        land(lake.path(), 0, 9);
        let session = Session::open(lake.path()).unwrap();
        let landed = AtomicI64::new(10);
        let marks = lake.path().join("_compactions");
        std::fs::create_dir_all(&marks).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // As a compaction does: the large object, the mark, then the small ones go.
                for round in 1..60 {
                    let small = land(lake.path(), round * 10, round * 10 + 9);
                    landed.store(round * 10 + 10, Ordering::SeqCst);
                    land(lake.path(), 0, round * 10 + 9);
                    let hidden = marks.join(".mark");
                    std::fs::write(&hidden, round.to_string()).unwrap();
                    std::fs::rename(hidden, marks.join("users.json")).unwrap();
                    std::fs::remove_file(small).unwrap();
                    std::fs::remove_file(object(lake.path(), 0, round * 10 - 1)).unwrap();
                }
                landed.store(i64::MAX, Ordering::SeqCst);
            });
            loop {
                let before = landed.load(Ordering::SeqCst);
                let sql = "SELECT COUNT(*), COUNT(DISTINCT _offset), SUM(_offset) FROM raw_users";
                let answer = ask(&session, sql);
                let [Cell::Int(rows), Cell::Int(distinct), Cell::Int(sum)] = answer[0].as_slice() else {
                    panic!("{answer:?}")
                };
                assert_eq!(rows, distinct, "a row twice");
                assert_eq!(*sum, (0..*rows).sum::<i128>(), "not the first rows");
                if before == i64::MAX {
                    assert_eq!(*rows, 600);
                    break;
                }
                assert!(*rows >= i128::from(before), "{rows} of {before} rows");
            }
        });
    }
}
