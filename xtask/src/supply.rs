//! What others made and we fetch: packages by their hashes, bases of an image, and that somebody tells of newer ones.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::python_env::tool;
use crate::python_lock;
use crate::python_set::Set;
use crate::skips::SkipLog;
use crate::tally::Tally;
use crate::workspace;

const HADOLINT: Set = Set("hadolint");
const DOCKERFILE: &str = "jobs/cloud/Dockerfile";

/// Folders whose versions Dependabot has to raise.
const WATCHED: [&str; 7] = [
    "/",
    "/infra/platform",
    "/infra/envs/dev",
    "/infra/envs/prod",
    "/infra/envs/local",
    "/infra/bootstrap",
    "/xtask/python",
];

pub(crate) fn check(tally: &mut Tally, log: &SkipLog) -> anyhow::Result<()> {
    let root = workspace::root();
    tally.take("python: every package by its hashes", python_lock::check().map(drop));
    tally.take(
        "dependabot: it looks where versions are",
        of(root, ".github/dependabot.yml", |text| watched(text, root)),
    );
    let toolchain = of(root, "rust-toolchain.toml", |toolchain| {
        of(root, DOCKERFILE, |dockerfile| same_compiler(dockerfile, toolchain))
    });
    tally.take("image: it is built by this repository's compiler", toolchain);
    match tool(HADOLINT, "hadolint") {
        Ok(hadolint) => {
            let dockerfile = root.join(DOCKERFILE);
            tally.take("image: hadolint", lint(&hadolint, &dockerfile));
            tally.take("image: hadolint notices", of(root, DOCKERFILE, |text| notices(&hadolint, text)));
        }
        Err(error) => log.note("hadolint", &format!("{error:#}"))?,
    }
    Ok(())
}

fn of(root: &Path, file: &str, looks: impl FnOnce(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let path = root.join(file);
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    looks(&text).with_context(|| file.to_owned())
}

/// Each folder that is named is there, and none is missing that has versions of its own.
fn watched(text: &str, root: &Path) -> anyhow::Result<()> {
    let named = |line: &str| {
        let line = line.trim();
        let folder =
            line.strip_prefix("directory: ").or_else(|| line.strip_prefix("- /").map(|_| &line[2..]));
        folder.map(str::to_owned)
    };
    let folders: Vec<_> = text.lines().filter_map(named).collect();
    for folder in &folders {
        let below = root.join(folder.trim_start_matches('/').trim_end_matches("/*"));
        ensure!(below.is_dir(), "it looks into {folder}, and there is no such folder");
    }
    let missed: Vec<_> = WATCHED.iter().filter(|it| !folders.iter().any(|folder| folder == *it)).collect();
    ensure!(missed.is_empty(), "it does not look into {missed:?}");
    Ok(())
}

fn same_compiler(dockerfile: &str, toolchain: &str) -> anyhow::Result<()> {
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = "));
    let channel = channel.context("rust-toolchain.toml names no channel")?.trim_matches('"');
    for line in [format!("FROM rust:{channel}-"), format!("RUSTUP_TOOLCHAIN={channel} ")] {
        ensure!(dockerfile.contains(&line), "it lacks {line:?}, and rust-toolchain.toml has {channel}");
    }
    Ok(())
}

fn lint(hadolint: &Path, dockerfile: &Path) -> anyhow::Result<()> {
    let output =
        Command::new(hadolint).arg("--no-color").arg(dockerfile).output().context("could not start it")?;
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(output.status.success(), "{}", told.trim());
    Ok(())
}

/// That the linter tells what is careless: one that is silent for want of looking would pass everything.
fn notices(hadolint: &Path, dockerfile: &str) -> anyhow::Result<()> {
    let careless = dockerfile.replace("# hadolint ignore", "# ").replace("bookworm-slim\n", "latest\n");
    let path = workspace::scratch().join(format!("careless-{}.dockerfile", std::process::id()));
    std::fs::create_dir_all(workspace::scratch())?;
    std::fs::write(&path, careless)?;
    let told = lint(hadolint, &path);
    let _ = std::fs::remove_file(&path);
    let told = told.err().context("it lets a careless Dockerfile through")?.to_string();
    let missed: Vec<_> = ["DL3007", "DL3008"].into_iter().filter(|rule| !told.contains(rule)).collect();
    ensure!(missed.is_empty(), "it does not notice {missed:?}: {told}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_dependabot_misses_is_told() {
        let root = workspace::root();
        let text = std::fs::read_to_string(root.join(".github/dependabot.yml")).unwrap();
        watched(&text, root).unwrap();
        for (from, to, told) in [
            ("- /infra/bootstrap", "- /infra/boot", "no such folder"),
            ("directory: /xtask/python", "directory: /xtask", "[\"/xtask/python\"]"),
        ] {
            let error = watched(&text.replace(from, to), root).unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
    }

    #[test]
    fn the_image_is_built_by_the_repositorys_compiler() {
        let dockerfile = std::fs::read_to_string(workspace::root().join(DOCKERFILE)).unwrap();
        let toolchain = std::fs::read_to_string(workspace::root().join("rust-toolchain.toml")).unwrap();
        same_compiler(&dockerfile, &toolchain).unwrap();
        for from in ["FROM rust:1", "TOOLCHAIN=1"] {
            let to = from.replace('1', "2");
            assert!(same_compiler(&dockerfile.replace(from, &to), &toolchain).is_err());
        }
    }
}
