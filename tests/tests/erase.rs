//! `millrace erase` on a lake that `millrace run` filled, killed and given again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_lake::dead_letter_line::DeadLetter;
use millrace_tests::program::{DAY, Ended, binary, query_count, simulate};
use millrace_tests::{tables, whole_lake};
use serde_json::{Value, json};

fn erase(lake: &Path, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.args(["erase", "--json", "--lake"]).arg(lake).args(arguments);
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
    #[cfg(unix)]
    for file in whole_lake::files(lake.path())? {
        use std::os::unix::fs::PermissionsExt;

        let mode = std::fs::metadata(&file)?.permissions().mode() & 0o777;
        ensure!(mode == 0o600, "{} has mode {mode:o}", file.display());
    }
    let before = query_count(lake.path(), "SELECT COUNT(*) FROM users_transformed")?;

    let plan = told(erase(lake.path(), &[first, second])?)?;
    ensure!(plan["dry_run"] == true && plan["places"]["raw_users"]["rows"] == 2, "{plan}");
    ensure!(plan["places"]["users_transformed"]["rows"] == 2, "{plan}");
    ensure!(telling(lake.path(), &words)?.len() >= 2, "a dry run removed something");

    // Killed again and again at other moments, until one ends.
    for round in 0..6 {
        let mut erasing = erase(lake.path(), &[first, second, "--yes"])?.spawn()?;
        std::thread::sleep(Duration::from_millis(30 + 25 * round));
        erasing.kill()?;
        erasing.wait()?;
    }
    let done = told(erase(lake.path(), &[second, first, "--yes"])?)?;
    ensure!(done["unfinished"].as_array().is_some_and(Vec::is_empty), "{done}");
    ensure!(done["missing"] == json!([]) && done["cut_short"] == json!([]), "{done}");
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
    let plan = told(erase(lake.path(), &["--ids-from", file.to_str().context("a path")?])?)?;
    ensure!(plan["persons"] == 2 && plan["places"]["raw_users"]["rows"] == 2, "{plan}");
    Ended::of(erase(lake.path(), &[])?)?.refusal(2, &["USER_ID"])?;
    Ended::of(erase(lake.path(), &[" "])?)?.refusal(1, &["blanks"])?;
    Ended::of(erase(&lake.path().join("none"), &["x"])?)?.refusal(1, &["there is no lake"])?;
    let plain = Command::new(binary()?).args(["erase", &users[0].0, "--lake"]).arg(lake.path()).output()?;
    let said = Ended::from(plain);
    ensure!(said.stdout.contains("raw/users") && said.stdout.contains("--yes"), "{}", said.stdout);
    ensure!(!said.stdout.contains(&users[0].0), "an id was told");
    Ok(())
}

/// What spreadsheets and databases write: each says the same two persons.
#[test]
fn lists_of_ids_are_read_as_what_they_mean_or_refused_with_the_line() -> Result<()> {
    let lake = tempfile::tempdir()?;
    Ended::of(simulate(lake.path(), 50, 1, &[])?)?.summary(0)?;
    let users = two_users(lake.path())?;
    let [(first, _), (second, _)] = &users[..] else { anyhow::bail!("{} users", users.len()) };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("leavers.txt");
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for list in [
        format!("\u{feff}{first}\r\n{second}\r\n").into_bytes(),
        utf16(&format!("\u{feff}{first}\r\n{second}\r\n")),
        format!("  \"{first}\"\n\n'{second}' \n").into_bytes(),
        format!("user_id\n{first}\n{second}\n").into_bytes(),
        format!("name,id\n\"Doe, Jane\",{first}\nJim,{second}\n").into_bytes(),
        format!("{first}, {second}").into_bytes(),
    ] {
        std::fs::write(&file, &list)?;
        let plan = told(erase(lake.path(), &["--ids-from", file.to_str().context("a path")?])?)?;
        ensure!(plan["persons"] == 2 && plan["found"] == 2, "{}: {plan}", String::from_utf8_lossy(&list));
    }
    for (list, words) in [
        (format!("{first}\n\"{second}\n").into_bytes(), ["leavers.txt", "line 2", "not closed"]),
        (format!("{first}\n{second},Jim\n").into_bytes(), ["leavers.txt", "line 2", "several values"]),
        ([first.as_bytes(), b"\n\xe9\n"].concat(), ["leavers.txt", "line 2", "UTF-8"]),
        (b"\r\n".to_vec(), ["leavers.txt", "no id", "one a line"]),
    ] {
        std::fs::write(&file, &list)?;
        let path = file.to_str().context("a path")?;
        Ended::of(erase(lake.path(), &["--yes", "--ids-from", path])?)?.refusal(1, &words)?;
    }
    ensure!(!lake.path().join("_erasures").exists(), "a refused list has begun an erasure");
    Ok(())
}

#[test]
fn who_is_nowhere_is_named_and_who_was_erased_is_told_with_the_date() -> Result<()> {
    let lake = tempfile::tempdir()?;
    Ended::of(simulate(lake.path(), 200, 1, &["--streams", "all"])?)?.summary(0)?;
    // Persons who did something.
    let sql = "SELECT user_id FROM raw_users WHERE user_id IN (SELECT user_id FROM raw_user_interactions) ORDER BY user_id LIMIT 2";
    let mut query = Command::new(binary()?);
    let users = Ended::of({
        query.args(["query", sql, "--format", "csv", "--lake"]).arg(lake.path());
        query
    })?;
    let lines: Vec<String> = users.stdout.lines().map(str::to_owned).collect();
    let [_, first, second] = &lines[..] else { anyhow::bail!("{}{}", users.stdout, users.stderr) };
    let nobody = "00000000-0000-4000-8000-00000000dead";

    // A dry run says the same as the erasure will, and writes nothing.
    let before = whole_lake::files(lake.path())?;
    let ended = Ended::of(erase(lake.path(), &[first, nobody])?)?;
    let plan = ended.summary(1)?.0;
    ensure!(plan["found"] == 1 && plan["missing"] == json!([nobody]), "{plan}");
    ensure!(ended.stderr.contains("--allow-missing") && !ended.stderr.contains(nobody), "{}", ended.stderr);
    ensure!(whole_lake::files(lake.path())? == before, "a dry run has written");
    // Rows are counted by table: each event of a person lies in its own.
    for (table, folder) in [("raw_users", "raw/users"), ("raw_user_interactions", "raw/user_interactions")] {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE user_id = '{first}'");
        let rows = query_count(lake.path(), &sql)?;
        ensure!(rows > 0 && plan["places"][table]["rows"] == rows, "{table} has {rows} rows: {plan}");
        let plain =
            Ended::from(Command::new(binary()?).args(["erase", first, "--lake"]).arg(lake.path()).output()?);
        let line = plain
            .stdout
            .lines()
            .find(|line| line.split('┆').next().is_some_and(|cell| cell.contains(folder)));
        let told = line
            .and_then(|line| line.trim_end_matches([' ', '│']).split_whitespace().last())
            .map(str::to_owned);
        ensure!(told == Some(rows.to_string()), "{folder} has {rows} rows: {}", plain.stdout);
    }

    let done = Ended::of(erase(lake.path(), &[first, nobody, "--yes"])?)?.summary(1)?.0;
    ensure!(done["found"] == 1 && done["missing"] == json!([nobody]), "{done}");
    // Who was missing was not erased by having been named; who was found is told with the date.
    for arguments in [&[first.as_str(), nobody][..], &[first, nobody, "--yes"]] {
        let again = Ended::of(erase(lake.path(), arguments)?)?.summary(1)?.0;
        ensure!(again["found"] == 0 && again["missing"] == json!([nobody]), "{again}");
        ensure!(again["erased_before"][0]["id"] == first.as_str(), "{again}");
        let erased_at = again["erased_before"][0]["erased_at"].as_str().context("a date")?;
        ensure!(erased_at.parse::<chrono::DateTime<chrono::Utc>>().is_ok(), "{erased_at}");
    }
    Ended::of(erase(lake.path(), &[first, nobody, "--allow-missing"])?)?.summary(0)?;
    Ended::of(erase(lake.path(), &[first, second])?)?.summary(0)?;
    let plain = Command::new(binary()?).args(["erase", first, nobody, "--lake"]).arg(lake.path()).output()?;
    let plain = Ended::from(plain);
    ensure!(plain.code == Some(1), "{}", plain.stdout);
    ensure!(plain.stdout.contains(&format!("never erased: {nobody}")), "{}", plain.stdout);
    let date = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).date_naive().to_string();
    let erased = plain.stdout.lines().find(|line| line.starts_with("erased before, on"));
    ensure!(
        erased.is_some_and(|line| line.contains(&date) && line.contains(first.as_str())),
        "{}",
        plain.stdout
    );
    // No file of the lake has the id.
    ensure!(telling(lake.path(), &[first])?.is_empty(), "{:?}", telling(lake.path(), &[first])?);
    Ok(())
}

#[test]
fn the_former_name_works_and_says_so() -> Result<()> {
    let lake = tempfile::tempdir()?;
    Ended::of(simulate(lake.path(), 50, 1, &[])?)?.summary(0)?;
    let users = two_users(lake.path())?;
    let said =
        Command::new(binary()?).args(["-v", "forget", &users[0].0, "--lake"]).arg(lake.path()).output()?;
    let said = Ended::from(said);
    ensure!(said.stderr.contains("millrace erase") && said.stdout.contains("raw/users"), "{}", said.stderr);
    let said = Command::new(binary()?).args(["erase", &users[0].0, "--lake"]).arg(lake.path()).output()?;
    ensure!(!String::from_utf8(said.stderr)?.contains("forget"), "the name of today warns");
    Ok(())
}
