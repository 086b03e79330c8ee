//! `millrace run` from source to tables: every hop adds up, and what each user became is what it had to become.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use arrow_array::{ArrayRef, RecordBatch};
use millrace_skips::skipped;
use millrace_sources::{CHANGED_DETAILS, Flaw, SIMULATED_PAGE, Share, Simulation};
use millrace_tests::program::{DAY, Ended, Summary, TIDY, millrace, query_count, run_command, simulate};
use millrace_tests::{letters, tables, whole_lake};
use serde_json::Value;

const USERS: u64 = 100_000;
const SEED: u64 = 7;
const FAULTY: [&str; 4] = ["--broken", "1%", "--repeat", "5%"];
const FAULTY_AND_TIDY: [&str; 5] = ["--broken", "1%", "--repeat", "5%", TIDY];

/// Credentials secrets of the API's shape, but `password`: simulated ones are words that occur elsewhere too.
const SECRETS: [&str; 4] = ["salt", "md5", "sha1", "sha256"];

/// The users of [`FAULTY`] arguments, and of those with [`TIDY`].
fn manners() -> Result<[(&'static [&'static str], Simulation); 2]> {
    let tidy = Simulation::new(SEED, "1%".parse::<Share>()?, "5%".parse::<Share>()?);
    Ok([(&FAULTY, tidy.untidy()), (&FAULTY_AND_TIDY, tidy)])
}

#[test]
fn simulated_users_with_broken_and_repeated_ones_add_up_at_every_hop() -> Result<()> {
    for (arguments, simulation) in manners()? {
        adds_up_at_every_hop(arguments, &simulation)?;
    }
    Ok(())
}

fn adds_up_at_every_hop(arguments: &[&str], simulation: &Simulation) -> Result<()> {
    let lake = tempfile::tempdir()?;
    let summary = Ended::of(simulate(lake.path(), USERS, SEED, arguments)?)?.summary(0)?;
    let broken = (0..USERS).filter(|&user| simulation.fault(user).is_some()).count() as u64;
    let distinct = (0..USERS).filter(|&user| simulation.origin(user) == Some(user)).count() as u64;
    ensure!(broken > USERS / 200 && distinct < USERS - broken, "the simulation has nothing to find");

    summary.check_hops()?;
    summary.check_tables()?;
    for (name, expected) in [
        ("fetched", USERS),
        ("rejected", broken),
        ("landed", USERS - broken),
        ("dead_lettered", 0),
        ("raw_rows", USERS - broken),
        ("duplicates", USERS - broken - distinct),
        ("after_as_of", 0),
    ] {
        let count = summary.count(name)?;
        ensure!(count == expected, "{name} is {count}, not {expected}");
    }
    ensure!(summary.rows("users_transformed")? == distinct);
    whole_lake::check(lake.path(), DAY)?;
    each_broken_user_has_its_letter(lake.path(), &summary, simulation)
}

/// The flaws of each current user: of the newest of their id, or of one without an id.
fn flaws_of_current_users(simulation: &Simulation, users: u64) -> Vec<Vec<Flaw>> {
    let newest: BTreeMap<u64, u64> =
        (0..users).filter_map(|user| Some((simulation.origin(user)?, user))).collect();
    newest.into_values().map(|user| simulation.flaws(user)).collect()
}

#[test]
fn the_tables_of_a_first_run_tell_of_quality_and_of_anomalies() -> Result<()> {
    const USERS: u64 = 5_000;
    let lake = tempfile::tempdir()?;
    Ended::of(simulate(lake.path(), USERS, SEED, &[])?)?.summary(0)?;
    let simulation = Simulation::new(SEED, Share::NONE, CHANGED_DETAILS).untidy();
    let flaws = flaws_of_current_users(&simulation, USERS);
    let without = |of: [Flaw; 2]| {
        flaws.iter().filter(|flaws| !flaws.iter().any(|flaw| of.contains(flaw))).count() as u64
    };
    let ask = |sql: &str| query_count(lake.path(), sql);
    for (column, expected) in [
        ("total_records", flaws.len() as u64),
        ("valid_emails", without([Flaw::NoEmail, Flaw::MalformedEmail])),
        ("valid_phones", without([Flaw::NoPhone, Flaw::MalformedPhone])),
    ] {
        let found = ask(&format!("SELECT {column} FROM data_quality_summary_latest"))?;
        ensure!(found == expected, "{found} {column} instead of {expected}");
    }
    let somebody = [
        "SELECT medium_quality_records FROM data_quality_summary_latest",
        "SELECT good_quality FROM fact_data_quality_metrics_latest",
        "SELECT fair_quality FROM fact_data_quality_metrics_latest",
        "SELECT poor_quality FROM fact_data_quality_metrics_latest",
        "SELECT COUNT(*) AS n FROM fact_quality_by_segment_latest WHERE segment_email_validity_rate < 100",
        "SELECT COUNT(*) AS n FROM fact_data_quality_trends_latest WHERE avg_quality_score < 100",
        "SELECT COUNT(*) AS n FROM users_transformed_latest WHERE age_group = 'unknown'",
        "SELECT COUNT(*) AS n FROM users_transformed_latest WHERE id IS NULL",
        "SELECT COUNT(*) AS n FROM fact_registration_anomalies_latest WHERE is_anomaly AND time_period = '1970-01'",
    ];
    for sql in somebody {
        ensure!(ask(sql)? > 0, "{sql} finds nobody");
    }
    // The API's users have no flaw, and neither have tidy ones.
    let tidy = tempfile::tempdir()?;
    Ended::of(simulate(tidy.path(), USERS, SEED, &[TIDY])?)?.summary(0)?;
    let least = query_count(
        tidy.path(),
        "SELECT COUNT(*) AS n FROM users_transformed WHERE data_quality_score = 100",
    )?;
    ensure!(least == USERS, "{least} of {USERS} tidy users are without a flaw");
    Ok(())
}

#[test]
fn no_login_secret_reaches_the_lake() -> Result<()> {
    const USERS: u64 = 10_000;
    for (arguments, simulation) in manners()? {
        let lake = tempfile::tempdir()?;
        Ended::of(simulate(lake.path(), USERS, SEED, arguments)?)?.summary(0)?;
        no_secret_is_anywhere(lake.path(), &simulation, USERS)?;
    }
    Ok(())
}

fn each_broken_user_has_its_letter(lake: &Path, summary: &Summary, simulation: &Simulation) -> Result<()> {
    let letters = letters::of_generation(lake, summary.generation()?)?;
    let mut by_user = BTreeMap::new();
    for letter in &letters {
        let page: u64 = letters::header(letter, "source-partition")?.parse()?;
        let index: u64 = letters::header(letter, "source-offset")?.parse()?;
        let user = (page - 1) * SIMULATED_PAGE as u64 + index;
        ensure!(by_user.insert(user, letter).is_none(), "user {user} has two dead letters");
    }
    let rejected = summary.count("rejected")? + summary.count("dead_lettered")?;
    ensure!(letters.len() as u64 == rejected, "{} dead letters for {rejected}", letters.len());
    for user in 0..USERS {
        let letter = by_user.get(&user);
        let Some(fault) = simulation.fault(user) else {
            ensure!(letter.is_none(), "user {user} is sound, yet has a dead letter");
            continue;
        };
        let letter = letter.with_context(|| format!("user {user}, {fault:?}, has no dead letter"))?;
        let (kind, message) =
            (letters::header(letter, "error-kind")?, letters::header(letter, "error-message")?);
        ensure!(kind == fault.kind, "user {user}, {fault:?}, is told as {kind}");
        ensure!(fault.path.is_none_or(|path| message.contains(path)), "{fault:?} is told as {message:?}");
        for (name, value) in [("source-topic", "simulator"), ("attempts", "1")] {
            ensure!(letters::header(letter, name)? == value, "{name} of user {user}");
        }
    }
    Ok(())
}

/// The secrets that the source gave are in no letter and in no cell of no table.
fn no_secret_is_anywhere(lake: &Path, simulation: &Simulation, users: u64) -> Result<()> {
    let mut secrets = BTreeSet::new();
    for user in 0..users {
        let mut json = Vec::new();
        simulation.write_user(user, &mut json);
        // A member that stands twice does not matter here.
        let user: Value = serde_json::from_slice(&json)?;
        secrets.extend(SECRETS.iter().filter_map(|name| Some(user["login"][name].as_str()?.to_owned())));
    }
    ensure!(secrets.len() as u64 > users, "the simulated users have too few secrets to look for");
    for letter in letters::all(lake)? {
        let value = String::from_utf8(letter.value.unwrap_or_default())?;
        for name in SECRETS.iter().chain(&["password"]) {
            ensure!(!value.contains(&format!("\"{name}\"")), "a dead letter holds a {name}");
        }
        let told = value.split('"').any(|piece| secrets.contains(piece));
        ensure!(!told, "a dead letter holds a secret");
    }
    let files = whole_lake::raw_objects(lake)?.into_iter();
    for file in files.chain([tables::curated(lake, "users_transformed", DAY)]) {
        for batch in tables::read(&file)? {
            for field in batch.schema().fields() {
                let Ok(texts) = tables::texts(&batch, field.name()) else { continue };
                let told = texts.iter().flatten().any(|text| secrets.contains(text));
                ensure!(!told, "{} of {} holds a secret", field.name(), file.display());
            }
        }
    }
    Ok(())
}

/// A table's columns but those that tell of the run itself.
fn columns(lake: &Path, table: &str) -> Result<Vec<BTreeMap<String, ArrayRef>>> {
    let of_the_run = ["source_generation", "processed_at", "quality_check_timestamp"];
    let columns = |batch: RecordBatch| {
        let fields = batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        fields
            .into_iter()
            .zip(batch.columns().to_vec())
            .filter(|(name, _)| !of_the_run.contains(&name.as_str()))
            .collect()
    };
    Ok(tables::read(&tables::curated(lake, table, DAY))?.into_iter().map(columns).collect())
}

#[test]
fn the_same_arguments_into_fresh_lakes_give_the_same_tables() -> Result<()> {
    for (arguments, _) in manners()? {
        the_same_tables(arguments)?;
    }
    Ok(())
}

fn the_same_tables(arguments: &[&str]) -> Result<()> {
    let lakes = [tempfile::tempdir()?, tempfile::tempdir()?];
    for lake in &lakes {
        Ended::of(simulate(lake.path(), 5_000, SEED, arguments)?)?.summary(0)?;
    }
    for (table, compared) in [("users_transformed", 39), ("data_quality_summary", 11)] {
        let [first, second] = [columns(lakes[0].path(), table)?, columns(lakes[1].path(), table)?];
        ensure!(first.first().is_some_and(|batch| batch.len() == compared), "{table} has other columns");
        ensure!(first.len() == second.len(), "{table} has another number of rows");
        for (first, second) in first.iter().zip(&second) {
            for (name, column) in first {
                ensure!(Some(column) == second.get(name), "{name} of {table} differs");
            }
        }
    }
    Ok(())
}

#[test]
fn a_second_run_adds_and_overwrites_no_raw_object() -> Result<()> {
    let lake = tempfile::tempdir()?;
    let objects = || -> Result<BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)>> {
        let objects = whole_lake::raw_objects(lake.path())?.into_iter();
        objects
            .map(|path| Ok((path.clone(), (std::fs::read(&path)?, path.metadata()?.modified()?))))
            .collect()
    };
    let first = Ended::of(simulate(lake.path(), 1_500, SEED, &FAULTY)?)?.summary(0)?;
    let before = objects()?;
    let letters = letters::all(lake.path())?.len();
    let second = Ended::of(simulate(lake.path(), 1_500, SEED, &FAULTY)?)?.summary(0)?;
    let after = objects()?;

    ensure!(first.generation()? == second.generation()?, "each run is a generation of its own");
    ensure!(before.iter().all(|(path, object)| after.get(path) == Some(object)), "a raw object changed");
    ensure!(after.len() as u64 == first.count("objects")? + second.count("objects")?);
    ensure!(second.count("raw_rows")? == first.count("landed")? + second.count("landed")?);
    // The same users again: each of the first run's rows has a newer one, but those without an id.
    let [(_, untidy), _] = manners()?;
    let no_ids = (0..1_500).filter(|&user| untidy.flaws(user).contains(&Flaw::NoId)).count() as u64;
    ensure!(second.rows("users_transformed")? == first.rows("users_transformed")? + no_ids);
    ensure!(letters::all(lake.path())?.len() == 2 * letters && letters > 0);
    second.check_tables()?;
    whole_lake::check(lake.path(), DAY)
}

fn recorded_run(lake: &Path, answers: &Path) -> Result<Ended> {
    let source = format!("recorded:{}", answers.display());
    Ended::of(run_command(lake, &["--source", &source, "--as-of", DAY])?)
}

#[test]
fn recorded_pages_all_land() -> Result<()> {
    let Some(recorded) = std::env::var_os("MILLRACE_TEST_RECORDED").map(PathBuf::from) else {
        skipped("run over recorded answers", "no recorded answers (MILLRACE_TEST_RECORDED names no folder)");
        return Ok(());
    };
    let lake = tempfile::tempdir()?;
    let summary = recorded_run(lake.path(), &recorded.join("pages"))?.summary(0)?;
    summary.check_hops()?;
    summary.check_tables()?;
    ensure!(summary.count("landed")? == 4_500 && summary.count("rejected")? == 0, "{}", summary.0);
    ensure!(letters::all(lake.path())?.is_empty());
    whole_lake::check(lake.path(), DAY)?;

    let mut refused = 0;
    for error in std::fs::read_dir(recorded.join("errors"))? {
        let (lake, error) = (tempfile::tempdir()?, error?.path());
        let name = error.file_name().and_then(|name| name.to_str()).context("a name")?;
        recorded_run(lake.path(), &error)?.refusal(1, &[name])?;
        ensure!(whole_lake::raw_objects(lake.path())?.is_empty() && !lake.path().join("curated").exists());
        refused += 1;
    }
    ensure!(refused > 0, "no recorded errors");
    Ok(())
}

#[test]
fn only_a_run_that_made_tables_offers_a_query_of_them() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let outage = folder.path().join("outage.json");
    std::fs::write(&outage, r#"{"results":[],"info":{}}"#)?;
    let outage = format!("recorded:{}", outage.display());
    let lake = folder.path().join("lake").display().to_string();
    let run = |source: &[&str]| {
        let arguments = [&["run", "--lake", &lake, "--as-of", DAY, "--source"], source].concat();
        Ended::of(millrace(&arguments)?)
    };
    let failed = run(&[&outage])?;
    failed.refusal(1, &["outage.json"])?;
    ensure!(!failed.stdout.contains("Next:"), "{}", failed.stdout);
    let whole = run(&["simulator", "--users", "20"])?;
    ensure!(whole.code == Some(0) && whole.stdout.contains("Next:"), "{whole:?}");
    Ok(())
}

#[test]
fn a_truncated_file_costs_nothing_that_came_before_it() -> Result<()> {
    let (lake, answers) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let simulation = Simulation::new(SEED, Share::NONE, Share::NONE);
    // The third in natural order, though not in that of bytes.
    for (page, name) in [(1, "page-1.json"), (2, "page-2.json"), (3, "page-10.json")] {
        let mut answer = Vec::new();
        simulation.write_answer((page - 1) * 500, 500, page, &mut answer);
        if page == 2 {
            answer.truncate(answer.len() / 2);
        }
        std::fs::write(answers.path().join(name), answer)?;
    }
    let ended = recorded_run(lake.path(), answers.path())?;
    ended.refusal(1, &["page-2.json", "500 users"])?;
    let summary = ended.summary(1)?;
    summary.check_hops()?;
    ensure!(summary.count("landed")? == 500, "{}", summary.0);

    whole_lake::check_whole(lake.path())?;
    whole_lake::check_swept(lake.path())?;
    let raw = tables::raw_rows(whole_lake::raw_objects(lake.path())?)?;
    let ids: BTreeSet<_> = raw.into_values().map(|row| row.user_id).collect();
    let mut first = Vec::new();
    simulation.write_answer(0, 500, 1, &mut first);
    let first: Value = serde_json::from_slice(&first)?;
    let given = first["results"].as_array().context("users")?.iter();
    let given: BTreeSet<_> = given.map(|user| user["login"]["uuid"].as_str().map(str::to_owned)).collect();
    ensure!(ids == given, "the first file's users are not those in raw");
    ensure!(!lake.path().join("curated").exists() && !lake.path().join("_runs").exists(), "a job ran");
    Ok(())
}
