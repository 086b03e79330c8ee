//! A copy of infra/ to work in: Terraform writes beside what it reads, and mutants are nobody's to keep.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::terraform::LOCK_FILE;
use crate::{servers, workspace};

/// Begins the name of the folder of a task's copies; its process ends it.
const COPIES: &str = "infra-";

/// A folder that is removed when its value goes away.
#[derive(Debug)]
pub(crate) struct Copy {
    folder: PathBuf,
}

impl Copy {
    /// A copy of infra/ by the name of `purpose`, one for each process.
    pub(crate) fn of_infra(purpose: &str) -> anyhow::Result<Self> {
        let scratch = workspace::scratch();
        servers::sweep(&scratch, COPIES);
        let copy = Self { folder: scratch.join(format!("{COPIES}{}", std::process::id())).join(purpose) };
        copy_folder(&workspace::root().join("infra"), &copy.root())?;
        Ok(copy)
    }

    /// The copied infra/.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("infra")
    }

    /// A folder beside it, for what goes when it goes.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        // The last copy of a task takes the task's folder with it.
        let _ = self.folder.parent().map(std::fs::remove_dir);
    }
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("could not create {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("could not read {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        // What a person's own Terraform left there, but for the lock of the providers.
        if text.starts_with(".terraform") && text != LOCK_FILE
            || text.contains(".tfstate")
            || text.ends_with(".tfvars")
        {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to.join(&name))?;
        } else {
            std::fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}
