//! Versions and the alias `live`: tried before it moves, moved, and moved back.
//!
//! Terraform publishes a version with each change and leaves the alias where it is. What invokes a function invokes the alias, so that
//! nobody meets a version before it has answered here.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::aws::Aws;
use crate::commands::output;
use crate::infra::terraform::Terraform;
use crate::workspace;

#[derive(clap::Args)]
pub(crate) struct ReleaseArguments {
    /// The folder of infra/envs that was applied
    #[arg(long)]
    env: String,
    /// Where the versions before and after are written down
    #[arg(long)]
    record: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(crate) struct RollbackArguments {
    /// The folder of infra/envs
    #[arg(long)]
    env: String,
    /// The function or job, such as land-events; all of them unless named
    #[arg(long)]
    function: Option<String>,
    /// The version to go back to; the one before the last release unless named
    #[arg(long, requires = "function")]
    to: Option<String>,
}

#[derive(clap::Args)]
pub(crate) struct SmokeArguments {
    /// The folder of infra/envs that was applied
    #[arg(long)]
    env: String,
    /// Try the versions that were applied last instead of what is live
    #[arg(long)]
    candidate: bool,
}

pub(crate) fn release(arguments: &ReleaseArguments) -> anyhow::Result<bool> {
    let record = arguments.record.clone().unwrap_or_else(|| workspace::scratch().join("released.json"));
    let moved = forward(&Aws::of_environment()?, &platform(&arguments.env)?, &record)?;
    println!("{moved} aliases are live; {} tells from where", record.display());
    Ok(true)
}

pub(crate) fn rollback(arguments: &RollbackArguments) -> anyhow::Result<bool> {
    let aws = Aws::of_environment()?;
    let name = |function: &str| format!("millrace-{}-{function}", arguments.env);
    let functions = match &arguments.function {
        Some(function) => vec![function.as_str()],
        None => FUNCTIONS.to_vec(),
    };
    for function in functions {
        back(&aws, &name(function), arguments.to.as_deref())?;
    }
    Ok(true)
}

/// Everything that has an alias.
const FUNCTIONS: [&str; 6] = [
    "fetch-users",
    "land-events",
    "replay-dead-letters",
    "raw-transformation",
    "analytics-aggregation",
    "time-series-analysis",
];

/// What is invoked to see that a version answers: it changes nothing. fetch-users would fetch, and a job publish.
const HARMLESS: [(&str, &str); 2] = [
    ("land-events", r#"{"eventSource": "aws:kafka", "records": {}}"#),
    ("replay-dead-letters", r#"{"topic": "users_created", "dry_run": true, "cap": 1}"#),
];

pub(crate) fn smoke(arguments: &SmokeArguments) -> anyhow::Result<bool> {
    // Nothing was tried without an account: that is a failure, since a workflow moves the aliases after a success.
    let aws = Aws::of_environment().context("nothing was tried")?;
    let caller = aws.caller().context("nothing was tried")?;
    println!("as {caller}");
    let platform = platform(&arguments.env)?;
    for (function, event) in HARMLESS {
        let told = &platform["functions"][function];
        let name = told["function_name"].as_str().with_context(|| format!("there is no {function}"))?;
        let qualifier = if arguments.candidate { text(&told["version"]) } else { "live".to_owned() };
        let answer = aws.invoke(&format!("{name}:{qualifier}"), event)?;
        ensure!(
            answer.get("errorMessage").is_none(),
            "{function} ({qualifier}) answers an error; the alias is where it was: {answer}"
        );
        println!("ok: {function} ({qualifier}) answers");
    }
    Ok(true)
}

/// What Terraform tells of an environment that was set up and applied here.
fn platform(env: &str) -> anyhow::Result<Value> {
    let root = workspace::root().join("infra/envs").join(env);
    ensure!(root.is_dir(), "there is no environment {env} in infra/envs");
    let terraform = Terraform::new(&root.join(".terraform"));
    let mut asked = terraform.command(&root, "", &["output", "-json", "platform"]);
    // A person's own init is Terraform's usual one.
    asked.env_remove("TF_DATA_DIR");
    let told = output(&mut asked).context("terraform init and apply come first")?;
    Ok(serde_json::from_str(&told)?)
}

/// Moves every alias to the version that was applied; answers how many there are. The versions before are kept in `record`,
/// and in each alias's description, for [`back`].
pub(crate) fn forward(aws: &Aws, platform: &Value, record: &Path) -> anyhow::Result<usize> {
    let functions = platform["functions"].as_object().context("terraform tells of no functions")?;
    let mut released = serde_json::Map::new();
    for (function, told) in functions {
        let name = told["function_name"].as_str().with_context(|| format!("{function} has no name"))?;
        let wanted = text(&told["version"]);
        let alias = aws.ask(&["lambda", "get-alias", "--function-name", name, "--name", "live"])?;
        let before = text(&alias["FunctionVersion"]);
        if before != wanted {
            point(aws, name, &wanted, &before)?;
        }
        println!("{function}: version {before} → {wanted}");
        released.insert(function.clone(), serde_json::json!({ "before": before, "live": wanted }));
    }
    std::fs::write(record, serde_json::to_string_pretty(&released)?)
        .with_context(|| format!("could not write {}", record.display()))?;
    Ok(functions.len())
}

/// Moves an alias back: to `version`, or to the one before it.
pub(crate) fn back(aws: &Aws, name: &str, version: Option<&str>) -> anyhow::Result<()> {
    let alias = aws.ask(&["lambda", "get-alias", "--function-name", name, "--name", "live"])?;
    let live = text(&alias["FunctionVersion"]);
    let wanted = match (version, before(alias["Description"].as_str().unwrap_or_default())) {
        (Some(version), _) => version.to_owned(),
        (None, Some(before)) => before.to_owned(),
        (None, None) => bail!("{name} was never released twice; name the version: --to VERSION"),
    };
    point(aws, name, &wanted, &live)?;
    println!("{name}: version {live} → {wanted}");
    Ok(())
}

fn point(aws: &Aws, name: &str, version: &str, before: &str) -> anyhow::Result<()> {
    let description = format!("{BEFORE}{before}");
    let arguments = [
        "lambda",
        "update-alias",
        "--function-name",
        name,
        "--name",
        "live",
        "--function-version",
        version,
        "--description",
        &description,
    ];
    aws.ask(&arguments).map(drop)
}

/// Begins an alias's description; the version follows.
const BEFORE: &str = "The version that works; before it: ";

fn before(description: &str) -> Option<&str> {
    description.strip_prefix(BEFORE).filter(|version| version.parse::<u64>().is_ok())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_before_is_read_of_the_description() {
        assert_eq!(before("The version that works; before it: 12"), Some("12"));
        assert_eq!(before("The version that works"), None);
        assert_eq!(before("The version that works; before it: $LATEST"), None);
    }

    #[test]
    fn harmless_events_are_json_of_functions_that_there_are() {
        for (function, event) in HARMLESS {
            assert!(serde_json::from_str::<Value>(event).is_ok() && FUNCTIONS.contains(&function));
        }
    }
}
