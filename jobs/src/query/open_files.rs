//! The files that a query reads, opened before it starts.
//!
//! What is open stays as it was: a file whose name goes to another, or to none, keeps its bytes for whoever mapped it.
//! So a query answers from one moment of the lake, whatever compaction, erasure or job replaces while it runs.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use polars::prelude::{PlRefPath, PolarsResult, ScanSource, ScanSourceRef, ScanSources};

use super::{DataFile, Lake, QueryError};

/// Files by their path, mapped; none where the query has no use for it.
#[derive(Debug, Default)]
pub(super) struct OpenFiles(BTreeMap<PathBuf, ScanSource>);

impl OpenFiles {
    /// Opens the files of every table that `sql` names; `None` where one went away since the lake was listed.
    pub(super) fn of(lake: &Lake, sql: &str) -> Result<Option<Self>, QueryError> {
        let sql = sql.to_lowercase();
        let mut open = Self::default();
        // A name may stand in the text by chance, or begin that of a view: such a table is opened in vain.
        for table in lake.tables.iter().filter(|table| sql.contains(&table.name.to_lowercase())) {
            for DataFile { path, .. } in &table.files {
                match File::open(path) {
                    Ok(file) => open.map(path, &file)?,
                    Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                    Err(source) => return Err(QueryError::Unreadable { path: path.clone(), source }),
                }
            }
        }
        Ok(Some(open))
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
