//! The local servers of a person: started, told of, stopped. See localstack/README.md.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::servers::kept::{self, Kept};
use crate::servers::{Kind, snowflake};
use crate::workspace;

#[derive(clap::Args)]
pub(crate) struct UpArguments {
    /// Which ones; all of them unless named
    servers: Vec<Kind>,
}

#[derive(clap::Args)]
pub(crate) struct DownArguments {
    /// Which ones; all of them unless named
    servers: Vec<Kind>,
}

/// Starts what does not run yet; `false`: a server that was asked for by name cannot be had.
pub(crate) fn up(arguments: &UpArguments) -> anyhow::Result<bool> {
    let up = place()?;
    let _alone = alone(&up)?;
    let mut all_run = true;
    for kind in chosen(&arguments.servers) {
        if Kept::find(&up, kind).is_some() {
            continue;
        }
        let started = match kind.missing() {
            Some(why) => Err(anyhow::anyhow!(why)),
            None => {
                kept::clear(&up, kind)?;
                eprintln!("starting {}", kind.name());
                kind.start(&kept::folder(&up, kind)).and_then(|started| Kept::keep(&up, kind, started))
            }
        };
        if let Err(error) = started {
            // One that nobody named is an offer; one that was named is a task.
            all_run &= arguments.servers.is_empty();
            println!("skipped: {}: {error:#}", kind.name());
        }
        // After each, so that an interruption leaves what runs written down.
        write_environments(&up)?;
    }
    tell(&up)?;
    Ok(all_run)
}

pub(crate) fn down(arguments: &DownArguments) -> anyhow::Result<bool> {
    let up = place()?;
    let _alone = alone(&up)?;
    for kind in chosen(&arguments.servers) {
        match Kept::find(&up, kind) {
            Some(kept) => {
                kept.stop(&up, kind)?;
                println!("{} is stopped", kind.name());
            }
            None => kept::clear(&up, kind)?,
        }
    }
    write_environments(&up)?;
    Ok(true)
}

pub(crate) fn status() -> anyhow::Result<bool> {
    tell(&place()?)?;
    Ok(true)
}

/// Where the servers write, and are written down.
fn place() -> anyhow::Result<PathBuf> {
    let up = workspace::scratch().join("up");
    std::fs::create_dir_all(&up).with_context(|| format!("could not create {}", up.display()))?;
    Ok(up)
}

/// Two at once would start a server twice and know of one.
fn alone(up: &Path) -> anyhow::Result<File> {
    let lock = File::create(up.join("lock"))?;
    lock.lock().with_context(|| format!("could not lock {}", up.display()))?;
    Ok(lock)
}

fn chosen(named: &[Kind]) -> Vec<Kind> {
    Kind::ALL.into_iter().filter(|kind| named.is_empty() || named.contains(kind)).collect()
}

fn running(up: &Path) -> Vec<(Kind, Kept)> {
    Kind::ALL.into_iter().filter_map(|kind| Some((kind, Kept::find(up, kind)?))).collect()
}

/// The file whose lines a shell takes over: the tests' names and the program's own.
const SETTINGS: &str = "env";
/// The same for the program, with Kafka by SASL_SSL.
const SECURED: &str = "env-sasl-ssl";

fn write_environments(up: &Path) -> anyhow::Result<()> {
    let running = running(up);
    for (name, secured) in [(SETTINGS, false), (SECURED, true)] {
        let path = up.join(name);
        std::fs::write(&path, environment(&running, secured))
            .with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

fn environment(running: &[(Kind, Kept)], secured: bool) -> String {
    let mut text = String::new();
    let mut export = |name: &str, value: &str| {
        let _ = writeln!(text, "export {name}='{}'", value.replace('\'', "'\\''"));
    };
    for (kind, kept) in running {
        for (name, value) in &kept.variables {
            export(name, value);
        }
        let of =
            |wanted: &str| kept.variables.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        for (name, value) in kind.settings(secured) {
            match value {
                Value::Of(variable) => of(variable).into_iter().for_each(|value| export(name, value)),
                Value::Fixed(value) => export(name, value),
            }
        }
    }
    text
}

/// Where the value of a setting comes from.
enum Value {
    /// The variable by which tests know it.
    Of(&'static str),
    Fixed(&'static str),
}

impl Kind {
    /// The settings by which Millrace itself, and AWS's own tools, find this server.
    fn settings(self, secured: bool) -> Vec<(&'static str, Value)> {
        match (self, secured) {
            (Self::Kafka, false) => vec![("MILLRACE_BROKERS", Value::Of("MILLRACE_TEST_KAFKA"))],
            (Self::Kafka, true) => vec![
                ("MILLRACE_BROKERS", Value::Of("MILLRACE_TEST_KAFKA_TLS")),
                ("MILLRACE_KAFKA_SECURITY", Value::Fixed("scram")),
                ("MILLRACE_KAFKA_USER", Value::Of("MILLRACE_TEST_KAFKA_USER")),
                ("MILLRACE_KAFKA_PASSWORD", Value::Of("MILLRACE_TEST_KAFKA_PASSWORD")),
                ("MILLRACE_KAFKA_CA", Value::Of("MILLRACE_TEST_KAFKA_CA")),
            ],
            // Neither checks who asks, and AWS's clients ask for nothing without a key and a region.
            (Self::Localstack, _) => vec![
                ("AWS_ENDPOINT_URL", Value::Of("MILLRACE_TEST_LOCALSTACK")),
                ("AWS_ACCESS_KEY_ID", Value::Fixed("test")),
                ("AWS_SECRET_ACCESS_KEY", Value::Fixed("test")),
                ("AWS_REGION", Value::Fixed("us-east-1")),
            ],
            (Self::Ministack, _) => vec![
                ("AWS_ENDPOINT_URL_LAMBDA", Value::Of("MILLRACE_TEST_MINISTACK")),
                ("AWS_ENDPOINT_URL_GLUE", Value::Of("MILLRACE_TEST_MINISTACK")),
                ("AWS_ACCESS_KEY_ID", Value::Fixed("test")),
                ("AWS_SECRET_ACCESS_KEY", Value::Fixed("test")),
                ("AWS_REGION", Value::Fixed("us-east-1")),
            ],
            (Self::Registry, _) => vec![("MILLRACE_REGISTRY_URL", Value::Of("MILLRACE_TEST_REGISTRY_URL"))],
            (Self::Snowflake, _) => vec![
                ("SNOWFLAKE_HOST", Value::Of("MILLRACE_TEST_SNOWFLAKE")),
                ("SNOWFLAKE_PRIVATE_KEY_PATH", Value::Of("MILLRACE_TEST_SNOWFLAKE_KEY")),
                ("SNOWFLAKE_ACCOUNT", Value::Fixed(snowflake::ACCOUNT)),
                ("SNOWFLAKE_USER", Value::Fixed(snowflake::USER)),
            ],
        }
    }
}

fn tell(up: &Path) -> anyhow::Result<()> {
    let running = running(up);
    let mut out = std::io::stdout().lock();
    let told = (|| {
        for kind in Kind::ALL {
            match running.iter().find(|(running, _)| *running == kind) {
                Some((_, kept)) => {
                    let ports: Vec<_> = kept.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
                    writeln!(
                        out,
                        "{:<11} runs as process {} on {}",
                        kind.name(),
                        kept.pid(),
                        ports.join(", ")
                    )?;
                }
                None => writeln!(out, "{:<11} does not run", kind.name())?,
            }
        }
        if !running.is_empty() {
            writeln!(out, "\nTheir settings for a shell:        . {}", up.join(SETTINGS).display())?;
            writeln!(out, "With Kafka by SASL_SSL and SCRAM:  . {}\n", up.join(SECURED).display())?;
            write!(out, "{}", environment(&running, false))?;
        }
        Ok(())
    })();
    match told {
        // Its reader has left, as `| head` does.
        Err(error) if std::io::Error::kind(&error) == std::io::ErrorKind::BrokenPipe => Ok(()),
        told => Ok(told?),
    }
}
