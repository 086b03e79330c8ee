//! Settings in files: which layer counts, what is refused, and that what is set reaches whatever asks for it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use millrace_tests::program::{DAY, Ended, millrace, simulate};
use serde_json::Value;

/// A working directory, and a folder of settings of the person's own.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn make() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir_all(folder.path().join("here"))?;
        std::fs::create_dir_all(folder.path().join("own/millrace"))?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn here(&self, text: &str) -> Result<()> {
        Ok(std::fs::write(self.path("here/millrace.toml"), text)?)
    }

    fn own(&self, text: &str) -> Result<()> {
        Ok(std::fs::write(self.path("own/millrace/millrace.toml"), text)?)
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = millrace(arguments)?;
        command.current_dir(self.path("here")).env("XDG_CONFIG_HOME", self.path("own"));
        Ok(command)
    }

    fn ended(&self, arguments: &[&str]) -> Result<Ended> {
        Ended::of(self.command(arguments)?)
    }

    /// Which lake `millrace tables` looks for; there is none.
    fn lake(&self, arguments: &[&str], variable: Option<&str>) -> Result<String> {
        let mut command = self.command(&[&["tables"], arguments].concat())?;
        if let Some(lake) = variable {
            command.env("MILLRACE_LAKE", lake);
        }
        let ended = Ended::of(command)?;
        ensure!(ended.code == Some(1), "{:?} {}", ended.code, ended.stderr);
        let named = ["by_option", "by_variable", "by_named_file", "by_file_here", "by_own_file", "./lake"];
        let named = named.into_iter().find(|lake| ended.stderr.contains(lake));
        named.map(str::to_owned).with_context(|| ended.stderr.clone())
    }
}

#[test]
fn the_nearest_layer_counts() -> Result<()> {
    let place = Place::make()?;
    ensure!(place.lake(&[], None)? == "./lake");
    place.own("lake = \"by_own_file\"")?;
    ensure!(place.lake(&[], None)? == "by_own_file");
    place.here("lake = \"by_file_here\"")?;
    ensure!(place.lake(&[], None)? == "by_file_here");
    std::fs::write(place.path("named.toml"), "lake = \"by_named_file\"")?;
    let named = place.path("named.toml").to_string_lossy().into_owned();
    ensure!(place.lake(&["--config", &named], None)? == "by_named_file");
    ensure!(place.lake(&[], Some("by_variable"))? == "by_variable");
    ensure!(place.lake(&["--config", &named, "--lake", "by_option"], Some("by_variable"))? == "by_option");
    let mut by_variable = place.command(&["tables"])?;
    by_variable.env("MILLRACE_CONFIG", &named);
    Ended::of(by_variable)?.refusal(1, &["by_named_file"])?;
    // A file that was named is there; what it does not say, the person's own file may.
    place.ended(&["tables", "--config", "nowhere.toml"])?.refusal(2, &["nowhere.toml", "cannot be read"])?;
    std::fs::write(place.path("named.toml"), "")?;
    ensure!(place.lake(&["--config", &named], None)? == "by_own_file");
    Ok(())
}

/// A required option may be left out where a file has it, and a lake that a file names is the one that is read.
#[test]
fn what_a_file_says_is_as_good_as_an_option() -> Result<()> {
    let place = Place::make()?;
    place.ended(&["topics"])?.refusal(2, &["--brokers"])?;
    let lake = place.path("a lake");
    Ended::of(simulate(&lake, 50, 5, &[])?)?.summary(0)?;
    place.here(&format!("lake = {:?}\nbrokers = \"127.0.0.1:1\"\n", lake.to_string_lossy()))?;
    let counted = place.ended(&["query", "SELECT COUNT(*) > 0 AS some FROM raw_users", "--json"])?;
    ensure!(counted.stdout.contains("{\"some\":true}"), "{} {}", counted.stdout, counted.stderr);
    let job = place.ended(&["job", "time-series-analysis", "--as-of", DAY, "--json"])?;
    ensure!(job.code == Some(0), "{}", job.stderr);
    let asked = place.ended(&["peek", "ad_events"])?;
    ensure!(
        asked.code == Some(1) && asked.stderr.contains("127.0.0.1:1"),
        "{:?} {}",
        asked.code,
        asked.stderr
    );
    Ok(())
}

/// The login to Kafka is no option of any command.
#[test]
fn what_no_option_takes_reaches_its_reader() -> Result<()> {
    let place = Place::make()?;
    place.here("brokers = \"127.0.0.1:1\"\nkafka_user = \"app\"\n")?;
    let words = ["MILLRACE_KAFKA_USER", "scram", "millrace.toml"];
    place.ended(&["topics"])?.refusal(1, &words)?;
    // The environment takes it back.
    let mut without = place.command(&["topics"])?;
    without.env("MILLRACE_KAFKA_USER", "");
    let ended = Ended::of(without)?;
    ensure!(!ended.stderr.contains("scram") && ended.stderr.contains("127.0.0.1:1"), "{}", ended.stderr);
    place.here("log = \"loud=loud=loud\"")?;
    place.ended(&["settings"])?.refusal(1, &["loud=loud=loud"])?;
    Ok(())
}

#[test]
fn a_mistake_in_a_file_is_wrong_usage() -> Result<()> {
    let place = Place::make()?;
    place.here("# of the team\nlake = \"x\"\nbroker = \"localhost:9092\"\n")?;
    let words = ["millrace.toml, line 3", "\"broker\"", "did you mean brokers?"];
    for arguments in [&["tables"][..], &["settings"], &["land"]] {
        place.ended(arguments)?.refusal(2, &words)?;
    }
    place.here("kafka_password = hunter2\n")?;
    let told = place.ended(&["tables"])?;
    ensure!(!told.refusal(2, &["millrace.toml", "line 1"])?.contains("hunter2"));
    // They say nothing of what is set.
    for arguments in
        [&["--help"][..], &["tables", "--help"], &["--version"], &["completions", "fish"], &["man"]]
    {
        let ended = place.ended(arguments)?;
        ensure!(ended.code == Some(0) && !ended.stdout.is_empty(), "{arguments:?}: {}", ended.stderr);
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_may_read_is_warned_of() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::make()?;
    place.own("registry_password = \"hunter2\"\n")?;
    let path = place.path("own/millrace/millrace.toml");
    let said = |mode: u32| -> Result<String> {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
        Ok(place.ended(&["settings", "--quiet"])?.stderr)
    };
    let warned = said(0o644)?;
    ensure!(warned.contains("millrace.toml") && warned.contains("chmod 600"), "{warned}");
    ensure!(!warned.contains("hunter2"));
    ensure!(said(0o600)?.is_empty());
    Ok(())
}

#[test]
fn settings_are_shown_with_their_sources_and_without_secrets() -> Result<()> {
    let place = Place::make()?;
    place.own("kafka_password = \"hunter2\"\nregistry_url = \"https://me:hunter2@registry:8081\"\n")?;
    place.here("lake = \"here\"\ngeneration = \"g7\"\n")?;
    let mut command = place.command(&["settings", "--json"])?;
    command.env("MILLRACE_GENERATION", "g8").env("MILLRACE_REGISTRY_PASSWORD", "hunter2");
    let ended = Ended::of(command)?;
    ensure!(ended.code == Some(0) && !ended.stdout.contains("hunter2"), "{}", ended.stdout);
    let told: Value = serde_json::from_str(&ended.stdout)?;
    let of = |name: &str| {
        let settings = told["settings"].as_array().into_iter().flatten();
        let one = settings.into_iter().find(|one| one["name"] == name).cloned().unwrap_or_default();
        (one["value"].as_str().map(str::to_owned), one["source"].as_str().unwrap_or_default().to_owned())
    };
    let shown = |value: &str, source: &str| (Some(value.to_owned()), source.to_owned());
    ensure!(of("lake") == shown("here", "file"), "{told}");
    ensure!(of("generation") == shown("g8", "environment"), "{told}");
    ensure!(of("kafka_password") == shown("(hidden)", "file"), "{told}");
    ensure!(of("registry_password") == shown("(hidden)", "environment"), "{told}");
    ensure!(of("registry_url") == shown("https://(hidden)@registry:8081", "file"), "{told}");
    ensure!(of("kafka_security") == shown("plain", "default"), "{told}");
    ensure!(of("brokers") == (None, "default".to_owned()), "{told}");

    let config = ["settings", "--json", "--config", "millrace.toml"];
    let told: Value = serde_json::from_str(&place.ended(&config)?.stdout)?;
    ensure!(
        told["settings"][0]["name"] == "config" && told["settings"][0]["source"] == "command line",
        "{told}"
    );

    let people = place.ended(&["settings"])?.stdout;
    ensure!(!people.contains("hunter2") && people.contains("(hidden)"), "{people}");
    for word in ["millrace.toml", &place.path("own").join("millrace").to_string_lossy()] {
        ensure!(people.contains(word), "{word} is not in {people}");
    }
    Ok(())
}
