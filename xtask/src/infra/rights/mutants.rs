//! Whether the net would notice: faults of each kind that it looks for, made on a copy of infra/.

use std::collections::BTreeSet;

use anyhow::ensure;

use super::reference::Reference;
use super::report::look;
use super::settings;
use crate::infra::copy::Copy;
use crate::infra::mutants::mutate;
use crate::infra::mutations::{Mutation, of};

/// Enough settings to show every mutant.
const SETTINGS: [&str; 3] = ["serverless", "provisioned", "github_with_keys"];

/// As for Terraform's tests, but that what fails is a finding's headline.
#[rustfmt::skip]
pub(super) const MUTATIONS: [Mutation; 16] = [
    of("rights", "modules/jobs/main.tf",
        "\"glue:BatchUpdatePartition\"",
        "\"glue:BatchChangePartition\"",
        &[
            "unknown action: glue:BatchChangePartition",
            "no call needs it: glue:BatchChangePartition",
            "a call is denied: glue:BatchUpdatePartition arn:aws:glue:eu-central-1:123456789012:catalog",
            "a call is denied: glue:BatchUpdatePartition arn:aws:glue:eu-central-1:123456789012:database/millrace_test",
            "a call is denied: glue:BatchUpdatePartition arn:aws:glue:eu-central-1:123456789012:table/millrace_test/fact_registration_trends",
            "a call is denied: glue:BatchUpdatePartition arn:aws:glue:eu-central-1:123456789012:table/millrace_test/user_analytics",
            "a call is denied: glue:BatchUpdatePartition arn:aws:glue:eu-central-1:123456789012:table/millrace_test/users_transformed",
        ]),
    of("rights", "modules/function/role.tf",
        "actions   = [\"kafka:GetBootstrapBrokers\"]\n      resources = [\"*\"]",
        "actions   = [\"kafka:GetBootstrapBrokers\"]\n      resources = [var.kafka_source.cluster_arn]",
        &["takes no resource: kafka:GetBootstrapBrokers"]),
    of("rights", "modules/lake/snowflake.tf",
        "[\"s3:ListBucket\"]\n        Resource  = [aws_s3_bucket.this.arn]",
        "[\"s3:ListBucket\"]\n        Resource  = [\"${aws_s3_bucket.this.arn}/*\"]",
        &["no resource fits: s3:ListBucket"]),
    of("rights", "modules/deploy-role/policies.tf",
        ":userDefinedFunction/",
        ":crawler/",
        &["a resource is missing: glue:DeleteDatabase userdefinedfunction"]),
    of("rights", "modules/deploy-role/policies.tf",
        "        sid       = \"TagMappings\"\n",
        "        sid       = \"TagMappings\"\n        condition = { ArnLike = { \"lambda:FunctionArn\" = [local.ours.functions] } }\n",
        &["condition key not supported: lambda:TagResource lambda:FunctionArn", "condition key not supported: lambda:UntagResource lambda:FunctionArn"]),
    of("rights", "modules/deploy-role/policies.tf",
        "\"route53:AssociateVPCWithHostedZone\"",
        "\"route53:GetHostedZone\"",
        &[
            "needed beside it, not granted: ec2:CreateVpcEndpoint route53:AssociateVPCWithHostedZone",
            "no call needs it: route53:GetHostedZone",
        ]),
    of("rights", "modules/deploy-role/policies.tf",
        "\"kms:RetireGrant\", ",
        "",
        &[
            "needed beside it, not granted: kafka:BatchAssociateScramSecret kms:RetireGrant",
            "needed beside it, not granted: kafka:BatchDisassociateScramSecret kms:RetireGrant",
            "needed beside it, not granted: kafka:UpdateSecurity kms:RetireGrant",
        ]),
    // What is left is granted by the key's tag, which a new key lacks.
    of("rights", "modules/deploy-role/policies.tf",
        "[\"kms:CreateKey\", \"kms:TagResource\"]",
        "[\"kms:CreateKey\"]",
        &["needed beside it, not granted: kms:CreateKey kms:TagResource"]),
    of("rights", "modules/deploy-role/policies.tf",
        "\"glue:GetPartitionIndexes\", ",
        "",
        &[
            "needed beside it, not granted: glue:GetTable glue:GetPartitionIndexes",
            "a call is denied: glue:GetPartitionIndexes",
        ]),
    of("rights", "modules/deploy-role/policies.tf",
        "\"logs:AssociateKmsKey\", ",
        "",
        &["needed beside it, not granted: kms:Encrypt logs:AssociateKmsKey"]),
    of("rights", "platform/main.tf",
        "\"kafka-cluster:DescribeClusterDynamicConfiguration\"",
        "\"kafka-cluster:DescribeCluster\"",
        &[
            "needed beside it, not granted: kafka-cluster:Connect kafka-cluster:DescribeClusterDynamicConfiguration",
            "a call is denied: kafka-cluster:DescribeClusterDynamicConfiguration arn:aws:kafka:eu-central-1:123456789012:cluster/millrace-test/11111111-2222-3333-4444-555555555555-s1",
            "no call needs it: kafka-cluster:DescribeCluster",
        ]),
    of("rights", "modules/jobs/state_machine.tf",
        "\"kms:Decrypt\", \"kms:GenerateDataKey\"",
        "\"kms:Decrypt\"",
        &["the key may not be used: sns:Publish kms:GenerateDataKey"]),
    of("rights", "modules/function/sources.tf",
        "\"kms:Decrypt\", \"kms:GenerateDataKey\"",
        "\"kms:GenerateDataKey\"",
        &["the key may not be used: sqs:SendMessage kms:Decrypt"]),
    of("rights", "modules/deploy-role/policies.tf",
        "sid       = \"ReadState\"\n        actions   = [\"s3:GetObject\"]",
        "sid       = \"ReadState\"\n        actions   = [\"s3:GetObject\", \"s3:PutObject\"]",
        &["a role that only looks writes: s3:PutObject"]),
    of("rights", "platform/main.tf",
        "${local.places.raw}/*",
        "${local.places.raw}/user*/*",
        &[
            "a call is denied: s3:PutObject arn:aws:s3:::lake/lake/raw/ad_events/any",
            "a call is denied: s3:PutObject arn:aws:s3:::lake/lake/raw/video_engagements/any",
        ]),
    of("rights", "platform/main.tf",
        "sid       = \"ReadDeadLetters\"\n          actions   = [\"s3:GetObject\"]",
        "sid       = \"ReadDeadLetters\"\n          actions   = [\"s3:GetObject\", \"s3:DeleteObject\"]",
        &["no call needs it: s3:DeleteObject"]),
];

/// All mutants on one copy: exactly their findings have to be found.
pub(super) fn run(reference: &Reference) -> anyhow::Result<()> {
    let copy = Copy::of_infra("rights-mutants")?;
    for mutation in &MUTATIONS {
        mutate(&copy.root(), mutation)?;
    }
    let settings: Vec<_> = settings::all().into_iter().filter(|it| SETTINGS.contains(&it.name)).collect();
    let report = look(reference, &copy, &settings)?;
    let found: BTreeSet<_> = report.excused().keys().map(|finding| finding.headline()).collect();
    let expected: BTreeSet<_> =
        MUTATIONS.iter().flat_map(|mutation| mutation.fails).map(|it| (*it).to_owned()).collect();
    let unseen: Vec<_> = expected.difference(&found).collect();
    ensure!(unseen.is_empty(), "these mutants were not noticed: {unseen:?}");
    let unmeant: Vec<_> = found.difference(&expected).collect();
    ensure!(unmeant.is_empty(), "these were found, and no mutation names them: {unmeant:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infra::rights::finding::Kind;

    #[test]
    fn each_mutation_changes_one_place_of_its_file() {
        let copy = Copy::of_infra("test-rights").unwrap();
        for mutation in &MUTATIONS {
            mutate(&copy.root(), mutation).unwrap();
        }
        let names: Vec<_> = settings::all().iter().map(|it| it.name).collect();
        assert!(SETTINGS.iter().all(|name| names.contains(name)));
    }

    /// Too large and idle have tests of their own: no small change of infra/ makes them.
    #[test]
    fn each_kind_has_a_mutant() {
        let kinds = [
            Kind::UnknownAction,
            Kind::NoResourceFits,
            Kind::WantsStar,
            Kind::ResourceMissing,
            Kind::UnsupportedKey,
            Kind::DependentMissing,
            Kind::KeyMissing,
            Kind::Writes,
            Kind::CallDenied,
            Kind::NotNeeded,
        ];
        for kind in kinds {
            let has = |mutation: &Mutation| mutation.fails.iter().any(|it| it.starts_with(kind.name()));
            assert!(MUTATIONS.iter().any(has), "{kind:?}");
        }
    }
}
