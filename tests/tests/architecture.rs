//! The architecture holds: which crate may use what, and how large a file may grow.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use cargo_metadata::{CargoOpt, DependencyKind, MetadataCommand};

/// The crates that a crate may use directly. Tests use any.
const ARROWS: [(&str, &[&str]); 24] = [
    ("millrace-proto", &[]),
    ("millrace-events", &["millrace-proto"]),
    ("millrace-sources", &["millrace-events"]),
    // The runtime for its `Secret`: a broker and a registry are logged in to.
    // How AWS is reached, of whom the login to MSK asks for credentials.
    ("millrace-stream", &["millrace-aws-http", "millrace-events", "millrace-runtime"]),
    ("millrace-lake", &["millrace-aws-http", "millrace-events"]),
    // A crate of its own, for two crates that do not know each other talk to AWS.
    ("millrace-aws-http", &[]),
    // Not even the classes of failure, which are the domain's: what fails in the runtime fails at the start.
    ("millrace-runtime", &[]),
    // The shell of every Lambda function; the libraries of functions are used without it.
    ("millrace-lambda", &["millrace-events", "millrace-runtime"]),
    // The lake alone: what it reads and writes is raw.
    ("compact-raw", &["millrace-events", "millrace-lake", "millrace-runtime", "millrace-lambda"]),
    ("create-topics", &["millrace-events", "millrace-stream", "millrace-runtime", "millrace-lambda"]),
    (
        "fetch-users",
        &["millrace-events", "millrace-sources", "millrace-stream", "millrace-runtime", "millrace-lambda"],
    ),
    (
        "land-events",
        &["millrace-events", "millrace-stream", "millrace-lake", "millrace-runtime", "millrace-lambda"],
    ),
    (
        "replay-dead-letters",
        // The lake for the letters that it keeps.
        &["millrace-events", "millrace-stream", "millrace-lake", "millrace-runtime", "millrace-lambda"],
    ),
    // What AWS does between Kafka and a function: it invokes any, and knows none.
    ("millrace-event-source", &["millrace-events", "millrace-stream"]),
    // The tables, without an engine: whoever reads them needs no Polars.
    ("millrace-tables", &["millrace-events"]),
    // What the jobs compute, for executors that have no lake at hand.
    ("millrace-kernels", &["millrace-events", "millrace-tables"]),
    // Over the store's port; which catalogue swaps a table's pointer, others say.
    ("millrace-iceberg", &["millrace-events", "millrace-lake"]),
    // A crate of its own for its client's sake, which takes minutes to build.
    ("millrace-glue", &["millrace-iceberg", "millrace-lake"]),
    (
        "millrace-jobs",
        &[
            "millrace-events",
            "millrace-iceberg",
            "millrace-kernels",
            "millrace-lake",
            "millrace-runtime",
            "millrace-tables",
        ],
    ),
    // The query engine, without the jobs' one. The runtime for its `Secret`: clients of its server log in.
    (
        "millrace-sql",
        &["millrace-events", "millrace-iceberg", "millrace-lake", "millrace-runtime", "millrace-tables"],
    ),
    // The jobs' mains for the cloud, with what only they need: Lambda and Glue.
    (
        "millrace-cloud-jobs",
        &[
            "millrace-events",
            "millrace-glue",
            "millrace-iceberg",
            "millrace-jobs",
            "millrace-lake",
            "millrace-lambda",
            "millrace-runtime",
            "millrace-tables",
        ],
    ),
    // The runtime for its `Secret`: the deployer's key.
    ("millrace-snowflake", &["millrace-runtime"]),
    // Ports alone: whoever validates brings the clients.
    ("millrace-validate", &[]),
    (
        "millrace",
        &[
            "millrace-events",
            "millrace-iceberg",
            "millrace-sources",
            "millrace-stream",
            "millrace-lake",
            "millrace-runtime",
            "millrace-event-source",
            "millrace-snowflake",
            "millrace-sql",
            "millrace-validate",
            "fetch-users",
            "land-events",
            "millrace-jobs",
            "millrace-tables",
        ],
    ),
];

const KAFKA: Thing = Thing("Kafka", &["rdkafka", "rdkafka-sys"]);
const AWS: Thing = Thing("AWS", &["aws-*", "aws_*", "lambda_runtime", "lambda_http"]);
const LAMBDA: Thing = Thing("Lambda", &["lambda_runtime", "lambda_http", "aws_lambda_events"]);
const S3: Thing = Thing("S3", &["aws-sdk-s3", "object_store"]);
const POLARS: Thing = Thing("Polars", &["polars", "polars-*"]);
const DATAFUSION: Thing = Thing("DataFusion", &["datafusion", "datafusion-*"]);
const TOKIO: Thing = Thing("tokio", &["tokio", "tokio-*"]);

/// Rooms that use any other: the tests and the benches.
const TESTS: [&str; 11] = [
    "millrace-tests",
    "millrace-bench-compact",
    "millrace-bench-functions",
    "millrace-bench-ingest",
    "millrace-bench-jobs",
    "millrace-bench-land",
    "millrace-bench-report",
    "millrace-bench-sql",
    "millrace-bench-streams",
    "millrace-scripted-server",
    "millrace-skips",
];

/// What a crate must not reach, by whatever way.
const MUST_NOT_KNOW: [(&str, &[Thing]); 23] = [
    ("millrace-proto", &[TOKIO, AWS, KAFKA, POLARS]),
    ("millrace-events", &[TOKIO, AWS, KAFKA, POLARS]),
    ("millrace-sources", &[KAFKA, AWS, POLARS]),
    ("millrace-stream", &[S3, POLARS]),
    ("millrace-lake", &[KAFKA, POLARS]),
    ("millrace-aws-http", &[KAFKA, LAMBDA, S3, POLARS]),
    ("millrace-runtime", &[KAFKA, AWS, POLARS]),
    ("millrace-lambda", &[KAFKA, S3, POLARS]),
    ("compact-raw", &[KAFKA, POLARS]),
    ("create-topics", &[S3, POLARS]),
    ("fetch-users", &[POLARS]),
    ("land-events", &[POLARS]),
    ("replay-dead-letters", &[POLARS]),
    ("millrace-event-source", &[S3, POLARS]),
    ("millrace-tables", &[TOKIO, AWS, KAFKA, S3, POLARS, DATAFUSION]),
    ("millrace-kernels", &[TOKIO, AWS, KAFKA, S3, POLARS, DATAFUSION]),
    ("millrace-iceberg", &[KAFKA, LAMBDA, POLARS, DATAFUSION]),
    ("millrace-glue", &[KAFKA, POLARS]),
    ("millrace-jobs", &[KAFKA, LAMBDA, DATAFUSION]),
    // Two engines, each behind its own door.
    ("millrace-sql", &[KAFKA, LAMBDA, POLARS]),
    ("millrace-cloud-jobs", &[KAFKA, DATAFUSION]),
    ("millrace-snowflake", &[AWS, KAFKA, POLARS]),
    ("millrace-validate", &[AWS, KAFKA, POLARS]),
];

/// The engines, each with the only door to it.
const DOORS: [(Thing, &str); 2] = [(POLARS, "millrace-jobs"), (DATAFUSION, "millrace-sql")];

/// Something of the world outside, and the packages it comes by; a `*` at the end stands for any ending.
#[derive(Debug, Clone, Copy)]
struct Thing(&'static str, &'static [&'static str]);

impl Thing {
    fn is(self, package: &str) -> bool {
        self.1.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => package.starts_with(beginning),
            None => package == *pattern,
        })
    }
}

/// Who uses whom, by package name, tests' own dependencies left out.
#[derive(Debug, Default)]
struct Graph {
    uses: BTreeMap<String, BTreeSet<String>>,
    members: BTreeSet<String>,
}

impl Graph {
    /// The shortest way from `start` to a package that `wanted` knows.
    fn path(&self, start: &str, wanted: impl Fn(&str) -> bool) -> Option<Vec<&str>> {
        let (start, _) = self.uses.get_key_value(start)?;
        let mut reached = BTreeMap::from([(start.as_str(), None)]);
        let mut queue = VecDeque::from([start.as_str()]);
        while let Some(package) = queue.pop_front() {
            if package != start && wanted(package) {
                let mut path = vec![package];
                while let Some(Some(user)) = reached.get(path[path.len() - 1]) {
                    path.push(*user);
                }
                path.reverse();
                return Some(path);
            }
            for used in self.uses.get(package).into_iter().flatten() {
                if !reached.contains_key(used.as_str()) {
                    reached.insert(used, Some(package));
                    queue.push_back(used);
                }
            }
        }
        None
    }

    /// Each breach of the architecture, in a sentence with its path.
    fn breaches(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        for member in &self.members {
            // Tests use any crate; nobody uses tests or tasks, as no list below names them.
            if TESTS.contains(&member.as_str()) {
                continue;
            }
            let allowed =
                ARROWS.iter().find(|(package, _)| package == member).map_or(&[][..], |(_, allowed)| *allowed);
            for used in self.uses.get(member).into_iter().flatten() {
                if self.members.contains(used) && !allowed.contains(&used.as_str()) {
                    breaches.push(format!("{member} must not use {used}: {member} → {used}"));
                }
                for (engine, door) in DOORS.iter().filter(|(engine, door)| engine.is(used) && member != door)
                {
                    breaches.push(format!("{} is reached through {door} only: {member} → {used}", engine.0));
                }
            }
        }
        for (package, things) in MUST_NOT_KNOW {
            for thing in things {
                if let Some(path) = self.path(package, |package| thing.is(package)) {
                    breaches.push(format!("{package} must not know {}: {}", thing.0, path.join(" → ")));
                }
            }
        }
        breaches
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The workspace as cargo resolves it for this machine: packages of other platforms may not have been fetched, and a
/// test uses no network.
fn workspace() -> Graph {
    let rustc = std::process::Command::new("rustc").arg("-vV").output().unwrap();
    let described = String::from_utf8(rustc.stdout).unwrap();
    let host = described.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .other_options(["--offline".to_owned(), "--filter-platform".to_owned(), host.to_owned()])
        .exec()
        .unwrap();
    let name = |id: &cargo_metadata::PackageId| metadata[id].name.to_string();
    let mut graph =
        Graph { members: metadata.workspace_members.iter().map(name).collect(), ..Graph::default() };
    for node in &metadata.resolve.as_ref().unwrap().nodes {
        let uses = graph.uses.entry(name(&node.id)).or_default();
        let shipped = node.deps.iter().filter(|dependency| {
            dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
        });
        uses.extend(shipped.map(|dependency| name(&dependency.pkg)));
    }
    graph
}

#[test]
fn rooms_know_only_what_they_may() {
    let graph = workspace();
    for (package, _) in ARROWS {
        assert!(
            graph.members.contains(package),
            "there is no crate {package} any more: take it out of the list"
        );
    }
    let known: BTreeSet<&str> =
        ARROWS.iter().map(|(package, _)| *package).chain(TESTS).chain(["xtask"]).collect();
    for member in &graph.members {
        assert!(known.contains(member.as_str()), "the crate {member} is new: say in ARROWS whom it may use");
    }
    let breaches = graph.breaches();
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

/// An architecture in shape, small enough to break by hand.
fn small_graph() -> Graph {
    let edges = [
        ("millrace-proto", "prost"),
        ("millrace-events", "millrace-proto"),
        ("millrace-lake", "millrace-events"),
        ("millrace-lake", "tokio"),
        ("millrace-jobs", "millrace-lake"),
        ("millrace-jobs", "polars"),
        ("polars", "polars-core"),
        ("polars-core", "tokio"),
        ("fetch-users", "millrace-events"),
        ("millrace", "millrace-jobs"),
        ("millrace", "fetch-users"),
        ("millrace-tests", "millrace"),
    ];
    let mut graph = Graph::default();
    for (user, used) in edges {
        add(&mut graph, user, used);
    }
    let crates = graph.uses.keys().filter(|name| name.starts_with("millrace") || *name == "fetch-users");
    graph.members = crates.cloned().collect();
    graph
}

fn add(graph: &mut Graph, user: &str, used: &str) {
    graph.uses.entry(user.to_owned()).or_default().insert(used.to_owned());
    graph.uses.entry(used.to_owned()).or_default();
}

#[test]
fn an_architecture_in_shape_has_no_breach() {
    assert_eq!(small_graph().breaches(), Vec::<String>::new());
}

#[test]
fn an_edge_too_many_is_told_with_its_path() {
    for (user, used, told) in [
        (
            "prost",
            "tokio",
            "millrace-events must not know tokio: millrace-events → millrace-proto → prost → tokio",
        ),
        (
            "fetch-users",
            "millrace-jobs",
            "fetch-users must not use millrace-jobs: fetch-users → millrace-jobs",
        ),
        (
            "fetch-users",
            "millrace-jobs",
            "fetch-users must not know Polars: fetch-users → millrace-jobs → polars",
        ),
        ("millrace-lake", "rdkafka", "millrace-lake must not know Kafka: millrace-lake → rdkafka"),
        (
            "millrace-jobs",
            "aws_lambda_events",
            "millrace-jobs must not know Lambda: millrace-jobs → aws_lambda_events",
        ),
        ("millrace", "polars-core", "Polars is reached through millrace-jobs only: millrace → polars-core"),
        (
            "millrace-proto",
            "millrace-events",
            "millrace-proto must not use millrace-events: millrace-proto → millrace-events",
        ),
    ] {
        let mut graph = small_graph();
        add(&mut graph, user, used);
        let breaches = graph.breaches();
        assert!(breaches.iter().any(|breach| breach == told), "expected {told:?}, got {breaches:#?}");
    }
}

/// A file a reader holds in the head. The crates aim at 450.
const LINES: usize = 550;

/// Names that say nothing of what is in a file.
const EMPTY_NAMES: [&str; 10] =
    ["common", "consts", "constants", "helper", "helpers", "misc", "types", "util", "utilities", "utils"];

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            // Generated, hidden or written by a run: nobody's prose.
            let skipped =
                name.starts_with('.') || name == "target" || (folder == root() && name.starts_with("lake"));
            if !skipped {
                rust_files(&path, files);
            }
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}

#[test]
fn files_are_short_and_named_by_their_idea() {
    let mut files = Vec::new();
    rust_files(&root(), &mut files);
    assert!(
        files.iter().any(|file| file.ends_with("crates/lake/src/folder_store.rs")),
        "the walk misses the crates"
    );
    let mut breaches = Vec::new();
    for file in files {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        if lines > LINES {
            breaches.push(format!("{} has {lines} lines: split it by idea, at most {LINES}", file.display()));
        }
        // A module may be a folder: utils/mod.rs is as empty a name.
        let inside = file.strip_prefix(root()).unwrap().with_extension("");
        for part in inside.iter().filter_map(|part| part.to_str()).filter(|part| EMPTY_NAMES.contains(part)) {
            breaches.push(format!("{}: {part:?} names no idea", file.display()));
        }
    }
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

/// What `cargo tree` says of the features of packages from elsewhere: one line a package.
fn features_of(selection: &[&str]) -> std::collections::BTreeSet<String> {
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix", "none", "--format", "{p} {f}"])
        .args(selection)
        .current_dir(root())
        .output()
        .expect("cargo tree runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let lines = String::from_utf8(tree.stdout).expect("text");
    lines
        .lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .filter(|line| !line.contains(root().to_str().expect("a path")))
        .collect()
}

#[test]
fn functions_have_no_clients_of_single_sign_on() {
    let functions = [
        "compact-raw",
        "create-topics",
        "fetch-users",
        "land-events",
        "replay-dead-letters",
        "millrace-cloud-jobs",
    ];
    for function in functions {
        let selection = ["--package", function, "--all-features", "--edges", "normal"];
        let found: Vec<_> = features_of(&selection)
            .into_iter()
            .filter(|line| line.starts_with("aws-sdk-sso") || line.starts_with("aws-sdk-signin"))
            .collect();
        assert!(found.is_empty(), "the zip of {function} would hold {found:?}");
    }
    let of_the_program = features_of(&["--package", "millrace", "--edges", "normal"]);
    for client in ["aws-sdk-sso v", "aws-sdk-ssooidc v"] {
        assert!(
            of_the_program.iter().any(|line| line.starts_with(client)),
            "the command line has no {client}"
        );
    }
}

#[test]
fn a_run_and_a_test_of_everything_build_the_same_dependencies() {
    let of_the_program = features_of(&["--package", "millrace", "--edges", "normal,build"]);
    let of_all = features_of(&["--workspace", "--edges", "normal,build,dev"]);
    let apart: Vec<_> = of_the_program.difference(&of_all).collect();
    assert!(
        apart.is_empty(),
        "`cargo run` would build these, and whatever uses them, a second time after `cargo xtask test`; name the features that \
         the workspace adds in [workspace.dependencies]: {apart:#?}"
    );
}
