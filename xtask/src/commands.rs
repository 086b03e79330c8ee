//! Running other programs, shown before they run.

use std::process::Command;

use anyhow::{Context, bail};

use crate::workspace;

/// The cargo that runs us, at the root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(workspace::root());
    forget_this_package(&mut command);
    command
}

/// Whether it ended with success.
pub(crate) fn succeeds(command: &mut Command) -> anyhow::Result<bool> {
    eprintln!("$ {}", shown(command));
    let status = command.status().with_context(|| format!("could not start {}", shown(command)))?;
    Ok(status.success())
}

/// Runs to its end without a word, but for the reason of a failure.
pub(crate) fn quietly(command: &mut Command) -> anyhow::Result<()> {
    output(command).map(drop)
}

/// Runs to its end without a word, but for the reason of a failure, and answers what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = shown(command);
    let output = command.output().with_context(|| format!("could not start {shown}"))?;
    if !output.status.success() {
        bail!("{shown} failed: {}", reason(&output.stdout, &output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Why a program failed, in its own words and all of them: Terraform tells the resource, the place and the service's answer in lines of
/// their own, and the last one is rarely the one that matters.
fn reason(out: &[u8], err: &[u8]) -> String {
    let (out, err) = (String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    // Maven tells its errors on standard output, the one that matters first.
    if let Some((_, reason)) = out.lines().find_map(|line| line.split_once("[ERROR] ")) {
        return reason.to_owned();
    }
    // `terraform validate -json` tells on standard output.
    let told =
        [err.trim(), out.trim()].into_iter().find(|told| !told.is_empty()).unwrap_or("it said nothing");
    if told.contains('\n') { format!("\n{told}") } else { told.to_owned() }
}

pub(crate) fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// `cargo run` tells this program of its package by the environment. A build script that asks for such a variable
/// (ring's does) would see another value than under a person's own `cargo build`, and all that depends on it, Polars
/// too, would be built anew each time the two take turns.
fn forget_this_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"]
                .iter()
                .any(|begin| name.starts_with(begin))
        });
        if told {
            command.env_remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure_of(script: &str) -> String {
        quietly(Command::new("sh").args(["-c", script])).unwrap_err().to_string()
    }

    #[test]
    fn a_failure_tells_why_in_the_programs_own_words() {
        assert!(failure_of("echo why >&2; echo >&2; exit 1").ends_with("failed: why"));
        let mavens = failure_of("echo '[ERROR] why'; echo '[ERROR] see the log'; echo warning >&2; exit 1");
        assert!(mavens.ends_with("failed: why"), "{mavens}");
        assert!(quietly(&mut Command::new("/no/such/program")).is_err());
    }

    #[test]
    fn a_failure_of_many_lines_is_told_whole() {
        let told = failure_of("echo; printf 'Error: no credentials\\n\\n  with provider x\\n' >&2; exit 1");
        assert!(told.ends_with("failed: \nError: no credentials\n\n  with provider x"), "{told}");
        assert!(failure_of("echo '{\"valid\": false}'; exit 1").ends_with("failed: {\"valid\": false}"));
    }
}
