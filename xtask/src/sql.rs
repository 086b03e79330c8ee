//! `cargo xtask sql`: the external tables' SQL from the lake's schemas, and a parser of Snowflake's dialect over every script.

mod generate;
mod latest_days;
mod parse;
mod tables;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;

use crate::skips::SkipLog;
use crate::workspace;

#[derive(clap::Args)]
pub(crate) struct SqlArguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes the scripts that follow from infra/tables.json
    Generate,
    /// Checks that the generated scripts are current and that every script parses as Snowflake's SQL
    Check,
}

pub(crate) fn run(arguments: &SqlArguments) -> anyhow::Result<bool> {
    match arguments.task {
        Task::Generate => generate(),
        Task::Check => {
            let log = SkipLog::begin(&workspace::scratch())?;
            let failed = check(&log)?;
            log.end()?;
            for check in &failed {
                println!("failed: {check}");
            }
            Ok(failed.is_empty())
        }
    }
}

/// Where the scripts are.
fn folder() -> PathBuf {
    workspace::root().join("sql")
}

fn generate() -> anyhow::Result<bool> {
    for script in generated()? {
        let path = folder().join(&script.name);
        std::fs::write(&path, &script.text).with_context(|| format!("could not write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(true)
}

fn generated() -> anyhow::Result<Vec<generate::Script>> {
    let path = workspace::root().join("infra/tables.json");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    generate::scripts(&tables::of_json(&text)?)
}

/// Runs every check of the SQL and answers the names of those that failed.
pub(crate) fn check(log: &SkipLog) -> anyhow::Result<Vec<&'static str>> {
    let mut failed = Vec::new();
    let stale = stale(&folder(), &generated()?);
    for name in &stale {
        println!("sql/{name} is not what infra/tables.json gives: run `cargo xtask sql generate`");
    }
    if !stale.is_empty() {
        failed.push("generated SQL");
    }
    match parse::sqlfluff() {
        Err(why) => log.note("SQL parser", &format!("{why:#}"))?,
        Ok(sqlfluff) => {
            if !parse::all_parse(&sqlfluff, &folder())? {
                failed.push("SQL parses");
            }
        }
    }
    Ok(failed)
}

/// The names of the scripts in `folder` that are missing or other than `wanted`.
fn stale(folder: &Path, wanted: &[generate::Script]) -> Vec<String> {
    let current = |script: &&generate::Script| {
        std::fs::read_to_string(folder.join(&script.name)).is_ok_and(|text| text == script.text)
    };
    wanted.iter().filter(|script| !current(script)).map(|script| script.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_scripts_are_what_the_schemas_give() {
        assert_eq!(stale(&folder(), &generated().unwrap()), Vec::<String>::new());
    }

    #[test]
    fn a_script_changed_by_hand_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let scripts = generated().unwrap();
        for script in &scripts {
            std::fs::write(folder.path().join(&script.name), &script.text).unwrap();
        }
        assert!(stale(folder.path(), &scripts).is_empty());
        let changed = &scripts[0];
        std::fs::write(folder.path().join(&changed.name), changed.text.replace("VALUE:", "value:")).unwrap();
        std::fs::remove_file(folder.path().join(&scripts[1].name)).unwrap();
        assert_eq!(stale(folder.path(), &scripts), [changed.name.clone(), scripts[1].name.clone()]);
    }
}
