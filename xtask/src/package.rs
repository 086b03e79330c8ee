//! The functions as zips that Lambda takes: `target/lambda/<function>/bootstrap.zip`, each held below a size.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::commands::{cargo, succeeds};
use crate::lambda_zip::lambda_zip;
use crate::python_env;
use crate::workspace;

/// Every folder of functions/.
const FUNCTIONS: [&str; 3] = ["land-events", "fetch-users", "replay-dead-letters"];

/// What a zip may weigh: past it a cold start is felt, and somebody should look at what came in.
const MOST: u64 = 8_000_000;

/// Builds with zig as the linker, which knows older glibc and other processors; pinned together.
const CARGO_LAMBDA: [&str; 2] = ["cargo-lambda==1.9.2", "ziglang==0.17.1"];

#[derive(clap::Args)]
pub(crate) struct PackageArguments {
    /// Only these functions
    functions: Vec<String>,
    /// For Graviton: built by cargo-lambda, which is fetched once from PyPI with zig
    #[arg(long)]
    arm64: bool,
    /// For Lambda's own glibc, older than this machine's may be: built by cargo-lambda too
    #[arg(long)]
    portable: bool,
}

pub(crate) fn run(arguments: &PackageArguments) -> anyhow::Result<bool> {
    let wanted =
        |name: &&str| arguments.functions.is_empty() || arguments.functions.iter().any(|f| f == name);
    let functions: Vec<_> = FUNCTIONS.into_iter().filter(wanted).collect();
    if let Some(unknown) = arguments.functions.iter().find(|name| !FUNCTIONS.contains(&name.as_str())) {
        bail!("there is no function {unknown}; known are {}", FUNCTIONS.join(", "));
    }
    let cross = arguments.arm64 || arguments.portable;
    let built = if cross { build_cross(&functions, arguments.arm64)? } else { build_here(&functions)? };
    let Some(binaries) = built else { return Ok(false) };
    let mut fits = true;
    for (function, binary) in functions.into_iter().zip(binaries) {
        let folder = workspace::target_dir().join("lambda").join(function);
        std::fs::create_dir_all(&folder)?;
        let path = folder.join("bootstrap.zip");
        let bytes = zipped(&binary, &path).with_context(|| format!("could not write {}", path.display()))?;
        let binary_bytes = std::fs::metadata(&binary)?.len();
        println!("{function}: {} (binary {}), {}", megabytes(bytes), megabytes(binary_bytes), path.display());
        if bytes > MOST {
            eprintln!(
                "error: {function} is larger than {}: look at what came in by cargo tree",
                megabytes(MOST)
            );
            fits = false;
        }
    }
    Ok(fits)
}

/// What the functions' bench measures.
pub(crate) struct Packaged {
    /// A folder a function, with its zip.
    pub(crate) zips: PathBuf,
    /// The binaries in them, and the floor's.
    pub(crate) binaries: PathBuf,
}

/// Packages every function, and builds a function that does nothing in the same way; `None`: a build failed.
pub(crate) fn with_the_floor() -> anyhow::Result<Option<Packaged>> {
    // A zip past its size is what the bench is there to tell.
    run(&PackageArguments { functions: Vec::new(), arm64: false, portable: false })?;
    let mut floor = cargo(&["build", "--profile", "lambda", "--package", "millrace-bench-functions"]);
    if !succeeds(floor.args(["--bin", "hello-world", "--target-dir"]).arg(builds()))? {
        return Ok(None);
    }
    Ok(Some(Packaged { zips: workspace::target_dir().join("lambda"), binaries: builds().join("lambda") }))
}

fn packages(functions: &[&'static str]) -> Vec<&'static str> {
    functions.iter().flat_map(|function| ["--package", function]).collect()
}

/// Cargo's own folder for them: in the one folder of all it would be `lambda`, by the profile's name, which is the zips'.
fn builds() -> PathBuf {
    workspace::target_dir().join("functions")
}

/// With this machine's own compiler and linker: runs where glibc is as new as here.
fn build_here(functions: &[&'static str]) -> anyhow::Result<Option<Vec<PathBuf>>> {
    let mut build = cargo(&["build", "--profile", "lambda"]);
    build.args(packages(functions)).arg("--target-dir").arg(builds());
    if !succeeds(&mut build)? {
        return Ok(None);
    }
    Ok(Some(functions.iter().map(|function| builds().join("lambda").join(function)).collect()))
}

/// With cargo-lambda and zig.
fn build_cross(functions: &[&'static str], arm64: bool) -> anyhow::Result<Option<Vec<PathBuf>>> {
    let python = python_env::python_env(&python_env::cache()?, &CARGO_LAMBDA)?;
    let bin = python.parent().context("the Python environment has no folder")?;
    let mut build = Command::new(bin.join("cargo-lambda"));
    build.args(["lambda", "build", "--profile", "lambda"]).args(packages(functions));
    if arm64 {
        build.arg("--arm64");
    }
    let out = builds().join("cargo-lambda");
    build.arg("--lambda-dir").arg(&out).arg("--target-dir").arg(builds()).current_dir(workspace::root());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(bin.to_owned()).chain(std::env::split_paths(&path)))?;
    if !succeeds(build.env("PATH", path))? {
        return Ok(None);
    }
    Ok(Some(functions.iter().map(|function| out.join(function).join("bootstrap")).collect()))
}

/// Writes the zip; answers its size.
fn zipped(binary: &Path, path: &Path) -> anyhow::Result<u64> {
    let body = std::fs::read(binary).with_context(|| format!("could not read {}", binary.display()))?;
    let zip = lambda_zip(&body)?;
    std::fs::write(path, &zip)?;
    Ok(zip.len() as u64)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_packaged() {
        let mut folders: Vec<_> = std::fs::read_dir(workspace::root().join("functions"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        folders.sort();
        let mut known = FUNCTIONS;
        known.sort_unstable();
        assert_eq!(folders, known);
    }
}
