//! What Terraform's provider calls of AWS, against what the roles that plan and deploy grant.
//!
//! infra/provider_calls.json says what was seen: the provider's own log of an apply, a plan and a destroy on the emulators. The log
//! names no resource, so actions alone are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::finding::{Finding, Kind};
use super::globs::alike;
use super::recorded::recorded;
use super::reference::Reference;
use super::roles::Holder;
use super::tables::{ON_EMULATORS, UNSHOWN};
use crate::workspace;

const FILE: &str = "infra/provider_calls.json";

/// What Terraform was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::infra) enum Phase {
    Apply,
    /// Of what is there already.
    Plan,
    Destroy,
}

impl Phase {
    pub(in crate::infra) const ALL: [Self; 3] = [Self::Apply, Self::Plan, Self::Destroy];

    pub(in crate::infra) fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Plan => "plan",
            Self::Destroy => "destroy",
        }
    }
}

/// Service and operation, such as `S3:HeadBucket`, by phase.
type Calls = BTreeMap<Phase, BTreeSet<String>>;

/// Holds the file to what the logs tell, or writes it.
pub(in crate::infra) fn hold(logs: &[(Phase, PathBuf)], update: bool) -> anyhow::Result<()> {
    let mut seen = Calls::new();
    for (phase, path) in logs {
        let log = std::fs::File::open(path).with_context(|| format!("could not open {}", path.display()))?;
        let calls = told(BufReader::new(log))?;
        ensure!(!calls.is_empty(), "the provider told of no call in {}", path.display());
        seen.insert(*phase, calls);
    }
    let path = workspace::root().join(FILE);
    if update {
        let text = format!("{}\n", serde_json::to_string_pretty(&seen)?);
        return std::fs::write(&path, text).with_context(|| format!("could not write {}", path.display()));
    }
    let kept: Calls = recorded(FILE)?;
    for phase in Phase::ALL {
        let of = |calls: &Calls| calls.get(&phase).cloned().unwrap_or_default();
        let (kept, seen) = (of(&kept), of(&seen));
        let new: Vec<_> = seen.difference(&kept).collect();
        let gone: Vec<_> = kept.difference(&seen).collect();
        ensure!(
            new.is_empty() && gone.is_empty(),
            "{} calls {new:?} and no more {gone:?}: cargo xtask infra apply-locally --update-calls writes {FILE}",
            phase.name()
        );
    }
    Ok(())
}

/// The calls of a log, which is text: an entry begins with its time, and a field with more than a line goes on below.
fn told(log: impl BufRead) -> anyhow::Result<BTreeSet<String>> {
    let mut calls = BTreeSet::new();
    let mut entry = String::new();
    for line in log.lines().chain(std::iter::once(Ok(BEGINS.to_owned()))) {
        // A body that is sent need not be text.
        let Ok(line) = line else { continue };
        if !line.contains(BEGINS) {
            entry.push(' ');
            entry.push_str(&line);
            continue;
        }
        if entry.contains("HTTP Request Sent")
            && let (Some(service), Some(operation)) =
                (field(&entry, "rpc.service="), field(&entry, "rpc.method="))
        {
            calls.insert(format!("{service}:{operation}"));
        }
        entry = line;
    }
    Ok(calls)
}

/// In the head of every entry, behind its time.
const BEGINS: &str = "Z [";

/// A field's value, in quotes where it has spaces.
fn field<'a>(entry: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = entry.split_once(name)?;
    match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => value.split_whitespace().next(),
    }
}

/// Operations whose action is called otherwise: docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html, read in
/// November 2026; Lambda's page of the Service Authorization Reference.
const OPERATIONS: [(&str, &str); 22] = [
    ("s3:HeadBucket", "s3:ListBucket"),
    ("s3:ListObjectsV2", "s3:ListBucket"),
    ("s3:ListObjectVersions", "s3:ListBucketVersions"),
    ("s3:HeadObject", "s3:GetObject"),
    ("s3:DeleteObjects", "s3:DeleteObject"),
    ("s3:GetBucketAccelerateConfiguration", "s3:GetAccelerateConfiguration"),
    ("s3:GetBucketCors", "s3:GetBucketCORS"),
    ("s3:GetBucketEncryption", "s3:GetEncryptionConfiguration"),
    ("s3:PutBucketEncryption", "s3:PutEncryptionConfiguration"),
    ("s3:DeleteBucketEncryption", "s3:PutEncryptionConfiguration"),
    ("s3:GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration"),
    ("s3:PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
    ("s3:DeleteBucketLifecycle", "s3:PutLifecycleConfiguration"),
    ("s3:GetBucketReplication", "s3:GetReplicationConfiguration"),
    ("s3:GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration"),
    ("s3:GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock"),
    ("s3:PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
    ("s3:DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
    ("s3:DeleteBucketOwnershipControls", "s3:PutBucketOwnershipControls"),
    ("s3:GetBucketNotificationConfiguration", "s3:GetBucketNotification"),
    ("s3:PutBucketNotificationConfiguration", "s3:PutBucketNotification"),
    ("lambda:Invoke", "lambda:InvokeFunction"),
];

/// Services whose actions begin otherwise than their small letters.
const SERVICES: [(&str, &str); 5] = [
    ("CloudWatch Logs", "logs"),
    ("EventBridge", "events"),
    ("SFN", "states"),
    ("Secrets Manager", "secretsmanager"),
    ("Resource Groups Tagging API", "tag"),
];

/// Whoever is logged in may ask who that is.
const FREE: &str = "sts:GetCallerIdentity";

/// The action that IAM asks about; `None` where it asks about none.
fn action(reference: &Reference, call: &str) -> anyhow::Result<Option<String>> {
    let (service, operation) = call.split_once(':').with_context(|| format!("{call} names no service"))?;
    let prefix = SERVICES.iter().find(|(name, _)| *name == service).map(|(_, prefix)| (*prefix).to_owned());
    let plain = format!("{}:{operation}", prefix.unwrap_or_else(|| service.to_lowercase()));
    let action =
        OPERATIONS.iter().find(|(name, _)| *name == plain).map_or(plain.as_str(), |(_, action)| *action);
    if action == FREE || ON_EMULATORS.iter().any(|(name, _)| *name == action) {
        return Ok(None);
    }
    ensure!(
        !reference.actions(action).is_empty(),
        "AWS knows no action {action}: say in OPERATIONS or SERVICES of xtask/src/infra/rights/provider.rs what {call} is called"
    );
    Ok(Some(action.to_owned()))
}

/// Calls that a role does not grant, and what it grants that no call was seen of and no table tells. The actions of UNSHOWN that excuse
/// something are added to `excused`.
pub(super) fn findings(
    reference: &Reference,
    holders: &[Holder],
    excused: &mut BTreeSet<&'static str>,
) -> anyhow::Result<Vec<Finding>> {
    let calls: Calls = recorded(FILE)?;
    let mut found = Vec::new();
    for (roles, phases) in [("github-*-plan", &[Phase::Plan][..]), ("github-*-deploy", &Phase::ALL[..])] {
        let mut needed = BTreeSet::new();
        for call in phases.iter().filter_map(|phase| calls.get(phase)).flatten() {
            needed.extend(action(reference, call)?);
        }
        for holder in holders.iter().filter(|it| alike(roles, &it.name)) {
            found.extend(judge(holder, &needed, excused));
        }
    }
    Ok(found)
}

fn judge(holder: &Holder, needed: &BTreeSet<String>, excused: &mut BTreeSet<&'static str>) -> Vec<Finding> {
    let finding = |statement: &str, action: &str, kind, reason: &str, remedy: &str| Finding {
        holder: holder.name.clone(),
        statement: statement.to_owned(),
        action: action.to_owned(),
        kind,
        about: String::new(),
        reason: reason.to_owned(),
        remedy: remedy.to_owned(),
    };
    let denied = needed.iter().filter(|action| holder.grants(action).next().is_none()).map(|action| {
        let reason = "Terraform's provider was seen to call it, and the role does not grant it";
        finding("-", action, Kind::CallDenied, reason, "grant it")
    });
    let allowing = holder.statements.iter().filter(|it| it.allows);
    let granted = allowing.flat_map(|it| it.actions.iter().map(move |action| (it, action)));
    let idle = granted.filter(|(_, granted)| {
        if needed.iter().any(|action| alike(granted, action)) {
            return false;
        }
        let tables = UNSHOWN.iter().filter(|it| it.excuses(holder, granted)).flat_map(|it| it.actions);
        let excuses: Vec<_> = tables.copied().filter(|it| alike(it, granted)).collect();
        excused.extend(&excuses);
        excuses.is_empty()
    });
    let idle = idle.map(|(statement, action)| {
        let reason = "Terraform's provider was not seen to call it on the emulators";
        let remedy = "take it away, or say in UNSHOWN why no emulator shows it";
        finding(&statement.name, action, Kind::NotNeeded, reason, remedy)
    });
    denied.chain(idle).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::infra::rights::policy::Policy;
    use crate::infra::rights::reference::tests::excerpt;

    #[test]
    fn the_providers_log_tells_its_calls() {
        let log = "2026-11-29T21:44:32.6Z [DEBUG] provider: HTTP Request Sent: rpc.service=\"CloudWatch Logs\" http.request.body=\n  | {\n  \
                   | rpc.method=DescribeLogGroups tf_rpc=ReadResource\n2026-11-29T21:44:32.7Z [DEBUG] provider: HTTP Response Received: \
                   rpc.service=SNS rpc.method=Publish\n2026-11-29T21:44:32.8Z [DEBUG] provider: HTTP Request Sent: rpc.method=HeadBucket rpc.service=S3";
        let calls: Vec<_> = told(log.as_bytes()).unwrap().into_iter().collect();
        assert_eq!(calls, ["CloudWatch Logs:DescribeLogGroups", "S3:HeadBucket"]);
    }

    #[test]
    fn an_operation_has_its_action() {
        let reference = excerpt();
        assert_eq!(action(&reference, "SNS:Publish").unwrap().as_deref(), Some("sns:Publish"));
        assert_eq!(action(&reference, "STS:GetCallerIdentity").unwrap(), None);
        let error = action(&reference, "SNS:Shout").unwrap_err().to_string();
        assert!(error.contains("sns:Shout") && error.contains("provider.rs"), "{error}");
    }

    #[test]
    fn what_is_called_is_granted_and_what_is_granted_is_called() {
        let statement =
            json!({ "Effect": "Allow", "Action": ["sns:Publish", "sns:ListTopics"], "Resource": "*" });
        let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        let statements = Policy::read(&policy).unwrap().statements;
        let name = "github-x-deploy".to_owned();
        let holder = Holder { name, is_role: true, trust: Vec::new(), statements, sizes: Vec::new() };
        let told = |needed: &[&str]| -> Vec<_> {
            let needed = needed.iter().map(|it| (*it).to_owned()).collect();
            judge(&holder, &needed, &mut BTreeSet::new()).iter().map(Finding::headline).collect()
        };
        assert_eq!(told(&["sns:Publish", "sns:ListTopics"]), [""; 0]);
        assert_eq!(
            told(&["sns:Publish", "sns:Subscribe"]),
            ["a call is denied: sns:Subscribe", "no call needs it: sns:ListTopics"]
        );
    }
}
