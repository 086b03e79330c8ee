//! The lakes that are asked: made once and kept.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use millrace_lake::{FolderStore, lake_file};

use crate::arguments::Arguments;
use crate::events::Events;
use crate::users;

/// What lakes follow from beside the numbers; another text makes them anew.
const RECIPE: &str = "1";
/// Hours of the overlapping lake whose objects share rows.
const OVERLAPPING: u64 = 3;

/// A lake and how many users it has.
#[derive(Debug)]
pub(crate) struct Lake {
    pub(crate) path: PathBuf,
    pub(crate) users: u64,
}

/// Those of a run.
#[derive(Debug)]
pub(crate) struct Lakes {
    /// By their users, ascending, each with all events.
    pub(crate) by_users: Vec<Lake>,
    /// Events alone, some of which were delivered twice.
    pub(crate) overlapping: Lake,
    /// Some thousand users.
    pub(crate) small: Lake,
}

impl Lakes {
    /// Makes what is not there yet.
    pub(crate) fn of(scratch: &Path, arguments: &Arguments) -> anyhow::Result<Self> {
        let (least, most) = (arguments.users[0], arguments.users[arguments.users.len() - 1]);
        let events = Events { events: arguments.events, users: least, all_users: most };
        let folder = scratch.join(format!("{RECIPE}-{least}-{most}-{}", arguments.events));
        let made = |name: &str, users: u64, make: &dyn Fn(&Path) -> anyhow::Result<()>| {
            let path = folder.join(name);
            if !path.join("_lake.json").exists() {
                eprintln!("making {}, once", path.display());
                if path.exists() {
                    std::fs::remove_dir_all(&path)?;
                }
                std::fs::create_dir_all(&path)?;
                make(&path)?;
                // Last: a lake without it was not finished.
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(lake_file::enter_or_create(&FolderStore::new(&path)))?;
            }
            read(&path)?;
            anyhow::Ok(Lake { path, users })
        };
        let landed = made("events", 0, &|path| events.write(path, 0))?;
        let by_users = arguments.users.iter().map(|&users| {
            made(&format!("users-{users}"), users, &|path| {
                users::write(path, users, most)?;
                link(&landed.path.join("raw"), &path.join("raw"))
            })
        });
        let by_users = by_users.collect::<anyhow::Result<_>>()?;
        let overlapping = made("overlapping", 0, &|path| events.write(path, OVERLAPPING))?;
        let small = made("small", 10_000, &|path| users::write(path, 10_000, 10_000))?;
        Ok(Self { by_users, overlapping, small })
    }
}

/// Bytes below a folder; reads all of them, so that nobody is the first to fetch them from the disk.
pub(crate) fn read(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        bytes += match path.is_dir() {
            true => read(&path)?,
            false => std::io::copy(&mut std::fs::File::open(&path)?, &mut std::io::sink())?,
        };
    }
    Ok(bytes)
}

/// The same files under other names.
fn link(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()? {
            kind if kind.is_dir() => link(&entry.path(), &to)?,
            kind if kind.is_file() => std::fs::hard_link(entry.path(), to)?,
            _ => bail!("{} is no file", entry.path().display()),
        }
    }
    Ok(())
}
