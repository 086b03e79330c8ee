//! Settings beside the command line: `millrace.toml`, the environment, and `millrace settings`, which shows what counts.

mod known;
mod layers;
mod said;
mod settings_file;

use std::io::Write;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use serde_json::json;

use self::known::{KNOWN, Known};
pub(crate) use self::layers::{CONFIG, Files, Layers};
use self::layers::{Found, Origin};
pub(crate) use self::said::said;
use crate::output;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace settings
  millrace settings --json
  millrace settings --config prod.toml

A millrace.toml holds settings by these names:
  lake = \"s3://lake/dev\"
  brokers = \"localhost:9092\"

The order: an option of the command line, the environment (MILLRACE_LAKE and so
on), millrace.toml in the working directory or the file that --config names,
~/.config/millrace/millrace.toml, the default. A path in a file is relative to
the working directory.";

/// Arguments of `millrace settings`.
#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What main has read.
#[derive(Debug)]
struct Process {
    files: Files,
    layers: Layers,
}

static PROCESS: OnceLock<Process> = OnceLock::new();

/// Said once by main, before any command runs.
pub(crate) fn install(files: Files, layers: Layers) {
    // Nobody else says it.
    let _ = PROCESS.set(Process { files, layers });
}

fn layers() -> Option<&'static Layers> {
    PROCESS.get().map(|process| &process.layers)
}

/// What is not for clap: logs that main has set up may tell it now.
pub(crate) fn tell_of_files() {
    for file in layers().into_iter().flat_map(|layers| &layers.files) {
        let path = file.path.display();
        tracing::info!(%path, "settings");
        if file.exposes_a_secret() {
            tracing::warn!("{path} holds a password, and others may read it: chmod 600 {path}");
        }
    }
}

/// A variable of the environment, or what a file says in its place.
pub(crate) fn variable(name: &str) -> Option<String> {
    if let Some(value) = std::env::var_os(name) {
        return Some(value.to_string_lossy().into_owned());
    }
    let mut of_files = layers()?.of_files();
    of_files.find(|(variable, _)| *variable == name).map(|(_, found)| found.value.clone())
}

#[cfg(test)]
pub(crate) fn is_known(variable: &str) -> bool {
    known::by_variable(variable).is_some()
}

/// All variables that begin with `prefix`, those that nobody knows too, with what files say in the place of others.
pub(crate) fn variables(prefix: &str) -> Vec<(String, String)> {
    let set = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let set = set.map(|(name, value)| (name, value.to_string_lossy().into_owned()));
    let of_files = layers().into_iter().flat_map(Layers::of_files);
    let of_files = of_files.map(|(name, found)| (name.to_owned(), found.value.clone()));
    set.chain(of_files).filter(|(name, _)| name.starts_with(prefix)).collect()
}

/// For an error that speaks of the environment: which of the variables of this prefix a file has set, and which file.
pub(crate) fn files_that_say(prefix: &str) -> Option<String> {
    let of_files = layers()?.of_files().filter(|(name, _)| name.starts_with(prefix));
    let places = of_files.filter_map(|(name, found)| match &found.origin {
        Origin::File(path) => Some(format!("{name} is set in {}", path.display())),
        _ => None,
    });
    let places: Vec<_> = places.collect();
    (!places.is_empty()).then(|| places.join(", "))
}

pub(crate) fn settings(args: &SettingsArgs) -> anyhow::Result<ExitCode> {
    let mut out = output::out();
    let named = PROCESS.get().and_then(|process| process.files.named.clone());
    let rows = KNOWN.iter().map(|known| (known.key, known.variable, shown(known, layers())));
    let rows: Vec<_> =
        std::iter::once(("config", CONFIG, named.map_or(NOT_SET, Shown::from))).chain(rows).collect();
    let files: Vec<_> =
        layers().into_iter().flat_map(|layers| &layers.files).map(|file| &file.path).collect();
    if args.json {
        let settings = rows.iter().map(|(name, variable, shown)| {
            json!({ "name": name, "variable": variable, "value": shown.value, "source": shown.source(),
                    "file": match &shown.origin { Origin::File(path) => Some(path), _ => None } })
        });
        writeln!(out, "{}", json!({ "settings": settings.collect::<Vec<_>>(), "files": files }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(["setting", "value", "source"]);
    for (name, _, shown) in &rows {
        let value = shown.value.as_deref().unwrap_or("–").to_owned();
        let place = match &shown.origin {
            Origin::Variable(name) => (*name).to_owned(),
            Origin::File(path) => path.display().to_string(),
            Origin::CommandLine | Origin::Default => shown.source().to_owned(),
        };
        table.add_row([(*name).to_owned(), value, place]);
    }
    writeln!(out, "{table}")?;
    let read: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
    match read.is_empty() {
        true => writeln!(out, "no file of settings was found")?,
        false => writeln!(out, "files, the nearest first: {}", read.join(", "))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A setting as a person may see it.
#[derive(Debug)]
struct Shown {
    value: Option<String>,
    origin: Origin,
}

const NOT_SET: Shown = Shown { value: None, origin: Origin::Default };

impl From<Found> for Shown {
    fn from(found: Found) -> Self {
        Self { value: Some(found.value), origin: found.origin }
    }
}

impl Shown {
    fn source(&self) -> &'static str {
        match self.origin {
            Origin::CommandLine => "command line",
            Origin::Variable(_) => "environment",
            Origin::File(_) => "file",
            Origin::Default => "default",
        }
    }
}

fn shown(known: &Known, layers: Option<&Layers>) -> Shown {
    let Some(found) = layers.and_then(|layers| layers.get(known.key)) else {
        return Shown { value: known.default.map(str::to_owned), origin: Origin::Default };
    };
    let value = if known.is_secret { "(hidden)".to_owned() } else { without_login(&found.value) };
    Shown { value: Some(value), origin: found.origin.clone() }
}

/// A URL without the login that somebody may have put before its host.
fn without_login(text: &str) -> String {
    match text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, rest)) => format!("{scheme}://(hidden)@{rest}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_in_a_url_is_hidden() {
        assert_eq!(without_login("http://a:b@c:1/d"), "http://(hidden)@c:1/d");
        for plain in ["http://c:1", "a@b", "s3://lake/dev", "PLAINTEXT://a:1"] {
            assert_eq!(without_login(plain), plain);
        }
    }
}
