//! The lock files of the roots that are applied: which provider each machine takes, by its checksums.

use std::path::Path;

use anyhow::{Context, ensure};

use super::terraform::{self, LOCK_FILE, Terraform};
use crate::commands::quietly;
use crate::workspace;

/// The roots that are applied, to an account or to emulators.
const APPLIED: [&str; 4] = ["envs/dev", "envs/prod", "envs/local", "bootstrap"];

#[derive(clap::Args)]
pub(crate) struct LockArguments {
    /// A platform whose checksums are added, such as linux_amd64 or darwin_arm64; several times for several
    #[arg(long = "platform", required = true)]
    platforms: Vec<String>,
}

/// Adds the platforms' checksums to each root's lock file; what is there stays.
pub(crate) fn write(LockArguments { platforms }: &LockArguments) -> anyhow::Result<()> {
    if let Some(why) = terraform::missing() {
        anyhow::bail!("providers cannot be locked: {why}");
    }
    let data = workspace::scratch().join(format!("lock-{}", std::process::id()));
    let terraform = Terraform::new(&data);
    let infra = workspace::root().join("infra");
    let locked = APPLIED.iter().try_for_each(|root| {
        let (folder, name) = (infra.join(root), root.replace('/', "-"));
        quietly(&mut terraform.command(&folder, &name, &["get", "-no-color"]))?;
        quietly(&mut terraform.lock(&folder, &name, platforms))
            .with_context(|| format!("infra/{root} could not be locked for {}", platforms.join(", ")))?;
        println!("infra/{root}/{LOCK_FILE}");
        Ok(())
    });
    let _ = std::fs::remove_dir_all(&data);
    locked.and_then(|()| check(&infra))
}

/// That each root that is applied has a lock file, of the version that it asks for, and all of them the same.
pub(crate) fn check(infra: &Path) -> anyhow::Result<()> {
    let mut first: Option<(&str, String)> = None;
    for root in APPLIED {
        let read = |name: &str| {
            let path = infra.join(root).join(name);
            std::fs::read_to_string(&path).with_context(|| {
                format!(
                    "could not read {}; cargo xtask infra lock --platform linux_amd64 writes lock files",
                    path.display()
                )
            })
        };
        let lock = read(LOCK_FILE)?;
        is_locked(&lock, &read("versions.tf")?).with_context(|| format!("infra/{root}/{LOCK_FILE}"))?;
        match &first {
            None => first = Some((root, lock)),
            Some((other, text)) => ensure!(
                *text == lock,
                "infra/{other} and infra/{root} are locked otherwise; run cargo xtask infra lock with the platforms that one of them lacks"
            ),
        }
    }
    Ok(())
}

/// Whether a lock file has the version that `versions` asks for, with checksums.
fn is_locked(lock: &str, versions: &str) -> anyhow::Result<()> {
    let quoted = |text: &str| {
        let line = text.lines().map(str::trim).find(|line| line.starts_with("version "));
        line.and_then(|line| line.split('"').nth(1)).map(str::to_owned)
    };
    let asked = quoted(versions).context("versions.tf beside it names no provider's version")?;
    let locked = quoted(lock).context("it locks no provider")?;
    ensure!(
        locked == asked,
        "it locks {locked}, and versions.tf asks for {asked}: remove it and run cargo xtask infra lock"
    );
    let sums = lock.lines().filter(|line| line.trim().starts_with("\"h1:")).count();
    ensure!(sums > 0, "it has no checksum of a provider's files (h1)");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSIONS: &str =
        "terraform {\n  required_version = \">= 1.11.0\"\n  aws = {\n    version = \"5.100.0\"\n";
    const LOCK: &str = "provider \"aws\" {\n  version     = \"5.100.0\"\n  constraints = \"5.100.0\"\n  hashes = [\n    \"h1:edX=\",\n";

    #[test]
    fn every_root_that_is_applied_is_locked() {
        check(&workspace::root().join("infra")).unwrap();
    }

    #[test]
    fn what_is_not_locked_is_told() {
        is_locked(LOCK, VERSIONS).unwrap();
        for (from, to, told) in
            [("5.100.0\"\n  con", "5.99.0\"\n  con", "asks for 5.100.0"), ("h1:", "zh:", "no checksum")]
        {
            let error = is_locked(&LOCK.replace(from, to), VERSIONS).unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
        assert!(is_locked("", VERSIONS).is_err());
    }

    #[test]
    fn a_root_without_a_lock_file_is_named() {
        let infra = tempfile::tempdir().unwrap();
        let error = check(infra.path()).unwrap_err().to_string();
        assert!(error.contains("envs/dev") && error.contains("cargo xtask infra lock"), "{error}");
    }
}
