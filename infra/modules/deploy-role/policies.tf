# What the roles may do, one policy a kind of thing. Actions are named one by one, resources by the platform's prefix. Where AWS
# lets none be named (most of EC2's and of what lists), the statement's Sid ends in `Unnamed`, and the tests let no other star through.

locals {
  glue_database = replace(var.name, "-", "_")

  documents = {
    looking = concat([
      {
        sid = "LookUnnamed"
        actions = [
          "cloudwatch:DescribeAlarms", "ec2:DescribeAddresses", "ec2:DescribeAddressesAttribute", "ec2:DescribeAvailabilityZones",
          "ec2:DescribeInternetGateways", "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces",
          "ec2:DescribePrefixLists", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
          "ecs:DescribeTaskDefinition", "kafka:DescribeClusterOperation", "kafka:GetBootstrapBrokers", "kafka:ListScramSecrets",
          "lambda:ListEventSourceMappings", "logs:DescribeLogGroups", "sns:GetSubscriptionAttributes", "states:ListStateMachines",
          "states:ValidateStateMachineDefinition", "sts:GetCallerIdentity",
        ]
        resources = ["*"]
      },
      {
        sid = "LookAtOurs"
        actions = [
          "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource", "ecs:DescribeClusters", "glue:GetDatabase",
          "glue:GetPartitionIndexes", "glue:GetTable", "glue:GetTables", "glue:GetTags", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies",
          "lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionConcurrency",
          "lambda:GetFunctionConfiguration", "lambda:GetFunctionEventInvokeConfig", "lambda:ListTags", "lambda:ListVersionsByFunction",
          "logs:ListTagsForResource", "scheduler:GetSchedule", "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy",
          "sns:GetTopicAttributes", "sns:ListTagsForResource", "sqs:GetQueueAttributes", "sqs:ListQueueTags",
          "states:DescribeStateMachine", "states:ListStateMachineVersions", "states:ListTagsForResource",
        ]
        resources = concat(values(local.ours), local.glue)
      },
      {
        # A mapping's ARN is a number that nobody can foretell.
        sid       = "LookAtMappings"
        actions   = ["lambda:GetEventSourceMapping", "lambda:ListTags"]
        resources = ["${local.arn}:lambda:${local.region}:${local.account}:event-source-mapping:*"]
      },
      {
        sid = "LookAtBucket"
        actions = [
          "s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLocation", "s3:GetBucketLogging",
          "s3:GetBucketNotification", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy",
          "s3:GetBucketPublicAccessBlock", "s3:GetBucketRequestPayment", "s3:GetBucketTagging", "s3:GetBucketVersioning",
          "s3:GetBucketWebsite", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration",
          "s3:ListBucket",
        ]
        resources = [var.lake_bucket_arn]
      },
      {
        sid       = "LookAtClusters"
        actions   = ["kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:DescribeConfiguration", "kafka:DescribeConfigurationRevision", "kafka:ListTagsForResource"]
        resources = local.kafka
      },
      {
        sid       = "LookAtKey"
        actions   = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
        resources = [local.any_key]
        condition = local.our_key
      },
      {
        # A provisioned cluster's login: the provider reads a secret's version back at each plan, though state keeps nothing of it.
        sid       = "ReadLogin"
        actions   = ["secretsmanager:GetSecretValue"]
        resources = [local.ours.secrets]
      },
      {
        sid       = "DecryptLogin"
        actions   = ["kms:Decrypt"]
        resources = [local.any_key]
        condition = { StringEquals = merge(local.our_key.StringEquals, { "kms:ViaService" = ["secretsmanager.${local.region}.amazonaws.com"] }) }
      },
      ], length(var.kms_key_arns) == 0 ? [] : [{
        # Without it Lambda tells an error in place of a function's environment.
        sid       = "DecryptEnvironments"
        actions   = ["kms:Decrypt"]
        resources = var.kms_key_arns
        condition = local.by_lambda
    }])

    # A plan holds no lock and writes nothing: cargo xtask terraform plan says -lock=false.
    state_reading = [
      {
        sid       = "ReadState"
        actions   = ["s3:GetObject"]
        resources = ["${var.state_bucket_arn}/${var.state_key}"]
      },
      {
        sid       = "ListState"
        actions   = ["s3:ListBucket"]
        resources = [var.state_bucket_arn]
      },
    ]

    state = [
      {
        sid       = "ReadAndWriteState"
        actions   = ["s3:GetObject", "s3:PutObject"]
        resources = ["${var.state_bucket_arn}/${var.state_key}"]
      },
      {
        sid       = "LockState"
        actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        resources = ["${var.state_bucket_arn}/${var.state_key}.tflock"]
      },
      {
        sid       = "ListState"
        actions   = ["s3:ListBucket"]
        resources = [var.state_bucket_arn]
      },
      {
        # What a release moved, who holds the lease, and the program that goes back: docs/deploy.md.
        sid       = "Releases"
        actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        resources = ["${var.state_bucket_arn}/releases/${var.environment}/*"]
      },
    ]

    compute = [
      {
        sid = "Functions"
        actions = [
          "lambda:CreateAlias", "lambda:CreateFunction", "lambda:DeleteAlias", "lambda:DeleteFunction", "lambda:DeleteFunctionConcurrency",
          "lambda:DeleteFunctionEventInvokeConfig", "lambda:InvokeFunction", "lambda:PublishVersion", "lambda:PutFunctionConcurrency",
          "lambda:PutFunctionEventInvokeConfig", "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateAlias",
          "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionEventInvokeConfig",
        ]
        resources = [local.ours.functions]
      },
      {
        sid       = "MappingsUnnamed"
        actions   = ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping"]
        resources = ["*"]
        # No mapping of another's function.
        condition = { ArnLike = { "lambda:FunctionArn" = [local.ours.functions] } }
      },
      {
        # Tags know no function.
        sid       = "TagMappings"
        actions   = ["lambda:TagResource", "lambda:UntagResource"]
        resources = ["${local.arn}:lambda:${local.region}:${local.account}:event-source-mapping:*"]
      },
      {
        # AWS's own layer, of AWS's own account.
        sid       = "SecretsLayer"
        actions   = ["lambda:GetLayerVersion"]
        resources = ["${local.arn}:lambda:${local.region}:*:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:*"]
      },
      {
        sid = "Day"
        actions = [
          "states:CreateStateMachine", "states:DeleteStateMachine", "states:TagResource", "states:UntagResource", "states:UpdateStateMachine",
          "scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:UpdateSchedule",
          "ecs:CreateCluster", "ecs:DeleteCluster", "ecs:PutClusterCapacityProviders", "ecs:TagResource", "ecs:UpdateCluster",
        ]
        resources = [local.ours.state_machines, local.ours.schedules, local.ours.clusters, local.ours.tasks]
      },
      {
        # Definitions of tasks are registered before they have a name.
        sid       = "TasksUnnamed"
        actions   = ["ecs:RegisterTaskDefinition", "ecs:DeregisterTaskDefinition"]
        resources = ["*"]
      },
      {
        sid = "WatchThem"
        actions = [
          "cloudwatch:DeleteAlarms", "cloudwatch:DeleteDashboards", "cloudwatch:PutCompositeAlarm", "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm",
          "cloudwatch:TagResource", "cloudwatch:UntagResource", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy",
          "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource", "sns:CreateTopic", "sns:DeleteTopic",
          "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:UntagResource", "sns:Publish",
        ]
        resources = concat([local.ours.alarms, local.ours.dashboards, local.ours.topics], local.log_groups)
      },
      {
        # A subscription is ended by its own ARN, which AWS takes for no resource.
        sid       = "UnsubscribeUnnamed"
        actions   = ["sns:Unsubscribe"]
        resources = ["*"]
      },
      {
        # The state machine's log is delivered by the account's log service.
        sid       = "DeliverLogUnnamed"
        actions   = ["logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:UpdateLogDelivery", "logs:DescribeResourcePolicies", "logs:PutResourcePolicy"]
        resources = ["*"]
      },
    ]

    storage = [
      {
        # Its settings. Its objects are no business of a deploy.
        sid = "Bucket"
        actions = [
          "s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketLogging", "s3:PutBucketNotification",
          "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging",
          "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
        ]
        resources = [var.lake_bucket_arn]
      },
      {
        sid       = "Queues"
        actions   = ["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"]
        resources = [local.ours.queues]
      },
      {
        sid     = "Catalogue"
        actions = ["glue:CreateDatabase", "glue:CreateTable", "glue:DeleteDatabase", "glue:DeleteTable", "glue:TagResource", "glue:UntagResource", "glue:UpdateDatabase", "glue:UpdateTable"]
        # A database goes with its functions, though it has none.
        resources = concat(local.glue, ["${local.arn}:glue:${local.region}:${local.account}:userDefinedFunction/${local.glue_database}/*"])
      },
    ]

    # Keys that were there before, around logs and functions' environments. Lambda makes its grant in the name of who deploys.
    keys = [for statement in [
      {
        sid       = "UseKeys"
        actions   = ["kms:CreateGrant", "kms:DescribeKey", "kms:Encrypt"]
        resources = var.kms_key_arns
        condition = local.by_lambda
      },
      {
        sid       = "EncryptLogs"
        actions   = ["logs:AssociateKmsKey", "logs:DisassociateKmsKey"]
        resources = local.log_groups
      },
    ] : statement if length(var.kms_key_arns) > 0]

    roles = [
      {
        sid = "Roles"
        actions = [
          "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:ListInstanceProfilesForRole", "iam:TagRole", "iam:UntagRole",
          "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
        ]
        resources = [local.ours.roles]
      },
      {
        # Who makes a role gives it rights, but none that lie outside the boundary.
        sid       = "BoundedRoles"
        actions   = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        resources = [local.ours.roles]
        condition = var.permissions_boundary_arn == null ? null : { StringEquals = { "iam:PermissionsBoundary" = [var.permissions_boundary_arn] } }
      },
      {
        sid       = "GiveRoles"
        actions   = ["iam:PassRole"]
        resources = [local.ours.roles]
        condition = {
          StringEquals = { "iam:PassedToService" = ["lambda.amazonaws.com", "states.amazonaws.com", "scheduler.amazonaws.com", "ecs-tasks.amazonaws.com"] }
        }
      },
      {
        # An account's first cluster of MSK or ECS brings the service's own role with it.
        sid       = "ServicesOwnRoles"
        actions   = ["iam:CreateServiceLinkedRole"]
        resources = [for role in local.services_roles : "${local.arn}:iam::${local.account}:role/aws-service-role/${role}"]
        condition = { StringEquals = { "iam:AWSServiceName" = ["kafka.amazonaws.com", "ecs.amazonaws.com"] } }
      },
      {
        sid       = "KafkasOwnRole"
        actions   = ["iam:AttachRolePolicy", "iam:PutRolePolicy"]
        resources = ["${local.arn}:iam::${local.account}:role/aws-service-role/${local.services_roles[0]}"]
      },
    ]

    network = [
      {
        # EC2 lets a network be named only after it is there; the region is what bounds it.
        sid = "NetworkUnnamed"
        actions = [
          "ec2:AllocateAddress", "ec2:AssociateRouteTable", "ec2:AttachInternetGateway", "ec2:AuthorizeSecurityGroupEgress",
          "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateInternetGateway", "ec2:CreateNatGateway", "ec2:CreateRoute",
          "ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateTags", "ec2:CreateVpc",
          "ec2:CreateVpcEndpoint", "ec2:DeleteInternetGateway", "ec2:DeleteNatGateway", "ec2:DeleteRoute", "ec2:DeleteRouteTable",
          "ec2:DeleteSecurityGroup", "ec2:DeleteSubnet", "ec2:DeleteTags", "ec2:DeleteVpc", "ec2:DeleteVpcEndpoints",
          "ec2:DetachInternetGateway", "ec2:DisassociateAddress", "ec2:DisassociateRouteTable", "ec2:ModifySecurityGroupRules",
          "ec2:ModifySubnetAttribute", "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint", "ec2:ReleaseAddress",
          "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress", "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
          "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
        ]
        resources = ["*"]
        condition = { StringEquals = { "aws:RequestedRegion" = [local.region] } }
      },
      {
        # An endpoint with a private name joins AWS's own hosted zone. Route 53 is of no region.
        sid       = "PrivateNames"
        actions   = ["route53:AssociateVPCWithHostedZone"]
        resources = ["${local.arn}:route53:::hostedzone/*"]
      },
    ]

    streaming = [
      {
        sid = "Cluster"
        actions = [
          "kafka:BatchAssociateScramSecret", "kafka:BatchDisassociateScramSecret", "kafka:CreateCluster", "kafka:CreateClusterV2",
          "kafka:DeleteCluster", "kafka:TagResource", "kafka:UntagResource", "kafka:UpdateBrokerCount", "kafka:UpdateBrokerStorage",
          "kafka:UpdateBrokerType", "kafka:UpdateClusterConfiguration", "kafka:UpdateMonitoring", "kafka:UpdateSecurity",
          "kafka:CreateConfiguration", "kafka:DeleteConfiguration", "kafka:UpdateConfiguration",
        ]
        resources = local.kafka
      },
      {
        sid       = "Login"
        actions   = ["secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:PutSecretValue", "secretsmanager:TagResource", "secretsmanager:UpdateSecret"]
        resources = [local.ours.secrets]
      },
      {
        # A key has neither name nor tags before it is there: its first tags are asked for.
        sid       = "KeyUnnamed"
        actions   = ["kms:CreateKey", "kms:TagResource"]
        resources = ["*"]
        condition = { StringEquals = { "aws:RequestTag/platform" = [var.name] } }
      },
      {
        # AWS asks for it while a key is made, which has no tags yet; of other keys those with another platform's tag are safe.
        sid       = "KeysFirstPolicyUnnamed"
        actions   = ["kms:PutKeyPolicy"]
        resources = ["*"]
        condition = { StringEqualsIfExists = { "aws:ResourceTag/platform" = [var.name] } }
      },
      {
        sid       = "Key"
        actions   = ["kms:CreateGrant", "kms:EnableKeyRotation", "kms:GenerateDataKey", "kms:RetireGrant", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource"]
        resources = [local.any_key]
        condition = local.our_key
      },
    ]
  }

  here = "${local.region}:${local.account}"
  ours = {
    alarms         = "${local.arn}:cloudwatch:${local.here}:alarm:${var.name}-*"
    dashboards     = "${local.arn}:cloudwatch::${local.account}:dashboard/${var.name}"
    functions      = "${local.arn}:lambda:${local.here}:function:${var.name}-*"
    function_logs  = "${local.arn}:logs:${local.here}:log-group:/aws/lambda/${var.name}-*"
    state_logs     = "${local.arn}:logs:${local.here}:log-group:/aws/vendedlogs/states/${var.name}-*"
    logs           = "${local.arn}:logs:${local.here}:log-group:/millrace/${var.name}/*"
    roles          = "${local.arn}:iam::${local.account}:role/${var.name}-*"
    queues         = "${local.arn}:sqs:${local.here}:${var.name}-*"
    topics         = "${local.arn}:sns:${local.here}:${var.name}-*"
    state_machines = "${local.arn}:states:${local.here}:stateMachine:${var.name}-*"
    schedules      = "${local.arn}:scheduler:${local.here}:schedule/default/${var.name}-*"
    clusters       = "${local.arn}:ecs:${local.here}:cluster/${var.name}-*"
    tasks          = "${local.arn}:ecs:${local.here}:task-definition/${var.name}-*"
    secrets        = "${local.arn}:secretsmanager:${local.here}:secret:AmazonMSK_${var.name}-*"
  }
  log_groups     = [local.ours.logs, local.ours.function_logs, local.ours.state_logs]
  services_roles = ["kafka.amazonaws.com/AWSServiceRoleForKafka*", "ecs.amazonaws.com/AWSServiceRoleForECS*"]

  # A key's name is a number that nobody can foretell; the platform's is known by its tag.
  any_key   = "${local.arn}:kms:${local.region}:${local.account}:key/*"
  our_key   = { StringEquals = { "aws:ResourceTag/platform" = [var.name] } }
  by_lambda = { StringEquals = { "kms:ViaService" = ["lambda.${local.region}.amazonaws.com"] } }

  kafka = [
    "${local.arn}:kafka:${local.here}:cluster/${var.name}/*",
    "${local.arn}:kafka:${local.here}:configuration/${var.name}/*",
  ]
  glue = [
    "${local.arn}:glue:${local.here}:catalog",
    "${local.arn}:glue:${local.here}:database/${local.glue_database}",
    "${local.arn}:glue:${local.here}:database/${local.glue_database}_iceberg",
    "${local.arn}:glue:${local.here}:table/${local.glue_database}/*",
    "${local.arn}:glue:${local.here}:table/${local.glue_database}_iceberg/*",
  ]

  policies = {
    for policy, statements in local.documents : policy => jsonencode({
      Version = "2012-10-17"
      Statement = [for statement in statements : merge(
        { Sid = statement.sid, Effect = "Allow", Action = statement.actions, Resource = statement.resources },
        try(statement.condition, null) == null ? {} : { Condition = statement.condition },
      )]
    }) if length(statements) > 0
  }
}
