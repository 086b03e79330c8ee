//! Checks that read the code without running it.

use crate::commands::{cargo, succeeds};

/// Runs every check and answers the names of those that failed.
pub(crate) fn run() -> anyhow::Result<Vec<&'static str>> {
    let checks: [(&str, &[&str]); 3] = [
        ("format", &["fmt", "--all", "--check"]),
        ("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        ("rustdoc", &["doc", "--workspace", "--no-deps"]),
    ];
    let mut failed = Vec::new();
    for (name, arguments) in checks {
        if !succeeds(cargo(arguments).env("RUSTDOCFLAGS", "-D warnings"))? {
            failed.push(name);
        }
    }
    Ok(failed)
}

/// Licences, advisories and origins of the dependencies, as deny.toml states them; skipped in words without cargo-deny.
pub(crate) fn dependencies() -> anyhow::Result<bool> {
    let installed = cargo(&["deny", "--version"]).output().is_ok_and(|output| output.status.success());
    if !installed {
        println!("skipped: dependency policy: cargo-deny is not installed (cargo install cargo-deny)");
        return Ok(true);
    }
    succeeds(&mut cargo(&["deny", "--workspace", "check"]))
}
