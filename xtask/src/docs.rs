//! The book of docs/: its reference of commands, written from the built program, and its pages by mdBook.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::commands::{cargo, succeeds};
use crate::workspace;

/// What belongs to the book and lies outside docs/: each page, and its name in the summary.
const BESIDE: [(&str, &str); 10] = [
    ("functions/compact-raw/README.md", "compact-raw"),
    ("functions/create-topics/README.md", "create-topics"),
    ("functions/fetch-users/README.md", "fetch-users"),
    ("functions/land-events/README.md", "land-events"),
    ("functions/replay-dead-letters/README.md", "replay-dead-letters"),
    ("infra/README.md", "Terraform"),
    ("localstack/README.md", "Local servers"),
    ("CONTRIBUTING.md", "Contributing"),
    ("CHANGELOG.md", "Changelog"),
    ("README.es.md", "README en español"),
];

/// Writes the reference of commands anew, then builds the book into target/book where mdBook is installed.
pub(crate) fn run() -> anyhow::Result<bool> {
    if !succeeds(&mut cargo(&["build", "--bin", "millrace"]))? {
        return Ok(false);
    }
    let test =
        ["test", "--quiet", "-p", "millrace-tests", "--test", "docs", "--", "the_reference_of_commands"];
    if !succeeds(cargo(&test).env("MILLRACE_ACCEPT_DOCS", "1"))? {
        return Ok(false);
    }
    println!("docs/reference/commands.md is what the program prints");
    if !Command::new("mdbook").arg("--version").output().is_ok_and(|output| output.status.success()) {
        println!("skipped: the book: mdBook is not installed (cargo install mdbook --locked)");
        return Ok(true);
    }
    let pages = workspace::scratch().join("book");
    gather(workspace::root(), &pages)?;
    let book = workspace::target_dir().join("book");
    let mut build = Command::new("mdbook");
    build.arg("build").arg("--dest-dir").arg(&book).arg(&pages).env("MDBOOK_BOOK__SRC", ".");
    let built = succeeds(&mut build)?;
    if built {
        println!("the book is {}", book.join("index.html").display());
    }
    Ok(built)
}

/// Copies the book's pages to `pages` as they lie in the repository, so that their links hold, with a summary of them all.
fn gather(root: &Path, pages: &Path) -> anyhow::Result<()> {
    if pages.exists() {
        std::fs::remove_dir_all(pages).with_context(|| format!("could not remove {}", pages.display()))?;
    }
    copy_folder(&root.join("docs"), &pages.join("docs"))?;
    for page in BESIDE.iter().map(|(page, _)| *page).chain(["README.md", "LICENSE", "book.toml"]) {
        copy(&root.join(page), &pages.join(page))?;
    }
    let docs = pages.join("docs/SUMMARY.md");
    let summary = summary(&std::fs::read_to_string(&docs)?);
    std::fs::remove_file(&docs)?;
    std::fs::write(pages.join("SUMMARY.md"), summary)?;
    Ok(())
}

/// The summary as seen from the repository's root, with the pages beside docs/.
fn summary(of_docs: &str) -> String {
    // The first page becomes index.html as well, beside which its links have to hold.
    let first = "# Summary\n\n[README](README.md)\n";
    let mut summary = of_docs.replace("](", "](docs/").replacen("# Summary\n\n", first, 1);
    summary.push_str("\n# In the repository\n\n");
    for (page, name) in BESIDE {
        let _ = writeln!(summary, "- [{name}]({page})");
    }
    summary
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(from).with_context(|| format!("could not read {}", from.display()))? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() { copy_folder(&entry.path(), &to)? } else { copy(&entry.path(), &to)? }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::copy(from, to).with_context(|| format!("could not copy {}", from.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_of_the_summary_is_gathered() {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("book");
        // What a former one left goes.
        std::fs::create_dir_all(&pages).unwrap();
        std::fs::write(pages.join("old.md"), "").unwrap();
        gather(workspace::root(), &pages).unwrap();
        assert!(!pages.join("old.md").exists());
        let summary = std::fs::read_to_string(pages.join("SUMMARY.md")).unwrap();
        let targets: Vec<_> = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(targets.len() > 30, "{targets:?}");
        for target in targets {
            assert!(pages.join(target).is_file(), "{target}");
        }
    }
}
