//! infra/README.md: what a person wrote, then every module's variables and outputs, read from the code.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::workspace;

/// Parts the person's text from what is written here.
const MARK: &str = "<!-- what follows is written by cargo xtask infra docs -->";

/// The folders that are told of, in their order.
const FOLDERS: [&str; 11] = [
    "platform",
    "modules/function",
    "modules/stream",
    "modules/lake",
    "modules/jobs",
    "modules/alarms",
    "modules/network",
    "modules/deploy-role",
    "modules/boundary",
    "modules/image",
    "bootstrap",
];

pub(crate) fn write() -> anyhow::Result<()> {
    let path = path();
    std::fs::write(&path, current()?).with_context(|| format!("could not write {}", path.display()))
}

pub(crate) fn check() -> anyhow::Result<()> {
    let written = std::fs::read_to_string(path())?;
    ensure!(written == current()?, "infra/README.md is not what the code says: cargo xtask infra docs");
    Ok(())
}

fn path() -> PathBuf {
    workspace::root().join("infra/README.md")
}

fn current() -> anyhow::Result<String> {
    let path = path();
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let (own, _) = text.split_once(MARK).with_context(|| format!("infra/README.md lacks the line {MARK}"))?;
    let mut text = format!("{own}{MARK}\n");
    for folder in FOLDERS {
        text.push_str(&section(&workspace::root().join("infra").join(folder), folder)?);
    }
    Ok(text)
}

fn section(folder: &Path, name: &str) -> anyhow::Result<String> {
    let read = |file: &str| {
        let path = folder.join(file);
        std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))
    };
    let mut text = format!("\n## {name}\n\n");
    let intro: Vec<_> = read("main.tf")?
        .lines()
        .map_while(|line| line.strip_prefix('#').map(|line| line.trim().to_owned()))
        .collect();
    if !intro.is_empty() {
        let _ = writeln!(text, "{}\n", intro.join("\n"));
    }
    text.push_str("| variable | default | |\n|---|---|---|\n");
    for block in blocks(&read("variables.tf")?, "variable") {
        let default =
            block.default.as_ref().map_or_else(|| "**required**".to_owned(), |it| format!("`{it}`"));
        let _ = writeln!(text, "| `{}` | {default} | {} |", block.name, cell(&block.description));
    }
    text.push_str("\n| output | |\n|---|---|\n");
    for block in blocks(&read("outputs.tf")?, "output") {
        let _ = writeln!(text, "| `{}` | {} |", block.name, cell(&block.description));
    }
    Ok(text)
}

fn cell(text: &str) -> String {
    // Markdown would take `<function>` for a tag.
    text.replace("\\\"", "\"").replace('|', "\\|").replace('<', "\\<")
}

/// A variable or an output.
#[derive(Debug, Default, PartialEq, Eq)]
struct Block {
    name: String,
    description: String,
    /// `…` where it takes more than a line.
    default: Option<String>,
}

/// The blocks of `kind`, as `terraform fmt` writes them.
fn blocks(text: &str, kind: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in text.lines() {
        let begins = line.strip_prefix(kind).and_then(|rest| rest.trim().strip_prefix('"'));
        if let Some((name, _)) = begins.and_then(|rest| rest.split_once('"')) {
            blocks.push(Block { name: name.to_owned(), ..Block::default() });
        }
        let (Some(block), Some(setting)) = (blocks.last_mut(), line.strip_prefix("  ")) else { continue };
        let Some((key, value)) = setting.split_once('=') else { continue };
        match (key.trim_end(), value.trim()) {
            ("description", value) => block.description = value.trim_matches('"').to_owned(),
            ("default", value) => {
                let opens = matches!(value, "{" | "[");
                block.default = Some(if opens { "…".to_owned() } else { value.to_owned() });
            }
            _ => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_with_their_defaults() {
        let text = "variable \"a\" {\n  description = \"What \\\"a\\\" is.\"\n  type        = string\n}\n\n\
                    variable \"b\" {\n  description = \"B.\"\n  type = object({\n    default = string\n  })\n  default     = {\n    c = 1\n  }\n}\n\
                    variable \"d\" {\n  description = \"D.\"\n  default     = null\n}\n";
        let told: Vec<_> = blocks(text, "variable")
            .into_iter()
            .map(|it| (it.name, it.default.unwrap_or_default()))
            .collect();
        let expected = [("a", ""), ("b", "…"), ("d", "null")];
        assert_eq!(told, expected.map(|(name, default)| (name.to_owned(), default.to_owned())));
        assert_eq!(cell(&blocks(text, "variable")[0].description), "What \"a\" is.");
    }

    #[test]
    fn every_variable_and_output_is_described() {
        let mut roots: Vec<_> = FOLDERS.to_vec();
        roots.extend(["envs/dev", "envs/prod", "envs/local"]);
        for folder in roots {
            for (file, kind) in [("variables.tf", "variable"), ("outputs.tf", "output")] {
                let path = workspace::root().join("infra").join(folder).join(file);
                let blocks = blocks(&std::fs::read_to_string(&path).unwrap(), kind);
                assert!(!blocks.is_empty(), "{}", path.display());
                for block in blocks {
                    assert!(block.description.len() > 5, "{} of {folder} has no description", block.name);
                }
            }
        }
    }

    #[test]
    fn the_readme_is_current() {
        check().unwrap();
    }
}
