//! What the deploy role is granted, statement by statement, with a resource that each statement means.
//!
//! A simulation without resources takes `*` for one, so that a right on named resources reads as denied. The actions are those of
//! `infra/modules/deploy-role/policies.tf`, all of them; a test holds both to each other.

/// Actions of one statement and one service, and what they are asked on. `{here}` is region and account; a name in the ARN stands for all
/// that begin so.
#[derive(Debug)]
pub(crate) struct Right {
    /// The statement in `policies.tf`.
    pub(crate) sid: &'static str,
    /// Begins each action.
    pub(crate) service: &'static str,
    /// With blanks between.
    pub(crate) actions: &'static str,
    /// An ARN without `arn:{aws}:`, or `*`.
    pub(crate) resource: &'static str,
    /// What the statement's condition looks at.
    pub(crate) context: &'static [(&'static str, &'static str)],
}

/// Statements that are not asked for, and why.
#[cfg(test)]
pub(crate) const NOT_ASKED: [(&str, &str); 5] = [
    ("ReadState", "the plan role's alone"),
    ("DecryptLogin", "a provisioned cluster's alone"),
    ("DecryptEnvironments", "of keys that bootstrap was told, which nobody knows here"),
    ("UseKeys", "of keys that bootstrap was told, which nobody knows here"),
    ("EncryptLogs", "where keys were told alone"),
];

pub(crate) const RIGHTS: &[Right] = &[
    Right {
        sid: "LookUnnamed",
        service: "cloudwatch",
        actions: "DescribeAlarms",
        resource: "*",
        context: &[],
    },
    Right {
        sid: "LookUnnamed",
        service: "ec2",
        actions: "DescribeAddresses DescribeAddressesAttribute DescribeAvailabilityZones \
                  DescribeInternetGateways DescribeNatGateways DescribeNetworkAcls \
                  DescribeNetworkInterfaces DescribePrefixLists DescribeRouteTables \
                  DescribeSecurityGroupRules DescribeSecurityGroups DescribeSubnets DescribeVpcAttribute \
                  DescribeVpcEndpoints DescribeVpcs",
        resource: "*",
        context: &[],
    },
    Right {
        sid: "LookUnnamed",
        service: "ecs",
        actions: "DescribeTaskDefinition",
        resource: "*",
        context: &[],
    },
    Right {
        sid: "LookUnnamed",
        service: "kafka",
        actions: "DescribeClusterOperation GetBootstrapBrokers ListScramSecrets",
        resource: "*",
        context: &[],
    },
    Right {
        sid: "LookUnnamed",
        service: "lambda",
        actions: "ListEventSourceMappings",
        resource: "*",
        context: &[],
    },
    Right { sid: "LookUnnamed", service: "logs", actions: "DescribeLogGroups", resource: "*", context: &[] },
    Right {
        sid: "LookUnnamed",
        service: "sns",
        actions: "GetSubscriptionAttributes",
        resource: "*",
        context: &[],
    },
    Right {
        sid: "LookUnnamed",
        service: "states",
        actions: "ListStateMachines ValidateStateMachineDefinition",
        resource: "*",
        context: &[],
    },
    Right { sid: "LookUnnamed", service: "sts", actions: "GetCallerIdentity", resource: "*", context: &[] },
    Right {
        sid: "LookAtOurs",
        service: "cloudwatch",
        actions: "GetDashboard",
        resource: "cloudwatch::{account}:dashboard/{name}",
        context: &[],
    },
    Right {
        sid: "LookAtOurs",
        service: "cloudwatch",
        actions: "ListTagsForResource",
        resource: "cloudwatch:{here}:alarm:{name}-land-events-errors",
        context: &[],
    },
    Right {
        sid: "LookAtOurs",
        service: "ecs",
        actions: "DescribeClusters",
        resource: "ecs:{here}:cluster/{name}-jobs",
        context: &[],
    },
    Right {
        sid: "LookAtOurs",
        service: "glue",
        actions: "GetDatabase",
        resource: "glue:{here}:database/{database}",
        context: &[],
    },
    Right {
        sid: "LookAtOurs",
        service: "glue",
        actions: "GetPartitionIndexes GetTable GetTables GetTags",
        resource: "glue:{here}:table/{database}/users_transformed",
        context: &[],
    },
    Right {
        sid: "LookAtOurs",
        service: "iam",
        actions: "GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies",
        resource: "iam::{account}:role/{name}-land-events",
        context: &[],
    },
    Right {
        sid: "LookAtOurs",
        service: "lambda",
        actions: "GetAlias GetFunction GetFunctionCodeSigningConfig GetFunctionConcurrency \
                  GetFunctionConfiguration GetFunctionEventInvokeConfig ListTags ListVersionsByFunction",
        resource: "lambda:{here}:function:{name}-land-events",
        context: &[],
    },
    Right {
        sid: "LookAtOurs",
        service: "logs",
        actions: "ListTagsForResource",
        resource: "logs:{here}:log-group:/aws/lambda/{name}-land-events",
        context: &[],
    },
    Right {
        sid: "LookAtOurs",
        service: "scheduler",
        actions: "GetSchedule",
        resource: "scheduler:{here}:schedule/default/{name}-day",
        context: &[],
    },
    Right {
        sid: "LookAtOurs",
        service: "secretsmanager",
        actions: "DescribeSecret GetResourcePolicy",
        resource: "secretsmanager:{here}:secret:AmazonMSK_{name}-login",
        context: &[],
    },
    Right {
        sid: "LookAtOurs",
        service: "sns",
        actions: "GetTopicAttributes ListTagsForResource",
        resource: "sns:{here}:{name}-alarms",
        context: &[],
    },
    Right {
        sid: "LookAtOurs",
        service: "sqs",
        actions: "GetQueueAttributes ListQueueTags",
        resource: "sqs:{here}:{name}-land-events-failures",
        context: &[],
    },
    Right {
        sid: "LookAtOurs",
        service: "states",
        actions: "DescribeStateMachine ListStateMachineVersions ListTagsForResource",
        resource: "states:{here}:stateMachine:{name}-day",
        context: &[],
    },
    Right {
        sid: "LookAtMappings",
        service: "lambda",
        actions: "GetEventSourceMapping ListTags",
        resource: "lambda:{here}:event-source-mapping:00000000-0000-0000-0000-000000000000",
        context: &[],
    },
    Right {
        sid: "LookAtBucket",
        service: "s3",
        actions: "GetAccelerateConfiguration GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging \
                  GetBucketNotification GetBucketObjectLockConfiguration GetBucketOwnershipControls \
                  GetBucketPolicy GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging \
                  GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration \
                  GetLifecycleConfiguration GetReplicationConfiguration ListBucket",
        resource: "s3:::{lake_bucket}",
        context: &[],
    },
    Right {
        sid: "LookAtClusters",
        service: "kafka",
        actions: "DescribeCluster DescribeClusterV2 ListTagsForResource",
        resource: "kafka:{here}:cluster/{name}/00000000-0000-0000-0000-000000000000-0",
        context: &[],
    },
    Right {
        sid: "LookAtClusters",
        service: "kafka",
        actions: "DescribeConfiguration DescribeConfigurationRevision",
        resource: "kafka:{here}:configuration/{name}/00000000-0000-0000-0000-000000000000-0",
        context: &[],
    },
    Right {
        sid: "LookAtKey",
        service: "kms",
        actions: "DescribeKey GetKeyPolicy GetKeyRotationStatus ListResourceTags",
        resource: "kms:{here}:key/00000000-0000-0000-0000-000000000000",
        context: &[("aws:ResourceTag/platform", "{name}")],
    },
    Right {
        sid: "ReadLogin",
        service: "secretsmanager",
        actions: "GetSecretValue",
        resource: "secretsmanager:{here}:secret:AmazonMSK_{name}-login",
        context: &[],
    },
    Right {
        sid: "ListState",
        service: "s3",
        actions: "ListBucket",
        resource: "s3:::{state_bucket}",
        context: &[],
    },
    Right {
        sid: "ReadAndWriteState",
        service: "s3",
        actions: "GetObject PutObject",
        resource: "s3:::{state_bucket}/millrace/{environment}.tfstate",
        context: &[],
    },
    Right {
        sid: "LockState",
        service: "s3",
        actions: "GetObject PutObject DeleteObject",
        resource: "s3:::{state_bucket}/millrace/{environment}.tfstate.tflock",
        context: &[],
    },
    Right {
        sid: "Releases",
        service: "s3",
        actions: "AbortMultipartUpload GetObject PutObject",
        resource: "s3:::{state_bucket}/releases/{environment}/lease.json",
        context: &[],
    },
    Right {
        sid: "Functions",
        service: "lambda",
        actions: "CreateAlias CreateFunction DeleteAlias DeleteFunction DeleteFunctionConcurrency \
                  DeleteFunctionEventInvokeConfig InvokeFunction PublishVersion PutFunctionConcurrency \
                  PutFunctionEventInvokeConfig TagResource UntagResource UpdateAlias UpdateFunctionCode \
                  UpdateFunctionConfiguration UpdateFunctionEventInvokeConfig",
        resource: "lambda:{here}:function:{name}-land-events",
        context: &[],
    },
    Right {
        sid: "MappingsUnnamed",
        service: "lambda",
        actions: "CreateEventSourceMapping DeleteEventSourceMapping UpdateEventSourceMapping",
        resource: "*",
        context: &[("lambda:FunctionArn", "arn:{aws}:lambda:{here}:function:{name}-land-events")],
    },
    Right {
        sid: "TagMappings",
        service: "lambda",
        actions: "TagResource UntagResource",
        resource: "lambda:{here}:event-source-mapping:00000000-0000-0000-0000-000000000000",
        context: &[],
    },
    Right {
        sid: "SecretsLayer",
        service: "lambda",
        actions: "GetLayerVersion",
        resource: "lambda:{region}:000000000000:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:1",
        context: &[],
    },
    Right {
        sid: "Day",
        service: "states",
        actions: "CreateStateMachine DeleteStateMachine TagResource UntagResource UpdateStateMachine",
        resource: "states:{here}:stateMachine:{name}-day",
        context: &[],
    },
    Right {
        sid: "Day",
        service: "scheduler",
        actions: "CreateSchedule DeleteSchedule UpdateSchedule",
        resource: "scheduler:{here}:schedule/default/{name}-day",
        context: &[],
    },
    Right {
        sid: "Day",
        service: "ecs",
        actions: "CreateCluster DeleteCluster PutClusterCapacityProviders TagResource UpdateCluster",
        resource: "ecs:{here}:cluster/{name}-jobs",
        context: &[],
    },
    Right {
        sid: "TasksUnnamed",
        service: "ecs",
        actions: "RegisterTaskDefinition DeregisterTaskDefinition",
        resource: "*",
        context: &[],
    },
    Right {
        sid: "WatchThem",
        service: "cloudwatch",
        actions: "DeleteAlarms PutCompositeAlarm PutMetricAlarm TagResource UntagResource",
        resource: "cloudwatch:{here}:alarm:{name}-land-events-errors",
        context: &[],
    },
    Right {
        sid: "WatchThem",
        service: "cloudwatch",
        actions: "DeleteDashboards PutDashboard",
        resource: "cloudwatch::{account}:dashboard/{name}",
        context: &[],
    },
    Right {
        sid: "WatchThem",
        service: "logs",
        actions: "CreateLogGroup DeleteLogGroup DeleteRetentionPolicy PutRetentionPolicy TagResource \
                  UntagResource",
        resource: "logs:{here}:log-group:/aws/lambda/{name}-land-events",
        context: &[],
    },
    Right {
        sid: "WatchThem",
        service: "sns",
        actions: "CreateTopic DeleteTopic SetTopicAttributes Subscribe TagResource UntagResource Publish",
        resource: "sns:{here}:{name}-alarms",
        context: &[],
    },
    Right { sid: "UnsubscribeUnnamed", service: "sns", actions: "Unsubscribe", resource: "*", context: &[] },
    Right {
        sid: "DeliverLogUnnamed",
        service: "logs",
        actions: "CreateLogDelivery DeleteLogDelivery GetLogDelivery ListLogDeliveries UpdateLogDelivery \
                  DescribeResourcePolicies PutResourcePolicy",
        resource: "*",
        context: &[],
    },
    Right {
        sid: "Bucket",
        service: "s3",
        actions: "CreateBucket DeleteBucket DeleteBucketPolicy PutBucketLogging PutBucketNotification \
                  PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock PutBucketTagging \
                  PutBucketVersioning PutEncryptionConfiguration PutLifecycleConfiguration",
        resource: "s3:::{lake_bucket}",
        context: &[],
    },
    Right {
        sid: "Queues",
        service: "sqs",
        actions: "CreateQueue DeleteQueue SetQueueAttributes TagQueue UntagQueue",
        resource: "sqs:{here}:{name}-land-events-failures",
        context: &[],
    },
    Right {
        sid: "Catalogue",
        service: "glue",
        actions: "CreateDatabase DeleteDatabase UpdateDatabase",
        resource: "glue:{here}:database/{database}",
        context: &[],
    },
    Right {
        sid: "Catalogue",
        service: "glue",
        actions: "CreateTable DeleteTable TagResource UntagResource UpdateTable",
        resource: "glue:{here}:table/{database}/users_transformed",
        context: &[],
    },
    Right {
        sid: "Roles",
        service: "iam",
        actions: "DeleteRole DeleteRolePolicy ListInstanceProfilesForRole TagRole UntagRole \
                  UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription",
        resource: "iam::{account}:role/{name}-land-events",
        context: &[],
    },
    Right {
        sid: "BoundedRoles",
        service: "iam",
        actions: "CreateRole PutRolePermissionsBoundary PutRolePolicy",
        resource: "iam::{account}:role/{name}-land-events",
        context: &[("iam:PermissionsBoundary", "arn:{aws}:iam::{account}:policy/github-{name}-boundary")],
    },
    Right {
        sid: "GiveRoles",
        service: "iam",
        actions: "PassRole",
        resource: "iam::{account}:role/{name}-land-events",
        context: &[("iam:PassedToService", "lambda.amazonaws.com")],
    },
    Right {
        sid: "ServicesOwnRoles",
        service: "iam",
        actions: "CreateServiceLinkedRole",
        resource: "iam::{account}:role/aws-service-role/kafka.amazonaws.com/AWSServiceRoleForKafka",
        context: &[("iam:AWSServiceName", "kafka.amazonaws.com")],
    },
    Right {
        sid: "KafkasOwnRole",
        service: "iam",
        actions: "AttachRolePolicy PutRolePolicy",
        resource: "iam::{account}:role/aws-service-role/kafka.amazonaws.com/AWSServiceRoleForKafka",
        context: &[],
    },
    Right {
        sid: "NetworkUnnamed",
        service: "ec2",
        actions: "AllocateAddress AssociateRouteTable AttachInternetGateway AuthorizeSecurityGroupEgress \
                  AuthorizeSecurityGroupIngress CreateInternetGateway CreateNatGateway CreateRoute \
                  CreateRouteTable CreateSecurityGroup CreateSubnet CreateTags CreateVpc CreateVpcEndpoint \
                  DeleteInternetGateway DeleteNatGateway DeleteRoute DeleteRouteTable DeleteSecurityGroup \
                  DeleteSubnet DeleteTags DeleteVpc DeleteVpcEndpoints DetachInternetGateway \
                  DisassociateAddress DisassociateRouteTable ModifySecurityGroupRules \
                  ModifySubnetAttribute ModifyVpcAttribute ModifyVpcEndpoint ReleaseAddress \
                  RevokeSecurityGroupEgress RevokeSecurityGroupIngress \
                  UpdateSecurityGroupRuleDescriptionsEgress UpdateSecurityGroupRuleDescriptionsIngress",
        resource: "*",
        context: &[("aws:RequestedRegion", "{region}")],
    },
    Right {
        sid: "PrivateNames",
        service: "route53",
        actions: "AssociateVPCWithHostedZone",
        resource: "route53:::hostedzone/Z0000000000000",
        context: &[],
    },
    Right {
        sid: "Cluster",
        service: "kafka",
        actions: "BatchAssociateScramSecret BatchDisassociateScramSecret CreateCluster CreateClusterV2 \
                  DeleteCluster TagResource UntagResource UpdateBrokerCount UpdateBrokerStorage \
                  UpdateBrokerType UpdateClusterConfiguration UpdateMonitoring UpdateSecurity",
        resource: "kafka:{here}:cluster/{name}/00000000-0000-0000-0000-000000000000-0",
        context: &[],
    },
    Right {
        sid: "Cluster",
        service: "kafka",
        actions: "CreateConfiguration DeleteConfiguration UpdateConfiguration",
        resource: "kafka:{here}:configuration/{name}/00000000-0000-0000-0000-000000000000-0",
        context: &[],
    },
    Right {
        sid: "Login",
        service: "secretsmanager",
        actions: "CreateSecret DeleteSecret PutSecretValue TagResource UpdateSecret",
        resource: "secretsmanager:{here}:secret:AmazonMSK_{name}-login",
        context: &[],
    },
    Right {
        sid: "KeyUnnamed",
        service: "kms",
        actions: "CreateKey TagResource",
        resource: "*",
        context: &[("aws:RequestTag/platform", "{name}")],
    },
    Right {
        sid: "KeysFirstPolicyUnnamed",
        service: "kms",
        actions: "PutKeyPolicy",
        resource: "*",
        context: &[("aws:ResourceTag/platform", "{name}")],
    },
    Right {
        sid: "Key",
        service: "kms",
        actions: "CreateGrant EnableKeyRotation GenerateDataKey RetireGrant ScheduleKeyDeletion \
                  TagResource UntagResource",
        resource: "kms:{here}:key/00000000-0000-0000-0000-000000000000",
        context: &[("aws:ResourceTag/platform", "{name}")],
    },
];
