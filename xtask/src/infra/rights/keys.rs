//! Keys of KMS: who may send to what is encrypted by a key, or read it, has to be allowed to use the key. No reference of actions tells it,
//! and no emulator asks.

use std::collections::BTreeMap;

use super::finding::{Finding, Kind};
use super::globs::Glob;
use super::render::Rendered;
use super::roles::Holder;

/// An action on what is encrypted, and the actions on its key.
struct Use {
    action: &'static str,
    of_key: &'static [&'static str],
    /// What the key is around, as [`around`] calls it.
    around: &'static str,
}

/// From each service's page on encryption: "SSE-KMS" (S3), "Key management" (SQS, SNS), "Secret encryption" (Secrets Manager).
const USES: [Use; 6] = [
    Use { action: "s3:GetObject", of_key: &["kms:Decrypt"], around: "bucket" },
    // Parts of an upload are read again to be put together.
    Use { action: "s3:PutObject", of_key: &["kms:GenerateDataKey", "kms:Decrypt"], around: "bucket" },
    Use { action: "secretsmanager:GetSecretValue", of_key: &["kms:Decrypt"], around: "secret" },
    Use {
        action: "secretsmanager:PutSecretValue",
        of_key: &["kms:GenerateDataKey", "kms:Decrypt"],
        around: "secret",
    },
    Use { action: "sns:Publish", of_key: &["kms:GenerateDataKey", "kms:Decrypt"], around: "topic" },
    Use { action: "sqs:SendMessage", of_key: &["kms:GenerateDataKey", "kms:Decrypt"], around: "queue" },
];

/// Keys by what they are around: its kind and an ARN of it or in it.
fn around(rendered: &Rendered) -> BTreeMap<(&'static str, String), String> {
    let mut keys = BTreeMap::new();
    for resource in &rendered.resources {
        let of = |pointer: &str| resource.values().pointer(pointer).and_then(|it| it.as_str());
        let (kind, what, key) = match resource.kind.as_str() {
            "aws_s3_bucket_server_side_encryption_configuration" => (
                "bucket",
                of("/bucket").map(|bucket| format!("arn:aws:s3:::{bucket}/*")),
                of("/rule/0/apply_server_side_encryption_by_default/0/kms_master_key_id"),
            ),
            "aws_secretsmanager_secret" => ("secret", of("/arn").map(str::to_owned), of("/kms_key_id")),
            "aws_sns_topic" => ("topic", of("/arn").map(str::to_owned), of("/kms_master_key_id")),
            "aws_sqs_queue" => ("queue", of("/arn").map(str::to_owned), of("/kms_master_key_id")),
            _ => continue,
        };
        if let (Some(what), Some(key)) = (what, key) {
            keys.insert((kind, what), key.to_owned());
        }
    }
    keys
}

/// Roles that may touch what is encrypted, and not use its key.
pub(super) fn findings(rendered: &Rendered, holders: &[Holder]) -> Vec<Finding> {
    let keys = around(rendered);
    let mut found = Vec::new();
    for holder in holders.iter().filter(|it| it.is_role) {
        for it in &USES {
            for statement in holder.grants(it.action) {
                for ((_, what), key) in keys.iter().filter(|((kind, _), _)| *kind == it.around) {
                    if !names(&statement.resources, what) {
                        continue;
                    }
                    for of_key in it.of_key {
                        if holder.grants(of_key).any(|grant| names(&grant.resources, key)) {
                            continue;
                        }
                        found.push(Finding {
                            holder: holder.name.clone(),
                            statement: statement.name.clone(),
                            action: it.action.to_owned(),
                            kind: Kind::KeyMissing,
                            about: (*of_key).to_owned(),
                            reason: format!(
                                "{what} is encrypted by {key}, for which the role lacks {of_key}"
                            ),
                            remedy: format!("grant {of_key} on the key, where there is one"),
                        });
                    }
                }
            }
        }
    }
    found
}

fn names(resources: &[String], arn: &str) -> bool {
    let arn = Glob::of_policy(arn);
    resources.iter().any(|resource| Glob::of_policy(resource).meets(&arn))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::infra::rights::policy::Policy;
    use crate::infra::rights::render::Resource;

    const KEY: &str = "arn:aws:kms:r:1:key/a";

    fn told(statements: &serde_json::Value) -> Vec<String> {
        let queue = json!({ "arn": "arn:aws:sqs:r:1:q", "kms_master_key_id": KEY });
        let open = json!({ "arn": "arn:aws:sqs:r:1:open", "kms_master_key_id": null });
        let resources =
            vec![Resource::new("aws_sqs_queue", "a", queue), Resource::new("aws_sqs_queue", "b", open)];
        let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let holder = Holder {
            name: "r".to_owned(),
            is_role: true,
            trust: Vec::new(),
            statements: Policy::read(&policy).unwrap().statements,
            sizes: Vec::new(),
        };
        let found = findings(&Rendered { settings: "one", resources }, &[holder]);
        found.iter().map(Finding::headline).collect()
    }

    #[test]
    fn whoever_sends_may_use_the_key() {
        let send = |queue: &str| json!({ "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue });
        let key = |key: &str| json!({ "Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": key });
        let missing = [
            "the key may not be used: sqs:SendMessage kms:GenerateDataKey",
            "the key may not be used: sqs:SendMessage kms:Decrypt",
        ];
        assert_eq!(told(&json!([send("arn:aws:sqs:r:1:*")])), missing);
        assert_eq!(told(&json!([send("arn:aws:sqs:r:1:q"), key("arn:aws:kms:r:1:key/b")])), missing);
        assert_eq!(told(&json!([send("arn:aws:sqs:r:1:q"), key(KEY)])), Vec::<String>::new());
        assert_eq!(told(&json!([send("arn:aws:sqs:r:1:open")])), Vec::<String>::new());
    }
}
