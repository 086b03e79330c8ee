//! `millrace forget` on a lake that `millrace run` filled, killed and given again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_lake::dead_letter::DeadLetter;
use millrace_tests::program::{DAY, Ended, binary, query_count, simulate};
use millrace_tests::{tables, whole_lake};
use serde_json::Value;

fn forget(lake: &Path, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.args(["forget", "--json", "--lake"]).arg(lake).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

fn told(command: Command) -> Result<Value> {
    Ok(Ended::of(command)?.summary(0)?.0)
}

/// Ids and e-mails of two users who have one row each.
fn two_users(lake: &Path) -> Result<Vec<(String, String)>> {
    let sql = "SELECT user_id, MIN(email) AS email FROM raw_users WHERE user_id IS NOT NULL AND email LIKE '%_@_%.com' \
               GROUP BY user_id HAVING COUNT(*) = 1 ORDER BY user_id LIMIT 2";
    let output =
        Command::new(binary()?).args(["query", sql, "--format", "csv", "--lake"]).arg(lake).output()?;
    let ended = Ended::from(output);
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    let rows = ended.stdout.lines().skip(1).filter_map(|line| line.split_once(','));
    Ok(rows.map(|(id, email)| (id.to_owned(), email.to_owned())).collect())
}

/// The files that still say one of `words`: as bytes, in a text column, or in a dead letter's value.
fn telling(lake: &Path, words: &[&str]) -> Result<Vec<PathBuf>> {
    let mut telling = Vec::new();
    for path in whole_lake::files(lake)? {
        let mut said = std::fs::read(&path)?;
        if path.extension().is_some_and(|extension| extension == "parquet") {
            for batch in tables::read(&path)? {
                for field in batch.schema().fields() {
                    let texts = tables::texts(&batch, field.name()).unwrap_or_default();
                    said.extend(texts.into_iter().flatten().flat_map(String::into_bytes));
                }
            }
        }
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            for line in String::from_utf8(said.clone())?.lines() {
                said.extend(DeadLetter::from_line(line)?.value.unwrap_or_default());
            }
        }
        if words.iter().any(|word| said.windows(word.len()).any(|bytes| bytes == word.as_bytes())) {
            telling.push(path);
        }
    }
    Ok(telling)
}

#[test]
fn users_are_erased_from_a_lake_and_stay_so() -> Result<()> {
    let lake = tempfile::tempdir()?;
    Ended::of(simulate(lake.path(), 600, 1, &["--broken", "3%", "--repeat", "5%"])?)?.summary(0)?;
    let users = two_users(lake.path())?;
    let [(first, _), (second, _)] = &users[..] else { anyhow::bail!("{} users", users.len()) };
    let words: Vec<&str> = users.iter().flat_map(|(id, email)| [id.as_str(), email.as_str()]).collect();
    ensure!(telling(lake.path(), &words)?.len() >= 2);
    let before = query_count(lake.path(), "SELECT COUNT(*) FROM users_transformed")?;

    let plan = told(forget(lake.path(), &[first, second])?)?;
    ensure!(plan["dry_run"] == true && plan["places"]["raw"]["rows"] == 2, "{plan}");
    ensure!(plan["places"]["users_transformed"]["rows"] == 2, "{plan}");
    ensure!(telling(lake.path(), &words)?.len() >= 2, "a dry run removed something");

    // Killed again and again at other moments, until one ends.
    for round in 0..6 {
        let mut erasing = forget(lake.path(), &[first, second, "--yes"])?.spawn()?;
        std::thread::sleep(Duration::from_millis(30 + 25 * round));
        erasing.kill()?;
        erasing.wait()?;
    }
    let done = told(forget(lake.path(), &[second, first, "--yes"])?)?;
    ensure!(done["unfinished"].as_array().is_some_and(Vec::is_empty), "{done}");
    ensure!(telling(lake.path(), &words)?.is_empty(), "{:?}", telling(lake.path(), &words)?);
    ensure!(query_count(lake.path(), "SELECT COUNT(*) FROM users_transformed")? == before - 2);
    whole_lake::check(lake.path(), DAY)?;

    // A later run makes its tables of all of raw.
    Ended::of(simulate(lake.path(), 300, 2, &[])?)?.summary(0)?;
    ensure!(telling(lake.path(), &words)?.is_empty(), "a later run brought them back");
    whole_lake::check(lake.path(), DAY)
}

#[test]
fn ids_come_from_a_file_too_and_wrong_usage_says_what_to_do() -> Result<()> {
    let lake = tempfile::tempdir()?;
    Ended::of(simulate(lake.path(), 50, 1, &[])?)?.summary(0)?;
    let users = two_users(lake.path())?;
    let file = lake.path().join("leavers.txt");
    std::fs::write(&file, users.iter().map(|(id, _)| format!("{id}\n\n")).collect::<String>())?;
    let plan = told(forget(lake.path(), &["--ids-from", file.to_str().context("a path")?])?)?;
    ensure!(plan["persons"] == 2 && plan["places"]["raw"]["rows"] == 2, "{plan}");
    Ended::of(forget(lake.path(), &[])?)?.refusal(2, &["USER_ID"])?;
    Ended::of(forget(lake.path(), &[" "])?)?.refusal(1, &["blanks"])?;
    Ended::of(forget(&lake.path().join("none"), &["x"])?)?.refusal(1, &["there is no lake"])?;
    let plain = Command::new(binary()?).args(["forget", &users[0].0, "--lake"]).arg(lake.path()).output()?;
    let said = Ended::from(plain);
    ensure!(said.stdout.contains("raw/users") && said.stdout.contains("--yes"), "{}", said.stdout);
    ensure!(!said.stdout.contains(&users[0].0), "an id was told");
    Ok(())
}
