//! The layers of settings: the environment over the working directory's file over the person's own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Command;
use config::{Config, Environment, Map, Source};

use super::known::{self, KNOWN};
use super::settings_file::{SettingsFile, SettingsFileError};

/// The file's name, in the working directory and in the person's folder of settings.
const FILE: &str = "millrace.toml";

/// The environment's name for another file than the working directory's.
pub(crate) const CONFIG: &str = "MILLRACE_CONFIG";

/// Begins the settings' names in the environment.
const PREFIX: &str = "MILLRACE";

/// What the config crate calls the environment.
const OF_ENVIRONMENT: &str = "the environment";

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    CommandLine,
    Variable(&'static str),
    File(PathBuf),
    Default,
}

/// A setting's value, and who said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

/// What is set, but for the command line's options, which are over all of it, and the defaults below it.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    found: BTreeMap<&'static str, Found>,
    pub(crate) files: Vec<SettingsFile>,
}

/// Which files there are to read, the strongest first.
#[derive(Debug)]
pub(crate) struct Files {
    /// Named by `--config` or the environment, instead of the working directory's.
    pub(crate) named: Option<Found>,
    pub(crate) paths: Vec<PathBuf>,
}

impl Files {
    pub(crate) fn of_process() -> Self {
        Self::find(std::env::args_os().skip(1), |name| std::env::var_os(name))
    }

    fn find(arguments: impl Iterator<Item = OsString>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let found = |value: OsString, origin| Found { value: value.to_string_lossy().into_owned(), origin };
        let named = config_argument(arguments).map(|value| found(value, Origin::CommandLine));
        let named = named.or_else(|| Some(found(variable(CONFIG)?, Origin::Variable(CONFIG))));
        let here = match &named {
            Some(named) => Some(PathBuf::from(&named.value)),
            None => Some(PathBuf::from(FILE)).filter(|path| path.try_exists().unwrap_or(true)),
        };
        let own = variable("XDG_CONFIG_HOME").map(PathBuf::from);
        let own = own.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".config")));
        let own = own.map(|folder| folder.join("millrace").join(FILE)).filter(|path| path.exists());
        Self { named, paths: here.into_iter().chain(own).collect() }
    }
}

/// The value of `--config`. Looked for before clap knows the defaults that the file holds; whatever is odd about it, clap
/// tells afterwards.
fn config_argument(arguments: impl Iterator<Item = OsString>) -> Option<OsString> {
    let mut arguments = arguments.take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            return arguments.next();
        }
        if let Some(value) = argument.to_str().and_then(|text| text.strip_prefix("--config=")) {
            return Some(value.into());
        }
    }
    None
}

impl Layers {
    pub(crate) fn of_process(files: &Files) -> Result<Self, SettingsFileError> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let known = known::by_variable(name.to_str()?)?;
            Some((known.variable.to_owned(), value.to_string_lossy().into_owned()))
        });
        Self::read(files, variables.collect())
    }

    fn read(files: &Files, variables: Map<String, String>) -> Result<Self, SettingsFileError> {
        let files = files.paths.iter().map(|path| SettingsFile::read(path));
        let files = files.collect::<Result<Vec<_>, _>>()?;
        let mut layers = Config::builder();
        for file in files.iter().rev() {
            layers = layers.add_source(file.clone());
        }
        let layers = layers.add_source(Environment::with_prefix(PREFIX).source(Some(variables)));
        let merged = layers.build().and_then(|merged| merged.collect()).map_err(|error| {
            // Texts alone come here, under names that are known: nothing of it can clash.
            SettingsFileError::NoToml { path: PathBuf::from(FILE), reason: error.to_string() }
        })?;
        let mut found = BTreeMap::new();
        for known in &KNOWN {
            let Some(value) = merged.get(known.key) else { continue };
            let origin = match value.origin() {
                None | Some(OF_ENVIRONMENT) => Origin::Variable(known.variable),
                Some(path) => Origin::File(PathBuf::from(path)),
            };
            found.insert(known.key, Found { value: value.to_string(), origin });
        }
        Ok(Self { found, files })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Found> {
        self.found.get(key)
    }

    /// What the files say and the environment does not, by the names that the environment has for it.
    pub(crate) fn of_files(&self) -> impl Iterator<Item = (&'static str, &Found)> {
        KNOWN.iter().filter_map(|known| {
            let found = self.found.get(known.key)?;
            matches!(found.origin, Origin::File(_)).then_some((known.variable, found))
        })
    }

    /// The command line with the files' values for defaults, wherever an option reads the environment too: clap itself has the
    /// order then.
    pub(crate) fn defaults_of(&self, command: Command) -> Command {
        let command = command.mut_args(|argument| {
            let variable = argument.get_env().and_then(|name| name.to_str());
            match self.of_files().find(|(name, _)| Some(*name) == variable) {
                Some((_, found)) => argument.default_value(found.value.clone()).required(false),
                None => argument,
            }
        });
        command.mut_subcommands(|below| self.defaults_of(below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_layer_has_its_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let (here, own) = (folder.path().join("here.toml"), folder.path().join("own.toml"));
        std::fs::write(&here, "lake = \"here\"\nbrokers = \"here:1\"\nmemory_bytes = 67108864")
            .expect("written");
        std::fs::write(&own, "lake = \"own\"\nbrokers = \"own:1\"\ngeneration = \"g7\"").expect("written");
        let files = Files { named: None, paths: vec![here.clone(), own.clone()] };
        let variables = Map::from([("MILLRACE_LAKE".to_owned(), "env".to_owned())]);
        let layers = Layers::read(&files, variables).expect("settings");
        let found = |key| layers.get(key).map(|found| (found.value.as_str(), found.origin.clone()));
        assert_eq!(found("lake"), Some(("env", Origin::Variable("MILLRACE_LAKE"))));
        assert_eq!(found("brokers"), Some(("here:1", Origin::File(here.clone()))));
        assert_eq!(found("memory_bytes"), Some(("67108864", Origin::File(here))));
        assert_eq!(found("generation"), Some(("g7", Origin::File(own))));
        assert_eq!(found("log"), None);
        let names: Vec<_> = layers.of_files().map(|(name, _)| name).collect();
        assert_eq!(names, ["MILLRACE_BROKERS", "MILLRACE_GENERATION", "MILLRACE_MEMORY_BYTES"]);
    }

    #[test]
    fn a_file_is_named_on_the_command_line_first() {
        let named = |arguments: &[&str], variable: Option<&str>| {
            let variable = variable.map(OsString::from);
            let files = Files::find(arguments.iter().map(OsString::from), |name| {
                variable.clone().filter(|_| name == CONFIG)
            });
            files.named.map(|found| (found.value, found.origin))
        };
        let by_argument = Some(("a".to_owned(), Origin::CommandLine));
        assert_eq!(named(&["tables", "--config", "a"], Some("b")), by_argument);
        assert_eq!(named(&["--config=a", "tables"], None), by_argument);
        assert_eq!(named(&["tables"], Some("b")), Some(("b".to_owned(), Origin::Variable(CONFIG))));
        assert_eq!(named(&["erase", "--", "--config", "a"], None), None);
        assert_eq!(named(&["tables"], Some("")), None);
    }
}
