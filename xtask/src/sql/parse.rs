//! Every script through sqlfluff's parser of Snowflake's dialect, and broken ones that it has to refuse.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::commands::shown;
use crate::python_set::Set;
use crate::{python_env, workspace};

const SQLFLUFF: Set = Set("sqlfluff");

/// The parser, installed once; or why it cannot be had.
pub(super) fn sqlfluff() -> anyhow::Result<PathBuf> {
    let python = python_env::python_env(&python_env::cache()?, SQLFLUFF)?;
    Ok(python.with_file_name("sqlfluff"))
}

/// Whether each script under `folder` parses, and each under `folder`/broken does not.
pub(super) fn all_parse(sqlfluff: &Path, folder: &Path) -> anyhow::Result<bool> {
    let rendered = workspace::scratch().join(format!("sql-{}", std::process::id()));
    let good = render(folder, &rendered.join("good"))?;
    let broken = render(&workspace::root().join("xtask/src/sql/broken"), &rendered.join("broken"))?;
    ensure!(!good.is_empty() && !broken.is_empty(), "there is no SQL to parse");
    let mut passed = parses(sqlfluff, &rendered.join("good"), true)?;
    // One call for each: a single broken file would hide that the others pass.
    for script in broken.iter().filter(|path| !is_block(path)) {
        let mut all = parses(sqlfluff, script, false)?;
        for block in broken.iter().filter(|path| is_block(path) && is_of(path, script)) {
            all &= parses(sqlfluff, block, false)?;
        }
        if all {
            println!("{} parses, and must not", script.display());
            passed = false;
        }
    }
    std::fs::remove_dir_all(&rendered).with_context(|| format!("could not remove {}", rendered.display()))?;
    Ok(passed)
}

/// Between a script's name and the number of a block of it: to sqlfluff what stands between `$$` is a text.
const BLOCK: &str = "-block-";

fn is_block(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(BLOCK))
}

fn is_of(block: &Path, script: &Path) -> bool {
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    stem(block).split(BLOCK).next() == Some(&stem(script))
}

/// Statements of Snowflake's that sqlfluff 4.5.0 has no grammar of.
const UNKNOWN: [&str; 1] = ["\nALTER NOTIFICATION INTEGRATION "];

fn known_to_the_parser(text: &str) -> String {
    let mut text = text.to_owned();
    for unknown in UNKNOWN {
        while let Some(begin) = text.find(unknown) {
            let end = text[begin..].find(';').map_or(text.len(), |end| begin + end + 1);
            text.replace_range(begin..end, "");
        }
    }
    text
}

/// Copies the scripts below `from`, folders too, with a value in each variable's place, and each block of theirs as a
/// script of its own.
fn render(from: &Path, to: &Path) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(to).with_context(|| format!("could not create {}", to.display()))?;
    let mut written = Vec::new();
    let entries =
        std::fs::read_dir(from).with_context(|| format!("could not read the folder {}", from.display()))?;
    for entry in entries {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if path.is_dir() {
            written.extend(render(&path, &to.join(name))?);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("could not read {}", path.display()))?;
            let text = known_to_the_parser(&with_values(&text));
            let target = to.join(name);
            let blocks = text.split("$$").skip(1).step_by(2).enumerate();
            let blocks = blocks.map(|(index, block)| {
                let name =
                    format!("{}{BLOCK}{index}.sql", path.file_stem().unwrap_or_default().to_string_lossy());
                (to.join(name), format!("{}\n", block.trim()))
            });
            for (target, text) in std::iter::once((target, text.clone())).chain(blocks) {
                std::fs::write(&target, text)
                    .with_context(|| format!("could not write {}", target.display()))?;
                written.push(target);
            }
        }
    }
    written.sort();
    Ok(written)
}

/// Variables whose name is no value that the parser would take.
const VALUES: [(&str, &str); 6] = [
    ("lake_url", "s3://bucket/lake"),
    ("warehouse_size", "XSMALL"),
    ("freshness_hours", "48"),
    ("gold_days", "400"),
    ("statement_seconds", "900"),
    ("credit_quota", "20"),
];

/// `&{name}` as `name`: a value that is good as an identifier, within a text and as part of a longer name.
fn with_values(text: &str) -> String {
    let value = |name: &'_ str| {
        VALUES
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(name.to_owned(), |(_, value)| (*value).to_owned())
    };
    let mut pieces = text.split("&{");
    let mut rendered = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once('}') {
            Some((name, rest)) => rendered.extend([&*value(name), rest]),
            None => rendered.extend(["&{", piece]),
        }
    }
    rendered
}

/// sqlfluff's word on a script or a folder of them; what it says is shown where it is not what was hoped for.
fn parses(sqlfluff: &Path, path: &Path, hoped: bool) -> anyhow::Result<bool> {
    let mut command = Command::new(sqlfluff);
    command.args(["parse", "--dialect", "snowflake", "--templater", "raw", "--nocolor"]).arg(path);
    let output = command.output().with_context(|| format!("could not start {}", shown(&command)))?;
    let passed = output.status.success();
    if passed != hoped {
        let said = String::from_utf8_lossy(&output.stdout);
        // The rest is the scripts' tree.
        let told = said.lines().filter(|line| line.contains("unparsable") || line.contains("PRS"));
        told.take(20).for_each(|line| println!("{}", line.trim()));
        println!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_a_script_of_its_own() {
        let from = tempfile::tempdir().unwrap();
        std::fs::write(from.path().join("a.sql"), "EXECUTE IMMEDIATE\n$$\nBEGIN SELECT 1; END;\n$$;\n")
            .unwrap();
        let to = tempfile::tempdir().unwrap();
        let written = render(from.path(), to.path()).unwrap();
        let [block, script] = written.as_slice() else { panic!("{written:?}") };
        assert!(is_block(block) && !is_block(script) && is_of(block, script), "{written:?}");
        assert_eq!(std::fs::read_to_string(block).unwrap(), "BEGIN SELECT 1; END;\n");
    }

    #[test]
    fn what_the_parser_lacks_is_left_out_alone() {
        let text = "SELECT 1;\nALTER NOTIFICATION INTEGRATION a SET\n    B = 'c';\nSELECT 2;\n";
        assert_eq!(known_to_the_parser(text), "SELECT 1;\nSELECT 2;\n");
    }

    #[test]
    fn a_variable_becomes_a_value_that_parses() {
        assert_eq!(
            with_values("USE &{database}.x; '&{lake_url}/a' &{"),
            "USE database.x; 's3://bucket/lake/a' &{"
        );
    }
}
