//! A folder for what a job spills, gone when the job ends and swept by the next one when it was killed.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::job_error::JobError;

const PREFIX: &str = "millrace-job-";

/// A folder of this job's own. It is locked while its owner lives, which tells a live one from a leftover.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    lock_path: PathBuf,
    // Held for the folder's life: the system releases it when the process dies, however it dies.
    _lock: File,
}

impl Scratch {
    /// Sweeps the leftovers of dead jobs in `parent` and makes a new folder there.
    ///
    /// Sweeping and making happen under one lock of `parent`, so that nobody sweeps a folder that exists but is not
    /// locked yet.
    pub(crate) fn new_in(parent: &Path) -> Result<Self, JobError> {
        fs::create_dir_all(parent).map_err(JobError::scratch("create", parent))?;
        let gate_path = parent.join("millrace-jobs.lock");
        let gate = open(File::options().create(true).truncate(true), &gate_path)
            .map_err(JobError::scratch("create", &gate_path))?;
        gate.lock().map_err(JobError::scratch("lock", &gate_path))?;
        sweep(parent)?;
        let id = std::process::id();
        for attempt in 0u32.. {
            let lock_path = parent.join(format!("{PREFIX}{id}-{attempt}.lock"));
            let lock = match open(File::options().create_new(true), &lock_path) {
                Ok(lock) => lock,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(JobError::scratch("create", lock_path)(error)),
            };
            lock.lock().map_err(JobError::scratch("lock", &lock_path))?;
            let path = lock_path.with_extension("");
            create_private(&path).map_err(JobError::scratch("create", &path))?;
            return Ok(Self { path, lock_path, _lock: lock });
        }
        Err(JobError::scratch("create a new folder in", parent)(std::io::ErrorKind::AlreadyExists.into()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Its owner's alone, as all files of a lake.
fn open(options: &mut fs::OpenOptions, path: &Path) -> std::io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.write(true).open(path)
}

/// What is spilled is about persons: nobody else may look into the folder.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The folder before its lock: a death in between leaves a lock file, which the next job sweeps.
        for (what, result) in [
            (&self.path, fs::remove_dir_all(&self.path)),
            (&self.lock_path, fs::remove_file(&self.lock_path)),
        ] {
            if let Err(error) = result {
                tracing::warn!(path = %what.display(), %error, "scratch could not be removed; the next job sweeps it");
            }
        }
    }
}

fn sweep(parent: &Path) -> Result<(), JobError> {
    let listing = fs::read_dir(parent).map_err(JobError::scratch("list", parent))?;
    for entry in listing {
        let lock_path = entry.map_err(JobError::scratch("list", parent))?.path();
        let name = lock_path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.starts_with(PREFIX) || !name.ends_with(".lock") {
            continue;
        }
        let Ok(lock) = File::open(&lock_path) else { continue };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(JobError::scratch("lock", lock_path)(error)),
        }
        let folder = lock_path.with_extension("");
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(JobError::scratch("remove", &folder))?;
        }
        fs::remove_file(&lock_path).map_err(JobError::scratch("remove", &lock_path))?;
        tracing::info!(folder = %folder.display(), "swept what a killed job had spilled");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_folder_survives_the_next_job_and_a_dead_one_does_not() {
        let parent = tempfile::tempdir().expect("tempdir");
        let live = Scratch::new_in(parent.path()).expect("scratch");
        let dead = parent.path().join("millrace-job-999999999-0");
        fs::create_dir(&dead).expect("folder");
        fs::write(dead.join("rows"), b"x").expect("file");
        fs::write(dead.with_extension("lock"), b"").expect("lock");
        let foreign = parent.path().join("someone-elses");
        fs::create_dir(&foreign).expect("folder");

        let second = Scratch::new_in(parent.path()).expect("scratch");

        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;

            let mode = fs::metadata(live.path()).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        assert!(live.path().exists() && second.path().exists() && foreign.exists());
        assert!(!dead.exists() && !dead.with_extension("lock").exists());
        let (first_path, second_path) = (live.path().to_owned(), second.path().to_owned());
        assert_ne!(first_path, second_path);
        drop(live);
        assert!(!first_path.exists() && second_path.exists());
    }
}
