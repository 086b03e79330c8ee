//! The files and folders that the glossary, the architecture and the guides name are there.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;

/// Pages that name code.
const PAGES: [&str; 6] = [
    "docs/glossary.md",
    "docs/architecture.md",
    "docs/guides/add-an-event.md",
    "docs/guides/add-a-table.md",
    "docs/DESIGN.md",
    "CONTRIBUTING.md",
];

/// Folders at the root that hold code: what begins with one of them in backticks is a path.
const CODE: [&str; 7] = ["cli/", "crates/", "functions/", "jobs/", "proto/", "tests/", "xtask/"];

/// Made up by the guides as an example.
const EXAMPLES: [&str; 3] = [
    "crates/tables/src/analytics/users_by_country.rs",
    "proto/millrace/returns/v1/parcel_returned.proto",
    "proto/avro/ParcelReturned.avsc",
];

fn paths(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter(|word| CODE.iter().any(|folder| word.starts_with(folder)) && !word.contains([' ', '*', '<']))
}

#[test]
fn named_files_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut missing = Vec::new();
    let mut named = 0;
    for page in PAGES {
        // Blocks of code have backticks of their own.
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        let prose: String = text.split("```").step_by(2).collect();
        for path in paths(&prose) {
            named += 1;
            if !root.join(path).exists() && !EXAMPLES.contains(&path) {
                missing.push(format!("{page}: {path}"));
            }
        }
    }
    assert!(named > 50, "the pages name {named} paths: is the search broken?");
    assert!(missing.is_empty(), "named, and not there: {missing:#?}");
}
