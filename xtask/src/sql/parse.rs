//! Every script through sqlfluff's parser of Snowflake's dialect, and broken ones that it has to refuse.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::commands::shown;
use crate::{python_env, workspace};

/// Pinned, so that an answer changes only with a commit.
const PACKAGES: [&str; 1] = ["sqlfluff==4.5.0"];

/// The parser, installed once; or why it cannot be had.
pub(super) fn sqlfluff() -> anyhow::Result<PathBuf> {
    let python = python_env::python_env(&python_env::cache()?, &PACKAGES)?;
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
    for script in &broken {
        if parses(sqlfluff, script, false)? {
            println!("{} parses, and must not", script.display());
            passed = false;
        }
    }
    std::fs::remove_dir_all(&rendered).with_context(|| format!("could not remove {}", rendered.display()))?;
    Ok(passed)
}

/// Copies the scripts below `from`, folders too, with a value in each variable's place.
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
            let target = to.join(name);
            std::fs::write(&target, with_values(&text))
                .with_context(|| format!("could not write {}", target.display()))?;
            written.push(target);
        }
    }
    written.sort();
    Ok(written)
}

/// Variables whose name is no value that the parser would take.
const VALUES: [(&str, &str); 3] =
    [("lake_url", "s3://bucket/lake"), ("warehouse_size", "XSMALL"), ("freshness_hours", "48")];

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
    fn a_variable_becomes_a_value_that_parses() {
        assert_eq!(
            with_values("USE &{database}.x; '&{lake_url}/a' &{"),
            "USE database.x; 's3://bucket/lake/a' &{"
        );
    }
}
