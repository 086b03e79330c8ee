//! What AWS's reference does not tell: keys of every request, needs that stand on other pages, and what is right all the same.

use super::finding::{Finding, Kind};
use super::globs::alike;
use super::roles::Holder;

/// Keys that requests of every service have: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, read in
/// November 2026. Those of tags (`aws:RequestTag/…`, `aws:ResourceTag/…`, `aws:TagKeys`) are missing: few actions have them, and the
/// reference tells which.
pub(super) const GLOBAL_KEYS: [&str; 33] = [
    "aws:CalledVia",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:FederatedProvider",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:PrincipalTag/*",
    "aws:PrincipalType",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:ResourceOrgID",
    "aws:ResourceOrgPaths",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:SourceOrgID",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:TokenIssueTime",
    "aws:UserAgent",
    "aws:ViaAWSService",
    "aws:VpcSourceIp",
];

/// Roles that look and change nothing, by their names.
pub(super) const READERS: [&str; 2] = ["github-*-plan", "*-snowflake"];

/// Who is granted one thing needs another, though AWS's reference does not say so.
#[derive(Debug)]
pub(super) struct Companion {
    /// Roles by their names.
    pub(super) roles: &'static str,
    /// All of them granted.
    pub(super) has: &'static [&'static str],
    pub(super) needs: &'static [&'static str],
    /// Why, and who says so.
    pub(super) reason: &'static str,
}

impl Companion {
    pub(super) fn applies(&self, holder: &Holder) -> bool {
        // A boundary grants nothing: what its roles need beside is theirs to have.
        let is_boundary = alike("*-boundary", &holder.name);
        !is_boundary
            && alike(self.roles, &holder.name)
            && self.has.iter().all(|it| holder.grants(it).next().is_some())
    }
}

pub(super) const COMPANIONS: [Companion; 6] = [
    Companion {
        roles: "github-*",
        has: &["glue:GetTable"],
        needs: &["glue:GetPartitionIndexes"],
        reason: "Terraform's provider reads a table's indexes at each plan (internal/service/glue/catalog_table.go)",
    },
    Companion {
        roles: "github-*",
        has: &["secretsmanager:GetResourcePolicy"],
        needs: &["secretsmanager:GetSecretValue", "kms:Decrypt"],
        reason: "Terraform's provider reads a secret's version back at each plan (internal/service/secretsmanager/secret_version.go)",
    },
    Companion {
        roles: "github-*",
        has: &["kafka:DescribeCluster"],
        needs: &["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"],
        reason: "a provisioned cluster has a key, which Terraform's provider looks at at each plan (internal/service/kms/key.go)",
    },
    Companion {
        roles: "github-*-deploy",
        has: &["kafka:UpdateBrokerStorage"],
        needs: &["kafka:DescribeClusterOperation"],
        reason: "Terraform's provider waits for a cluster's change by its operation (internal/service/kafka/cluster.go)",
    },
    Companion {
        roles: "github-*-deploy",
        // Granted where keys are given.
        has: &["kms:Encrypt"],
        needs: &["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "logs:AssociateKmsKey"],
        reason: "a log group is put under a key by an action of its own, a function's environment by a grant \
                 (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html)",
    },
    Companion {
        roles: "*-land-events",
        has: &["kafka-cluster:Connect", "kafka:GetBootstrapBrokers"],
        needs: &[
            "kafka-cluster:DescribeClusterDynamicConfiguration",
            "kafka-cluster:DescribeGroup",
            "kafka-cluster:AlterGroup",
            "kafka-cluster:DescribeTopic",
            "kafka-cluster:ReadData",
        ],
        reason: "Lambda's pollers log in by IAM as the function (docs.aws.amazon.com/lambda/latest/dg/msk-cluster-auth.html)",
    },
];

/// What is right although the reference says otherwise.
#[derive(Debug)]
pub(super) struct Exception {
    pub(super) kind: Kind,
    /// Roles by their names.
    pub(super) roles: &'static str,
    pub(super) action: &'static str,
    pub(super) about: &'static str,
    pub(super) reason: &'static str,
}

impl Exception {
    pub(super) fn excuses(&self, finding: &Finding) -> bool {
        self.kind == finding.kind
            && alike(self.roles, &finding.holder)
            && self.action == finding.action
            && self.about == finding.about
    }
}

pub(super) const EXCEPTIONS: [Exception; 8] = [
    Exception {
        kind: Kind::DependentMissing,
        roles: "github-*-deploy",
        action: "lambda:CreateFunction",
        about: "lambda:PassCapacityProvider",
        reason: "asked for where a function runs on a capacity provider; none does",
    },
    Exception {
        kind: Kind::DependentMissing,
        roles: "github-*-deploy",
        action: "states:CreateStateMachine",
        about: "states:PublishStateMachineVersion",
        reason: "asked for with publish = true; the state machine has no versions",
    },
    Exception {
        kind: Kind::DependentMissing,
        roles: "github-*-deploy",
        action: "states:UpdateStateMachine",
        about: "states:PublishStateMachineVersion",
        reason: "asked for with publish = true; the state machine has no versions",
    },
    Exception {
        kind: Kind::DependentMissing,
        roles: "millrace-*",
        action: "ec2:CreateNetworkInterface",
        about: "ec2:CreateTags",
        reason: "asked for where an interface is made with tags; Lambda makes them without, as AWS's own AWSLambdaVPCAccessExecutionRole shows",
    },
    Exception {
        kind: Kind::DependentMissing,
        roles: "*-boundary",
        action: "ec2:CreateNetworkInterface",
        about: "ec2:CreateTags",
        reason: "the roles that it bounds do not ask for it, see above",
    },
    Exception {
        kind: Kind::DependentMissing,
        roles: "*-replay-dead-letters",
        action: "kafka-cluster:ReadData",
        about: "kafka-cluster:AlterGroup",
        reason: "asked for where a group is joined; dead letters are read from partitions that are assigned, by no group",
    },
    Exception {
        kind: Kind::Writes,
        roles: "github-*-plan",
        action: "kms:Decrypt",
        about: "",
        reason: "AWS counts all uses of a key as writing; what is decrypted is read",
    },
    Exception {
        kind: Kind::Writes,
        roles: "*-snowflake",
        action: "kms:Decrypt",
        about: "",
        reason: "AWS counts all uses of a key as writing; what is decrypted is read",
    },
];

/// The roles of all programs.
const ALL: &[&str] = &["*"];

/// What a role of a program grants though no recorded call needs it.
#[derive(Debug)]
pub(super) struct Unrecorded {
    /// Roles by their names.
    pub(super) roles: &'static [&'static str],
    /// Actions as policies write them.
    pub(super) actions: &'static [&'static str],
    /// Who needs them, for what.
    pub(super) reason: &'static str,
}

impl Unrecorded {
    pub(super) fn excuses(&self, holder: &Holder, action: &str) -> bool {
        self.roles.iter().any(|it| alike(it, &holder.name)) && self.actions.iter().any(|it| alike(it, action))
    }
}

pub(super) const UNRECORDED: [Unrecorded; 9] = [
    Unrecorded {
        roles: &["*-eraser"],
        actions: &["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
        reason: "an erasure sweeps the uploads of dead writers, old ones alone, and takes back its own where it fails: crates/lake/tests/s3_server.rs shows both",
    },
    Unrecorded {
        roles: &[
            "*-raw-transformation",
            "*-analytics-aggregation",
            "*-time-series-analysis",
            "*-jobs",
            "*-compact-raw",
        ],
        actions: &["s3:AbortMultipartUpload"],
        reason: "what fails, or is cut off by the time, takes back the upload that it was writing: crates/lake/tests/s3_server.rs shows it",
    },
    Unrecorded {
        roles: ALL,
        actions: &["logs:CreateLogStream", "logs:PutLogEvents"],
        reason: "Lambda writes what a function tells on standard output",
    },
    Unrecorded {
        roles: ALL,
        actions: &["sqs:SendMessage"],
        reason: "Lambda sends what it gives up to the function's queue",
    },
    Unrecorded {
        roles: ALL,
        actions: &["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
        reason: "AWS's extension reads the login beside the function, and the pollers read theirs",
    },
    Unrecorded {
        roles: ALL,
        actions: &["kms:Decrypt", "kms:GenerateDataKey"],
        reason: "services use a key for whoever reads and writes what it is around: keys.rs looks at that",
    },
    Unrecorded {
        roles: ALL,
        actions: &["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
        reason: "Lambda tells X-Ray of invocations",
    },
    Unrecorded {
        roles: ALL,
        actions: &[
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeVpcs",
        ],
        reason: "Lambda puts the function, and the pollers, into the network",
    },
    Unrecorded {
        roles: ALL,
        actions: &[
            "kafka:DescribeCluster",
            "kafka:DescribeClusterV2",
            "kafka:ListScramSecrets",
            "kafka:GetBootstrapBrokers",
        ],
        reason: "the pollers find the cluster's brokers and its login",
    },
];

/// Statements for what no recorded program does, by their names: the jobs' calls with `iceberg = true` are not in infra/calls.json yet, and
/// a Glue call there names no database. Taken out of here once it has such calls.
pub(super) const NOT_YET: [&str; 2] = ["WriteIcebergTables", "SwapIcebergTables"];

/// What the provider asks for on the emulators, and a deploy does not.
pub(super) const ON_EMULATORS: [(&str, &str); 3] = [
    (
        "iam:GetUser",
        "the account's number is looked for there where logins are not checked, as on emulators; else STS has told it",
    ),
    (
        "s3:ListBucketVersions",
        "envs/local empties its bucket to destroy it, which no deploy may do to a lake",
    ),
    ("s3:DeleteObject", "likewise"),
];

const DEPLOY: &[&str] = &["github-*-deploy"];

/// What the roles of plan and deploy grant though the provider was not seen to call it on the emulators.
pub(super) const UNSHOWN: [Unrecorded; 14] = [
    Unrecorded { roles: ALL, actions: &["kafka:*"], reason: "no emulator has MSK" },
    Unrecorded { roles: ALL, actions: &["secretsmanager:*"], reason: "the login of a cluster of MSK's" },
    Unrecorded {
        roles: ALL,
        actions: &["kms:*", "logs:AssociateKmsKey", "logs:DisassociateKmsKey"],
        reason: "keys come with a cluster of MSK's, or are given; emulators check no key",
    },
    Unrecorded {
        roles: ALL,
        actions: &["lambda:*EventSourceMapping*", "lambda:ListTags", "lambda:GetLayerVersion"],
        reason: "mappings of Kafka and the layer that reads secrets: no emulator has them; a mapping's tags are read apart",
    },
    Unrecorded {
        roles: ALL,
        actions: &["ecs:*", "iam:CreateServiceLinkedRole", "iam:AttachRolePolicy"],
        reason: "jobs on Fargate, and roles that MSK and ECS make for themselves once an account",
    },
    Unrecorded {
        roles: ALL,
        actions: &[
            "route53:AssociateVPCWithHostedZone",
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeNetworkInterfaces",
            "ec2:*VpcEndpoint*",
        ],
        reason: "interface endpoints and zones: MiniStack forgets endpoints' groups, and envs/local names its zones",
    },
    Unrecorded {
        roles: DEPLOY,
        actions: &["logs:*LogDelivery", "logs:ListLogDeliveries", "logs:*ResourcePolic*", "iam:PassRole"],
        reason: "asked of whoever makes a state machine that logs, and gives a service its role: by AWS, not by a call",
    },
    Unrecorded {
        roles: DEPLOY,
        actions: &["*:*Tag*", "ec2:CreateTags", "ec2:DeleteTags", "iam:PutRolePermissionsBoundary"],
        reason: "asked along with what makes a thing that has tags, or a boundary; by a call where they change",
    },
    Unrecorded {
        roles: DEPLOY,
        actions: &[
            "*:Update*",
            "*:Modify*",
            "sqs:SetQueueAttributes",
            "lambda:*FunctionConcurrency",
            "logs:DeleteRetentionPolicy",
        ],
        reason: "what is there changes: envs/local makes all of it anew",
    },
    Unrecorded {
        roles: ALL,
        actions: &["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
        reason: "Terraform's state and its lock, and releases: envs/local keeps its state in a file, releases go by AWS's command line",
    },
    Unrecorded {
        roles: ALL,
        actions: &[
            "s3:*BucketNotification",
            "s3:GetBucketLocation",
            "s3:PutBucketLogging",
            "s3:PutBucketTagging",
        ],
        reason: "settings that envs/local leaves out: a queue of notifications, a bucket of access logs",
    },
    Unrecorded {
        roles: DEPLOY,
        actions: &["lambda:InvokeFunction", "lambda:UpdateAlias", "sns:Publish"],
        reason: "releases, probes and the test alarm, by AWS's command line",
    },
    Unrecorded {
        roles: ALL,
        actions: &[
            "glue:GetTables",
            "lambda:GetFunctionConcurrency",
            "lambda:GetFunctionConfiguration",
            "states:ListStateMachines",
            "states:ValidateStateMachineDefinition",
            "sts:GetCallerIdentity",
        ],
        reason: "looks that releases, `millrace validate` and other plans take",
    },
    Unrecorded {
        roles: DEPLOY,
        actions: &["ec2:DisassociateAddress"],
        reason: "asked where an address changes hands",
    },
];
