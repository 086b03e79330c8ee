//! The functions and the jobs as zips that Lambda takes: `target/lambda/<name>/bootstrap.zip`, the functions' held below a size.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::commands::{cargo, succeeds};
use crate::lambda_zip::lambda_zip;
use crate::python_env;
use crate::python_set::Set;
use crate::workspace;

/// Every folder of functions/.
const FUNCTIONS: [&str; 5] =
    ["land-events", "fetch-users", "replay-dead-letters", "create-topics", "compact-raw"];

/// The one that talks to no broker.
const WITHOUT_KAFKA: &str = "compact-raw";

/// The jobs' mains for the cloud, binaries of one package.
const JOBS: [&str; 3] = ["raw-transformation", "analytics-aggregation", "time-series-analysis"];
const PACKAGE_OF_JOBS: &str = "millrace-cloud-jobs";

/// What a function's zip may weigh: past it a cold start is felt, and somebody should look at what came in.
const FUNCTION: Limit = Limit {
    of: Of::Zip,
    most: 8_000_000,
    why: "past it a cold start is felt",
    remedy: "look at what came in by cargo tree",
};

/// What Lambda takes (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html), told here and not by a deploy that AWS refuses.
const JOB: [Limit; 2] = [
    Limit {
        of: Of::Zip,
        most: 50 << 20,
        why: "Lambda takes no more in a direct upload, which is Terraform's",
        remedy: "look at what came in by cargo tree --package millrace-cloud-jobs, or run the jobs on Fargate (jobs.runs_on, docs/deploy.md)",
    },
    Limit {
        of: Of::Unzipped,
        most: 250 << 20,
        why: "Lambda takes no more, by S3 neither",
        remedy: "run the jobs on Fargate (jobs.runs_on, docs/deploy.md)",
    },
];

/// For the libraries in C, as the profile has it for Rust: nothing unwinds through them, and their tables for it were 0.3 MB of a zip.
const NO_TABLES: &str = "-fno-asynchronous-unwind-tables -fno-unwind-tables";

/// Builds with zig as the linker, which knows older glibc and other processors.
const CARGO_LAMBDA: Set = Set("cargo-lambda");

#[derive(clap::Args)]
pub(crate) struct PackageArguments {
    /// Functions and jobs, by name; all functions unless named
    names: Vec<String>,
    /// The jobs too: they have Polars in them, whose build takes half an hour
    #[arg(long)]
    jobs: bool,
    /// For Graviton: built by cargo-lambda, which is fetched once from PyPI with zig
    #[arg(long)]
    arm64: bool,
    /// For Lambda's own glibc, older than this machine's may be: built by cargo-lambda too
    #[arg(long)]
    portable: bool,
}

pub(crate) fn run(arguments: &PackageArguments) -> anyhow::Result<bool> {
    let PackageArguments { names, jobs, arm64, portable } = arguments;
    if let Some(unknown) = names.iter().find(|name| !FUNCTIONS.iter().chain(&JOBS).any(|known| known == name))
    {
        bail!("there is no {unknown}; known are {} and {}", FUNCTIONS.join(", "), JOBS.join(", "));
    }
    let named = |name: &&str| names.iter().any(|wanted| wanted == name);
    let functions: Vec<_> = FUNCTIONS.into_iter().filter(|name| names.is_empty() || named(name)).collect();
    let jobs: Vec<_> = JOBS.into_iter().filter(|name| *jobs || named(name)).collect();
    let cross = (*arm64 || *portable).then_some(Cross { arm64: *arm64 });
    let mut fits = true;
    if !functions.is_empty() {
        // A cluster of MSK takes the function's role for a login, and the settings say whether it has to.
        let build = |function| Build {
            profile: "lambda",
            package: function,
            binary: function,
            features: if function == WITHOUT_KAFKA { &[] } else { &["msk-iam"] },
        };
        for function in functions {
            let Some(binary) = build(function).built(cross)? else { return Ok(false) };
            fits &= zip(function, &binary, &[FUNCTION])?;
        }
    }
    if !jobs.is_empty() {
        // Not "lambda": to optimise Polars across all crates takes longer than all the rest.
        let build = |job| Build { profile: "jobs", package: PACKAGE_OF_JOBS, binary: job, features: &[] };
        for job in jobs {
            let Some(binary) = build(job).built(cross)? else { return Ok(false) };
            fits &= zip(job, &binary, &JOB)?;
        }
    }
    Ok(fits)
}

/// What somebody takes no more of.
#[derive(Debug, Clone, Copy)]
struct Limit {
    of: Of,
    most: u64,
    why: &'static str,
    remedy: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Of {
    Zip,
    Unzipped,
}

impl Limit {
    /// What to say of a program that is past it.
    fn passed(self, name: &str, zip: u64, unzipped: u64) -> Option<String> {
        let (is, of) = match self.of {
            Of::Zip => (zip, "zip"),
            Of::Unzipped => (unzipped, "program, unzipped,"),
        };
        let Self { most, why, remedy, .. } = self;
        (is > most).then(|| {
            format!(
                "{name}: its {of} has {} and may have {}: {why}; {remedy}",
                megabytes(is),
                megabytes(most)
            )
        })
    }
}

/// Zips a binary and tells its size; `false`: it is past one of its limits.
fn zip(name: &str, binary: &Path, limits: &[Limit]) -> anyhow::Result<bool> {
    let folder = workspace::target_dir().join("lambda").join(name);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("bootstrap.zip");
    let bytes = zipped(binary, &path).with_context(|| format!("could not write {}", path.display()))?;
    let binary_bytes = std::fs::metadata(binary)?.len();
    println!("{name}: {} (binary {}), {}", megabytes(bytes), megabytes(binary_bytes), path.display());
    let passed: Vec<_> = limits.iter().filter_map(|limit| limit.passed(name, bytes, binary_bytes)).collect();
    for passed in &passed {
        eprintln!("error: {passed}");
    }
    Ok(passed.is_empty())
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
    run(&PackageArguments { names: Vec::new(), jobs: false, arm64: false, portable: false })?;
    let mut floor = cargo(&["build", "--profile", "lambda", "--package", "millrace-bench-functions"]);
    floor.args(["--bin", "hello-world", "--target-dir"]).arg(builds()).env("CFLAGS", c_flags());
    if !succeeds(&mut floor)? {
        return Ok(None);
    }
    Ok(Some(Packaged { zips: workspace::target_dir().join("lambda"), binaries: builds().join("lambda") }))
}

/// Cargo's own folder for them: in the one folder of all it would be `lambda`, by the profile's name, which is the zips'.
fn builds() -> PathBuf {
    workspace::target_dir().join("functions")
}

/// A build of one binary.
struct Build<'a> {
    profile: &'a str,
    package: &'a str,
    binary: &'a str,
    features: &'a [&'a str],
}

/// A build by cargo-lambda and zig.
#[derive(Clone, Copy)]
struct Cross {
    arm64: bool,
}

impl Build<'_> {
    /// Where the binary is; `None`: the build failed.
    fn built(&self, cross: Option<Cross>) -> anyhow::Result<Option<PathBuf>> {
        match cross {
            None => self.here(),
            Some(cross) => self.by_cargo_lambda(cross),
        }
    }

    fn arguments(&self) -> Vec<String> {
        let features = self.features.join(",");
        let chosen = ["--profile", self.profile, "--package", self.package, "--bin", self.binary];
        chosen.into_iter().chain(["--features", &features]).map(str::to_owned).collect()
    }

    /// With this machine's own compiler and linker: runs where glibc is as new as here.
    fn here(&self) -> anyhow::Result<Option<PathBuf>> {
        let mut build = cargo(&["rustc"]);
        build.args(self.arguments()).arg("--target-dir").arg(builds()).env("CFLAGS", c_flags());
        // Said again: where a package has a level of its own, the profile's word for it does not reach the linker.
        build.args(["--", "-C", "strip=symbols"]);
        if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            // rustc's own linker there, lld, lays functions of the same code on one another.
            build.args(["-C", "link-arg=-Wl,--icf=all"]);
            // A function ends at a panic: nobody looks up how to unwind it. Its relocations are packed as glibc 2.36 reads them.
            build.args([
                "-C",
                "link-arg=-Wl,--no-eh-frame-hdr",
                "-C",
                "link-arg=-Wl,-z,pack-relative-relocs",
            ]);
        }
        Ok(succeeds(&mut build)?.then(|| builds().join(self.profile).join(self.binary)))
    }

    fn by_cargo_lambda(&self, cross: Cross) -> anyhow::Result<Option<PathBuf>> {
        let python = python_env::python_env(&python_env::cache()?, CARGO_LAMBDA)?;
        let bin = python.parent().context("the Python environment has no folder")?;
        let mut build = Command::new(bin.join("cargo-lambda"));
        build.args(["lambda", "build"]).args(self.arguments());
        if cross.arm64 {
            build.arg("--arm64");
        }
        let out = builds().join("cargo-lambda");
        build.arg("--lambda-dir").arg(&out).arg("--target-dir").arg(builds()).current_dir(workspace::root());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(bin.to_owned()).chain(std::env::split_paths(&path)))?;
        let built = succeeds(build.env("PATH", path).env("CFLAGS", c_flags()))?;
        Ok(built.then(|| out.join(self.binary).join("bootstrap")))
    }
}

/// What the caller has for the C compiler, and ours.
fn c_flags() -> String {
    let theirs = std::env::var("CFLAGS").unwrap_or_default();
    format!("{theirs} {NO_TABLES}").trim().to_owned()
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

    #[test]
    fn a_program_past_a_limit_is_told_with_its_size_and_the_remedy() {
        let told = |zip: u64, unzipped: u64| {
            JOB.iter()
                .filter_map(|limit| limit.passed("raw-transformation", zip, unzipped))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(50 << 20, 250 << 20), Vec::<String>::new());
        let large = told((50 << 20) + 1, 100).join("");
        assert!(
            large.starts_with("raw-transformation: its zip has 52.4 MB and may have 52.4 MB: Lambda"),
            "{large}"
        );
        assert!(large.contains("on Fargate"), "{large}");
        assert_eq!(told(60_000_000, 300_000_000).len(), 2);
        assert!(FUNCTION.passed("land-events", 8_000_001, 0).is_some());
    }

    #[test]
    fn every_job_is_packaged() {
        let mut binaries: Vec<_> = std::fs::read_dir(workspace::root().join("jobs/cloud/src/bin"))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        binaries.sort();
        let mut known = JOBS;
        known.sort_unstable();
        assert_eq!(binaries, known);
    }
}
