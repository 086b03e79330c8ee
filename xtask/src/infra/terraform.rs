//! Terraform: whether it is here, where its providers are, and how it is called.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::commands::{output, quietly};

/// Where a provider lies in a mirror of the file system's kind.
const PROVIDER: &str = "registry.terraform.io/hashicorp/aws/5.100.0";

/// What a root locks its providers by.
pub(crate) const LOCK_FILE: &str = ".terraform.lock.hcl";

/// Terraform with its providers and a folder for what it keeps.
#[derive(Debug)]
pub(crate) struct Terraform {
    /// A folder with providers; without one Terraform fetches them itself.
    mirror: Option<PathBuf>,
    data: PathBuf,
}

/// Why there is no Terraform; `None` where there is.
pub(crate) fn missing() -> Option<String> {
    let runs = Command::new("terraform").env_remove("TF_CLI_CONFIG_FILE").arg("version").output();
    match runs {
        Ok(output) if output.status.success() => None,
        _ => Some("terraform is not installed (1.11 or later)".to_owned()),
    }
}

/// Terraform's words where the lock file has other sums than the provider that it found.
const NOT_LOCKED: &str = "checksums previously recorded in the dependency lock file";

pub(crate) const LOCK_ME: &str = "the provider found here is none of the lock file's: where this machine's platform is not locked yet, run \
     cargo xtask infra lock --platform OS_ARCHITECTURE, such as darwin_arm64; where it is, somebody serves another provider";

impl Terraform {
    /// What Terraform keeps of its working folders goes below `data`.
    pub(crate) fn new(data: &Path) -> Self {
        let home = std::env::home_dir().unwrap_or_default();
        let places = [
            PathBuf::from("/opt"),
            PathBuf::from("/usr/local/share"),
            PathBuf::from("/usr/share"),
            home.join(".terraform.d"),
            home.join(".cache"),
        ];
        let mirror = places.iter().find_map(|place| mirror_in(place, 3));
        Self { mirror, data: data.to_owned() }
    }

    /// Terraform in `root`; callers with the same `name` share what init has set up.
    pub(crate) fn command(&self, root: &Path, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        command
            .args(arguments)
            .current_dir(root)
            // A person's own configuration may name other places for providers.
            .env_remove("TF_CLI_CONFIG_FILE")
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .env("TF_DATA_DIR", self.data.join(name));
        command
    }

    /// Sets a root up, without its backend.
    pub(crate) fn init(&self, root: &Path, name: &str) -> anyhow::Result<()> {
        let mut init = self.command(root, name, &["init", "-backend=false", "-no-color"]);
        self.providers(&mut init, root);
        quietly(&mut init).map_err(|error| match is_not_locked(&error.to_string()) {
            true => error.context(format!("{name}: {LOCK_ME}")),
            false => error,
        })
    }

    /// Sets an environment up with its backend, in the folder that Terraform itself would take.
    pub(crate) fn with_backend(&self, root: &Path, bucket: &str, region: &str) -> Command {
        let mut init = self.command(root, "", &["init", "-reconfigure", "-no-color"]);
        init.arg(format!("-backend-config=bucket={bucket}"));
        init.arg(format!("-backend-config=region={region}"));
        self.providers(&mut init, root);
        init.env_remove("TF_DATA_DIR");
        init
    }

    /// Where providers come from, and that a lock file is held to and never written by the way.
    fn providers(&self, init: &mut Command, root: &Path) {
        if let Some(mirror) = &self.mirror {
            init.arg(format!("-plugin-dir={}", mirror.display()));
        }
        if root.join(LOCK_FILE).exists() {
            init.arg("-lockfile=readonly");
        }
    }

    /// Adds checksums of providers for `platforms` to a root's lock file.
    pub(crate) fn lock(&self, root: &Path, name: &str, platforms: &[String]) -> Command {
        let mut lock = self.command(root, name, &["providers", "lock", "-no-color"]);
        if let Some(mirror) = &self.mirror {
            lock.arg(format!("-fs-mirror={}", mirror.display()));
        }
        lock.args(platforms.iter().map(|platform| format!("-platform={platform}")));
        lock
    }

    pub(crate) fn validate(&self, root: &Path, name: &str) -> anyhow::Result<()> {
        let told = output(&mut self.command(root, name, &["validate", "-json"]));
        let told = told.with_context(|| format!("terraform validate in {name}"))?;
        let answer: serde_json::Value = serde_json::from_str(&told)?;
        anyhow::ensure!(answer["valid"] == true, "{told}");
        Ok(())
    }
}

/// Terraform breaks its words over lines.
fn is_not_locked(told: &str) -> bool {
    told.split_whitespace().collect::<Vec<_>>().join(" ").contains(NOT_LOCKED)
}

/// The mirror at `folder` or at most `depth` below it.
fn mirror_in(folder: &Path, depth: usize) -> Option<PathBuf> {
    if folder.join(PROVIDER).is_dir() {
        return Some(folder.to_owned());
    }
    if depth == 0 {
        return None;
    }
    let mut below: Vec<_> = std::fs::read_dir(folder).ok()?.flatten().collect();
    below.sort_by_key(std::fs::DirEntry::file_name);
    let folders = below.into_iter().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).find_map(|path| mirror_in(&path, depth - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_found_below_a_folder_and_not_too_deep() {
        let folder = tempfile::tempdir().unwrap();
        let mirror = folder.path().join("a/plugins");
        std::fs::create_dir_all(mirror.join(PROVIDER)).unwrap();
        assert_eq!(mirror_in(folder.path(), 3), Some(mirror));
        assert_eq!(mirror_in(folder.path(), 1), None);
    }

    #[test]
    fn another_provider_than_the_locked_one_is_known() {
        assert!(is_not_locked(
            "doesn't match any of the\nchecksums previously recorded in the dependency\nlock file (this"
        ));
        assert!(!is_not_locked("Error: Failed to query available provider packages"));
    }

    #[test]
    fn nobody_elses_configuration_is_read() {
        let command = Terraform::new(Path::new("/data")).command(Path::new("/"), "dev", &["plan"]);
        let told: Vec<_> = command.get_envs().collect();
        assert!(told.contains(&("TF_CLI_CONFIG_FILE".as_ref(), None)));
        assert!(told.contains(&("TF_DATA_DIR".as_ref(), Some("/data/dev".as_ref()))));
    }
}
