//! What others put into a lake's folders: no command ends over it, or says anything else for it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use millrace_tests::commands::commands;
use millrace_tests::program::{DAY, Ended, millrace, run_command, simulate};
use millrace_tests::whole_lake::files;
use serde_json::Value;

/// Names that finders, archives, engines and people leave, with what is in them.
const FILES: [(&str, &[u8]); 14] = [
    ("README.md", b"ours? no"),
    (".DS_Store", b"\0\x01"),
    ("_SUCCESS", b""),
    ("_committed_7.parquet", b"PAR1"),
    ("._part-00000.parquet", b"\0\x05\x16\x07"),
    (".part-00000.parquet.crc", b"crc"),
    ("notes.json", b"{\"a\":1"),
    ("notes.jsonl", b"nope\n"),
    ("2026-01-31 (copy).json", b"{}"),
    ("a b%20c#.txt", b"x"),
    ("caf\u{e9}.csv", b"a,b\n"),
    ("part-00000.parquet.tmp", b"t"),
    ("manifest.json.bak", b"{"),
    ("00000000000000000000.json~", b""),
];
const FOLDERS: [&str; 6] =
    ["date=yesterday", "processing_date=2026-13-45", "hour=99", "old", "__MACOSX", "_temporary"];

fn folders_of(lake: &Path) -> Result<BTreeSet<PathBuf>> {
    let files = files(lake)?;
    let above = files.iter().flat_map(|file| file.ancestors().skip(1));
    Ok(above.filter(|folder| folder.starts_with(lake)).map(Path::to_owned).collect())
}

/// Puts all of them into each folder of the lake, and what a Mac leaves beside each file of ours.
fn plant(lake: &Path) -> Result<()> {
    for folder in folders_of(lake)? {
        let ours: Vec<_> =
            std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        for path in ours.iter().filter(|path| path.is_file()) {
            let name = path.file_name().and_then(|name| name.to_str()).context("a name")?;
            std::fs::write(folder.join(format!("._{name}")), b"\0\x05\x16\x07")?;
        }
        for (name, content) in FILES {
            std::fs::write(folder.join(name), content)?;
        }
        for name in FOLDERS {
            let within = folder.join(name);
            std::fs::create_dir_all(&within)?;
            std::fs::write(within.join("part-0.parquet"), b"PAR1 and no more")?;
            std::fs::write(within.join("part-00000.parquet"), b"")?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            std::fs::write(folder.join(std::ffi::OsStr::from_bytes(b"no\xffutf8.txt")), b"")?;
            std::os::unix::fs::symlink("/nowhere/at/all", folder.join("gone.parquet.link"))?;
        }
    }
    Ok(())
}

/// What of a command's answer is the same in both lakes: their rows differ in the name of the topic's generation.
#[derive(Clone, Copy, PartialEq)]
enum Same {
    All,
    /// Of each table its rows and files.
    Tables,
    /// Of each table its objects, those written and those removed.
    Objects,
    Nothing,
}

/// How each command that takes a lake is called.
const CALLS: [(&[&str], Same); 16] = [
    (&["query", "SELECT user_id, email, _offset FROM raw_users ORDER BY user_id, _offset"], Same::All),
    (
        &[
            "query",
            "SELECT id, email, address, age_years, quality_issues FROM users_transformed_latest ORDER BY id",
        ],
        Same::All,
    ),
    (&["tables", "--json"], Same::Tables),
    (
        &[
            "query",
            "SELECT country, city, user_count, avg_age FROM fact_geographic_analysis_latest ORDER BY 1, 2, 3",
        ],
        Same::All,
    ),
    (&["export", "fact_geographic_analysis", "--format", "csv"], Same::Nothing),
    (&["export", "raw_users", "--format", "csv"], Same::Nothing),
    (&["compact", "--dry-run", "--json"], Same::Objects),
    (&["compact", "--json"], Same::Objects),
    (&["adopt", "--json"], Same::Nothing),
    (&["job", "raw-transformation", "--as-of", DAY], Same::Nothing),
    (&["vacuum", "--older-than", "0s", "--dry-run"], Same::Nothing),
    (&["tables", "--history"], Same::Nothing),
    (&["backfill", "--from", DAY, "--to", DAY], Same::Nothing),
    (&["tables", "--json"], Same::Tables),
    (&["erase", "nobody", "--allow-missing"], Same::Nothing),
    (&["land", "--brokers", "127.0.0.1:1", "--until-idle", "1", "--generation", "g2"], Same::Nothing),
];

/// `answer` without what may differ.
fn alike(answer: &str, same: Same) -> Result<String> {
    let of_table = |line: &str, names: &[&str]| -> Result<String> {
        let table: Value = serde_json::from_str(line)?;
        Ok(names
            .iter()
            .map(|name| table.pointer(name).unwrap_or(&Value::Null).to_string())
            .collect::<Vec<_>>()
            .join(" "))
    };
    Ok(match same {
        Same::All => answer.lines().filter(|line| !line.contains(" rows, ")).collect(),
        Same::Nothing => String::new(),
        Same::Objects => {
            let names = ["/table", "/before/objects", "/after/objects", "/written", "/removed"];
            answer.lines().map(|line| of_table(line, &names)).collect::<Result<Vec<_>>>()?.join("\n")
        }
        Same::Tables => {
            let whole: Value = serde_json::from_str(answer)?;
            let tables = whole["tables"].as_array().context("no tables")?;
            let names = ["/name", "/rows", "/files", "/newest_date"];
            tables
                .iter()
                .map(|table| of_table(&table.to_string(), &names))
                .collect::<Result<Vec<_>>>()?
                .join("\n")
        }
    })
}

fn call(arguments: &[&str], lake: &Path) -> Result<Ended> {
    let mut command = millrace(arguments)?;
    command.arg("--lake").arg(lake);
    Ended::of(command)
}

#[test]
fn no_command_ends_over_what_others_put_into_a_lake() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (clean, lake) = (folder.path().join("clean"), folder.path().join("lake"));
    for lake in [&clean, &lake] {
        Ended::of(simulate(lake, 300, 5, &[])?)?.summary(0)?;
    }
    // Another run, so that there is something to compact.
    plant(&lake)?;
    for lake in [&clean, &lake] {
        Ended::of(run_command(
            lake,
            &["--source", "simulator", "--users", "50", "--seed", "6", "--as-of", DAY],
        )?)?
        .summary(0)?;
    }
    // The server reads as query does, and goes on.
    let mut called = BTreeSet::from(["run", "serve"]);
    for (arguments, same) in CALLS {
        let (there, here) = (call(arguments, &clean)?, call(arguments, &lake)?);
        ensure!(there.code == here.code, "{arguments:?} ended with {:?}: {}", here.code, here.stderr);
        if arguments[0] != "land" {
            ensure!(here.code == Some(0), "{arguments:?}: {}", here.stderr);
        }
        let (there, here) = (alike(&there.stdout, same)?, alike(&here.stdout, same)?);
        ensure!(there == here, "{arguments:?} says\n{here}\nfor\n{there}");
        ensure!(same == Same::Nothing || there.len() > 10, "{arguments:?} says {there:?}");
        called.insert(arguments[0]);
    }
    // To a snapshot that this lake has.
    let history = call(&["tables", "--history", "users_transformed", "--json"], &lake)?;
    let history: Value = serde_json::from_str(&history.stdout)?;
    let oldest = history.pointer("/snapshots/0/snapshot").context("no snapshot")?.to_string();
    let rolled = call(&["rollback", "users_transformed", &oldest], &lake)?;
    ensure!(rolled.code == Some(0), "{}", rolled.stderr);
    called.insert("rollback");
    for command in commands()? {
        let words: Vec<_> = command.iter().map(String::as_str).collect();
        let help = Ended::of(millrace(&[&words[..], &["--help"]].concat())?)?.stdout;
        ensure!(!help.contains("--lake") || called.contains(words[0]), "{command:?} was not called");
    }
    // All of it is still there: none of it was ours to remove.
    for (name, content) in FILES {
        for folder in [lake.clone(), lake.join("raw/users"), lake.join("curated/users_transformed")] {
            ensure!(std::fs::read(folder.join(name))? == content, "{name} in {} changed", folder.display());
        }
    }
    Ok(())
}
