//! `cargo xtask python`: sets of Python packages are locked, and nothing is installed past them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::commands::quietly;
use crate::python_env;
use crate::python_set::{Set, Wanted, file, folder, read};
use crate::workspace;

#[derive(clap::Subcommand)]
pub(crate) enum PythonTask {
    /// Writes xtask/python/NAME.txt anew from NAME.in; versions stay as far as NAME.in allows
    Lock(LockArguments),
    /// Whether each set is locked, every package by its hashes
    Check,
}

#[derive(clap::Args)]
pub(crate) struct LockArguments {
    /// Sets, by name; all of them unless named
    sets: Vec<String>,
    /// Takes the newest versions that NAME.in allows
    #[arg(long)]
    upgrade: bool,
}

const UV: Set = Set("uv");

/// Unless the set says otherwise: for every processor and system, and the oldest Python that tasks are run with.
const FOR_ALL: [&str; 3] = ["--universal", "--python-version", "3.11"];

const RENEW: &str = "cargo xtask python lock";

pub(crate) fn run(task: &PythonTask) -> anyhow::Result<bool> {
    match task {
        PythonTask::Lock(arguments) => lock(arguments)?,
        PythonTask::Check => {
            let count = check()?;
            println!("{count} sets of Python packages, every package by its hashes");
        }
    }
    Ok(true)
}

/// The names of the files with an extension, in order.
fn names(folder: &Path, extension: &str) -> anyhow::Result<Vec<String>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let paths = paths.filter(|path| path.extension().is_some_and(|it| it == extension));
    let mut names: Vec<_> =
        paths.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

fn lock(LockArguments { sets, upgrade }: &LockArguments) -> anyhow::Result<()> {
    let known = names(&folder(), "in")?;
    if let Some(unknown) = sets.iter().find(|set| !known.contains(set)) {
        anyhow::bail!("there is no set {unknown} in xtask/python; known are {}", known.join(", "));
    }
    let uv = python_env::tool(UV, "uv")?;
    for set in if sets.is_empty() { &known } else { sets } {
        let wanted = Wanted::of(&read(&file(set, "in"))?);
        let mut compile = Command::new(&uv);
        compile.args(["pip", "compile", "--quiet", "--generate-hashes", "--no-emit-index-url"]);
        compile.args(["--custom-compile-command", RENEW, "--output-file"]);
        compile.arg(format!("{set}.txt")).arg(format!("{set}.in")).current_dir(folder());
        if wanted.options.is_empty() {
            compile.args(FOR_ALL)
        } else {
            compile.args(&wanted.options)
        };
        if *upgrade {
            compile.arg("--upgrade");
        }
        quietly(&mut compile).with_context(|| format!("xtask/python/{set}.in could not be locked"))?;
        println!("xtask/python/{set}.txt");
    }
    check().map(drop)
}

/// That each set is locked, every package by its hashes, and that no other list of packages is installed from; answers how many sets
/// there are.
pub(crate) fn check() -> anyhow::Result<usize> {
    let (wanted, locked) = (names(&folder(), "in")?, names(&folder(), "txt")?);
    ensure!(!wanted.is_empty(), "there are no sets in {}", folder().display());
    ensure!(
        wanted == locked,
        "xtask/python has {wanted:?} as .in and {locked:?} as .txt; run {RENEW}, and remove what is left over"
    );
    for set in &wanted {
        let text = Wanted::of(&read(&file(set, "in"))?);
        is_locked(&text, &read(&file(set, "txt"))?)
            .with_context(|| format!("xtask/python/{set}.txt: run {RENEW} {set}"))?;
    }
    for (path, text) in sources(&workspace::root().join("xtask/src"))? {
        if let Some(line) = pinned_in_code(&text) {
            anyhow::bail!(
                "{}: {line:?} is installed without a hash; list it in xtask/python and run {RENEW}",
                path.display()
            );
        }
    }
    Ok(wanted.len())
}

/// Whether `locked` has what is wanted, and each package in it one version and hashes.
fn is_locked(wanted: &Wanted, locked: &str) -> anyhow::Result<()> {
    let joined = locked.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut versions = Vec::new();
    for line in lines {
        ensure!(
            !line.starts_with('-'),
            "{line:?} is an option, and where packages come from is not its to say"
        );
        let (requirement, _) = line.split_once("--hash=").unwrap_or((line, ""));
        let requirement = requirement.split(';').next().unwrap_or_default().trim();
        let (name, version) =
            requirement.split_once("==").with_context(|| format!("{requirement} has no one version"))?;
        let hashes: Vec<_> =
            line.split_whitespace().filter_map(|word| word.strip_prefix("--hash=")).collect();
        let are_hashes = |hash: &&str| {
            hash.strip_prefix("sha256:")
                .is_some_and(|sum| sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()))
        };
        ensure!(!hashes.is_empty(), "{name} {version} has no hash");
        ensure!(hashes.iter().all(are_hashes), "{name} {version} has a hash that is no sha256");
        versions.push((normal(name), version.to_owned()));
    }
    for package in &wanted.packages {
        let end = package.find(['=', '<', '>', '~', '!']).unwrap_or(package.len());
        let (name, said) = (normal(&package[..end]), package[end..].strip_prefix("=="));
        let found =
            versions.iter().any(|(it, version)| *it == name && said.is_none_or(|said| said == version));
        ensure!(found, "it lacks {package}");
    }
    let lacks =
        wanted.built_here.iter().find(|built| !versions.iter().any(|(name, _)| *name == normal(built)));
    ensure!(lacks.is_none(), "{lacks:?} is said to be built here, and is not among what is installed");
    Ok(())
}

/// A package's name as registries compare it, without its extras.
fn normal(name: &str) -> String {
    name.split('[').next().unwrap_or_default().trim().to_lowercase().replace(['_', '.'], "-")
}

/// The line of a program's own code that pins a package, as sets do.
fn pinned_in_code(text: &str) -> Option<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let pins = |literal: &str| {
        let version = literal.split_once("==").map(|(name, version)| (name.trim(), version));
        version.is_some_and(|(name, version)| {
            let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.[],".contains(&byte);
            !name.is_empty() && name.bytes().all(named) && version.starts_with(|it: char| it.is_ascii_digit())
        })
    };
    code.lines()
        .map(str::trim)
        .find(|line| !line.starts_with("//") && line.split('"').skip(1).step_by(2).any(pins))
}

/// The Rust files below a folder.
fn sources(folder: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = read(&path)?;
            found.push((path, text));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "05fd6457c142c8fb1fff8624997613499275882dfc773082862f919660d5d17a";

    fn locked(text: &str) -> String {
        text.replace("SUM", SUM)
    }

    #[test]
    fn every_set_is_locked_by_hashes() {
        assert!(check().unwrap() > 10);
    }

    #[test]
    fn what_is_not_locked_is_told() {
        let wanted = Wanted::of("A_b[x]==1\nc<5\n");
        let good = locked(
            "# by uv\na-b==1 \\\n    --hash=sha256:SUM \\\n    --hash=sha256:SUM\n    # via -r a.in\nc==4 ; a < 'b' \\\n    --hash=sha256:SUM\n",
        );
        is_locked(&wanted, &good).unwrap();
        for (from, to, told) in [
            ("a-b==1", "a-b>=1", "no one version"),
            ("a-b==1", "a-b==2", "lacks A_b[x]==1"),
            ("c==4", "d==4", "lacks c<5"),
            ("c==4", "--index-url https://x/\nc==4", "is an option"),
            (" ; a < 'b' \\\n    --hash=sha256:SUM", "", "c 4 has no hash"),
            ("sha256:SUM\n    #", "md5:SUM\n    #", "is no sha256"),
            ("sha256:SUM\n    #", "sha256:05fd\n    #", "is no sha256"),
        ] {
            let error =
                is_locked(&wanted, &good.replace(&locked(from), &locked(to))).unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
        let built = Wanted { built_here: vec!["z".to_owned()], ..Wanted::default() };
        assert!(is_locked(&built, &good).is_err());
    }

    #[test]
    fn a_package_that_code_pins_is_told() {
        let pin = "const PACKAGES: [&str; 1] = [\"checkov==3.3.30\"];";
        assert_eq!(pinned_in_code(&format!("use a;\n{pin}\n")), Some(pin));
        assert!(pinned_in_code("    \"a[b,c]==1\",").is_some());
        for fine in ["if a == 1 {", "// \"a==1\"", "told(\"it has == in it\")", "#[cfg(test)]\n\"a==1\""] {
            assert_eq!(pinned_in_code(fine), None, "{fine}");
        }
    }
}
