//! `millrace validate`: whether all is there for a first deployment.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use async_trait::async_trait;
use clap::Args;
use millrace_events::event_catalogue;
use millrace_snowflake::{Connection, Environment, Session, Settings, Values};
use millrace_stream::topics::Topics;
use millrace_validate::{Cloud, LocalMachine, Machine, Scope, Setting, Trouble, validate as validated};

use crate::broker_args::client;
use crate::lake::LakeAddress;
use crate::{output, settings};

pub(crate) const EXAMPLES: &str = "\
Examples:
  From the repository's root, for every environment of infra/envs:
  millrace validate
  millrace validate --env prod --json
  Without asking anybody beyond this machine:
  millrace validate --offline

Each line is ok, missing (with what to do) or skipped (with why). Nothing is
changed anywhere. It looks at settings and variables (secrets are hidden),
files, programs, the lake, the brokers, Snowflake, GitHub's secrets and the
rules of GitHub's environment. AWS is asked whether the deploy role has all
rights that a deployment takes, each on the resources of the environment; before
there is such a role, whether the caller has them. That takes some forty calls
and the right iam:SimulatePrincipalPolicy.

Exit codes: 0 nothing is missing, 1 something is, 2 wrong usage";

/// Arguments of `millrace validate`.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The environment that is to be deployed [default: MILLRACE_ENVIRONMENT, or else all of infra/envs but local]
    #[arg(long = "env", value_name = "NAME")]
    environment: Option<String>,
    /// The repository's root
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// Ask neither AWS nor Kafka, Snowflake or GitHub
    #[arg(long)]
    offline: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn validate(args: &ValidateArgs) -> anyhow::Result<ExitCode> {
    let scope = Scope { environment: args.environment.clone(), offline: args.offline };
    let machine = ThisMachine(LocalMachine::new(&args.root));
    // One login at Snowflake is looked at: that of the first environment.
    let environment = scope.environments(&machine).swap_remove(0);
    let services = Services { scripts: args.root.join("sql"), environment };
    if !args.offline {
        output::remark("asking AWS, the lake, the brokers, Snowflake and GitHub");
    }
    let report = validated(&machine, &services, &scope).await;
    let mut out = output::out();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        for line in report.lines() {
            writeln!(out, "{line}")?;
        }
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The machine, with what its files of settings say.
#[derive(Debug)]
struct ThisMachine(LocalMachine);

impl Machine for ThisMachine {
    fn variable(&self, name: &str) -> Option<String> {
        settings::variable(name).filter(|value| !value.is_empty())
    }

    fn file(&self, path: &str) -> Option<String> {
        self.0.file(path)
    }

    fn folders(&self, path: &str) -> Vec<String> {
        self.0.folders(path)
    }

    fn settings(&self) -> Vec<Setting> {
        settings::said()
    }

    fn output(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        self.0.output(program, arguments)
    }
}

/// The platform's own clients.
#[derive(Debug)]
struct Services {
    scripts: PathBuf,
    environment: String,
}

impl Services {
    /// Who was let in at Snowflake, and as what.
    async fn login(&self) -> anyhow::Result<String> {
        let settings = Settings::of_process()?;
        let values = Values { settings: Some(&settings), ..Values::default() };
        let settings = Environment::load(&self.scripts, &self.environment, values)?.session(&settings)?;
        Connection::open(&settings).await?.run("SELECT CURRENT_ROLE() AS role").await?;
        Ok(format!("{} is let in as {}", settings.user, settings.role.unwrap_or_default()))
    }
}

/// How long a lake is waited for: one that is not there is tried again and again by the client.
const PATIENCE: Duration = Duration::from_secs(20);

fn trouble(what: impl Into<String>, remedy: impl Into<String>) -> Trouble {
    Trouble { what: what.into(), remedy: remedy.into() }
}

/// An error and its causes.
fn told(error: impl Into<anyhow::Error>) -> String {
    crate::error_report::told(&error.into())
}

#[async_trait]
impl Cloud for Services {
    async fn lake(&self, address: &str) -> Result<String, Trouble> {
        const REMEDY: &str =
            "make the bucket (terraform apply), and see that this role may list it and the region is its own";
        let address: LakeAddress = address.parse().map_err(|why: String| trouble(why, REMEDY))?;
        let listed = async {
            // A folder of one job: enough to see that the answer is no refusal.
            address.open().await?.list("_runs/").await.map_err(anyhow::Error::from)
        };
        match tokio::time::timeout(PATIENCE, listed).await {
            Ok(Ok(runs)) => Ok(format!("{address} can be listed, {} runs", runs.len())),
            Ok(Err(error)) => Err(trouble(told(error), REMEDY)),
            Err(_) => {
                Err(trouble(format!("{address} did not answer within {} s", PATIENCE.as_secs()), REMEDY))
            }
        }
    }

    async fn broker(&self, brokers: &str) -> Result<String, Trouble> {
        const REMEDY: &str = "see that this machine may reach the cluster, and what MILLRACE_KAFKA_SECURITY and its settings say";
        let settings = client(brokers).map_err(|error| trouble(told(error), REMEDY))?;
        let asked = tokio::task::spawn_blocking(move || Topics::connect(&settings)?.all()).await;
        let topics = match asked {
            Ok(Ok(topics)) => topics,
            Ok(Err(error)) => return Err(trouble(told(error), REMEDY)),
            Err(_) => return Err(trouble("the client gave up", REMEDY)),
        };
        let missing: Vec<_> = event_catalogue::events()
            .iter()
            .map(|event| event.topic())
            .filter(|topic| !topics.contains_key(*topic))
            .collect();
        if missing.is_empty() {
            return Ok(format!("{brokers} answers and has the topics"));
        }
        Err(trouble(
            format!("{brokers} answers and lacks {}", missing.join(", ")),
            "`cargo xtask bootstrap` makes the topics",
        ))
    }

    async fn snowflake(&self) -> Result<String, Trouble> {
        const REMEDY: &str = "run sql/bootstrap.sql with the key's public half, and compare account, user and key (docs/snowflake.md)";
        self.login().await.map_err(|error| trouble(told(error), REMEDY))
    }
}
