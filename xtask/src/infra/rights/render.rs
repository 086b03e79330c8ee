//! What Terraform would make, with every ARN known and without an account: `terraform test` plans against a mock of the provider.
//!
//! A mock gives all resources of a type the same ARN, and a plan knows none. So each root is planned twice: the first look tells
//! which resources there are and how they are called, and the second has the ARN that AWS would give each.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::arns;
use super::settings::{Root, Settings};
use crate::infra::terraform::Terraform;

/// Where the test is written, below its root; no folder that `terraform test` looks into by itself.
const FOLDER: &str = "rights";
const FILE: &str = "rights.tftest.json";

/// A root as its settings make it.
#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) settings: &'static str,
    pub(super) resources: Vec<Resource>,
}

/// A resource that would be made.
#[derive(Debug, Deserialize)]
pub(super) struct Resource {
    pub(super) address: String,
    mode: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    change: Change,
}

#[derive(Debug, Deserialize)]
struct Change {
    after: Value,
    after_unknown: Value,
}

impl Resource {
    #[cfg(test)]
    pub(super) fn new(kind: &str, address: &str, after: Value) -> Self {
        let change = Change { after, after_unknown: json!({}) };
        Self { address: address.to_owned(), mode: "managed".to_owned(), kind: kind.to_owned(), change }
    }

    pub(super) fn values(&self) -> &Value {
        &self.change.after
    }

    /// An attribute's text; an error where it is not known.
    pub(super) fn text(&self, attribute: &str) -> anyhow::Result<&str> {
        let is_unknown = self.change.after_unknown[attribute] == true;
        let text = self.change.after[attribute].as_str();
        text.filter(|_| !is_unknown).with_context(|| {
            let why = if is_unknown { "is known only after an apply" } else { "is no text" };
            format!(
                "{}: {attribute} {why}, so it was not rendered; tell the ARN of what it names in \
                 xtask/src/infra/rights/arns.rs, or have xtask/src/infra/rights/settings.rs make it",
                self.address
            )
        })
    }
}

/// Lines of `terraform test -json`, as far as they matter; the plan is beside ten megabytes of the provider's schema.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(rename = "@testrun")]
    run: Option<String>,
    test_plan: Option<Plan>,
    diagnostic: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Plan {
    resource_changes: Vec<Resource>,
}

/// What these settings of a root make. `infra` is a copy that has been set up by `terraform init`.
pub(super) fn render(
    terraform: &Terraform,
    infra: &Path,
    root: Root,
    settings: &[&Settings],
) -> anyhow::Result<Vec<Rendered>> {
    let scouts: Vec<_> = settings.iter().copied().filter(|it| it.scout).collect();
    let first = plans(terraform, infra, root, &scouts, &BTreeMap::new())?;
    let overrides: BTreeMap<String, Value> = first
        .iter()
        .flat_map(|rendered| &rendered.resources)
        .filter_map(|resource| {
            Some((
                resource.address.clone(),
                arns::known(&resource.kind, &resource.address, resource.values())?,
            ))
        })
        .collect();
    let rendered = plans(terraform, infra, root, settings, &overrides)?;
    for (settings, resource) in
        rendered.iter().flat_map(|it| it.resources.iter().map(|resource| (it.settings, resource)))
    {
        let is_known = arns::known(&resource.kind, &resource.address, resource.values()).is_some();
        ensure!(
            !is_known || overrides.contains_key(&resource.address),
            "{} is made with the settings {settings} and with no scout, so its ARN is not known: make one of \
             these a scout in xtask/src/infra/rights/settings.rs",
            resource.address
        );
    }
    Ok(rendered)
}

fn plans(
    terraform: &Terraform,
    infra: &Path,
    root: Root,
    settings: &[&Settings],
    overrides: &BTreeMap<String, Value>,
) -> anyhow::Result<Vec<Rendered>> {
    let folder = infra.join(root.folder());
    let test = test(root, settings, overrides);
    std::fs::create_dir_all(folder.join(FOLDER))?;
    std::fs::write(folder.join(FOLDER).join(FILE), serde_json::to_vec(&test)?)?;
    let directory = format!("-test-directory={FOLDER}");
    let mut command = terraform.command(&folder, root.folder(), &["test", "-json", "-verbose", &directory]);
    let mut running = command.stdout(Stdio::piped()).spawn().context("could not start terraform test")?;
    let told = running.stdout.take().context("terraform test has no output")?;
    let rendered = read(BufReader::new(told));
    // An error in what it told must not leave it running.
    if rendered.is_err() {
        let _ = running.kill();
    }
    running.wait()?;
    let mut rendered = rendered.with_context(|| format!("terraform test in infra/{}", root.folder()))?;
    settings
        .iter()
        .map(|settings| {
            let resources = rendered.remove(settings.name);
            let resources = resources.with_context(|| format!("{} were not planned", settings.name))?;
            Ok(Rendered { settings: settings.name, resources })
        })
        .collect()
}

/// The test, as Terraform reads it: a run for each settings.
fn test(root: Root, settings: &[&Settings], overrides: &BTreeMap<String, Value>) -> Value {
    let run = |settings: &&Settings| json!({ settings.name: { "command": "plan", "variables": settings.variables } });
    let known = |(target, values): (&String, &Value)| json!({ "target": target, "override_during": "plan", "values": values });
    json!({
        // What AWS would tell of account, region and partition.
        "mock_provider": { "aws": { "source": "../platform/tests/mocks", "override_during": "plan" } },
        "variables": root.variables(),
        "override_resource": overrides.iter().map(known).collect::<Vec<_>>(),
        "run": settings.iter().map(run).collect::<Vec<_>>(),
    })
}

/// The resources of each run, by its name.
fn read(told: impl BufRead) -> anyhow::Result<BTreeMap<String, Vec<Resource>>> {
    let mut rendered = BTreeMap::new();
    for line in told.lines() {
        let line = line?;
        let Ok(line) = serde_json::from_str::<Line>(&line) else { continue };
        if let Some(diagnostic) = line.diagnostic.filter(|it| it["severity"] == "error") {
            let told = [&diagnostic["summary"], &diagnostic["detail"], &diagnostic["address"]]
                .map(|it| it.as_str().unwrap_or_default());
            let run = line.run.unwrap_or_default();
            anyhow::bail!("the settings {run} cannot be planned: {}", told.join(" ").trim());
        }
        if let (Some(run), Some(plan)) = (line.run, line.test_plan) {
            let made =
                plan.resource_changes.into_iter().filter(|it| it.mode == "managed").collect::<Vec<_>>();
            ensure!(!made.is_empty(), "the settings {run} make nothing");
            rendered.insert(run, made);
        }
    }
    Ok(rendered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_by_their_run() {
        let plan = json!({ "resource_changes": [
            { "address": "aws_sqs_queue.a", "mode": "managed", "type": "aws_sqs_queue", "change": { "after": { "policy": "{}" }, "after_unknown": { "arn": true } } },
            { "address": "data.aws_region.a", "mode": "data", "type": "aws_region", "change": { "after": {}, "after_unknown": {} } },
        ] });
        let told = format!(
            "no json\n{}\n{}\n",
            json!({ "type": "version" }),
            json!({ "@testrun": "one", "test_plan": plan })
        );
        let rendered = read(told.as_bytes()).unwrap();
        let [queue] = rendered["one"].as_slice() else { panic!("{rendered:?}") };
        assert_eq!(queue.text("policy").unwrap(), "{}");
        let error = queue.text("arn").unwrap_err().to_string();
        assert!(error.contains("aws_sqs_queue.a: arn is known only after an apply"), "{error}");
    }

    #[test]
    fn an_error_tells_the_settings() {
        let diagnostic = json!({ "severity": "error", "summary": "Invalid index", "detail": "no such key", "address": "aws_vpc.a" });
        let told = json!({ "@testrun": "one", "diagnostic": diagnostic }).to_string();
        let error = read(told.as_bytes()).unwrap_err().to_string();
        assert_eq!(error, "the settings one cannot be planned: Invalid index no such key aws_vpc.a");
    }

    #[test]
    fn what_is_known_is_known_in_the_plan() {
        let settings = super::super::settings::all();
        let overrides = BTreeMap::from([("aws_sqs_queue.a".to_owned(), json!({ "arn": "x" }))]);
        let test = test(Root::Platform, &[&settings[0]], &overrides);
        assert_eq!(
            test["override_resource"],
            json!([{ "target": "aws_sqs_queue.a", "override_during": "plan", "values": { "arn": "x" } }])
        );
        assert_eq!(test["run"][0][settings[0].name]["command"], "plan");
    }
}
