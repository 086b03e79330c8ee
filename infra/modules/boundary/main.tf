# What a role of the platform may have at most, whatever its own policies say. The deploy role makes roles; without this it could give
# one of them anything. The policy is made by hands (infra/bootstrap), lies outside of the prefix that a deploy may change, and holds
# nothing that makes a role or a policy.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  region   = data.aws_region.current.name
  account  = data.aws_caller_identity.current.account_id
  arn      = "arn:${data.aws_partition.current.partition}"
  here     = "${local.region}:${local.account}"
  database = replace(var.name, "-", "_")
  secrets  = concat(["${var.name}-*", "AmazonMSK_${var.name}-*"], var.secret_names)

  statements = [
    {
      sid = "Lake"
      actions = [
        "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetBucketLocation", "s3:GetObject",
        "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions", "s3:ListMultipartUploadParts",
        "s3:PutObject",
      ]
      resources = [var.lake_bucket_arn, "${var.lake_bucket_arn}/*"]
    },
    {
      sid     = "Log"
      actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = [
        "${local.arn}:logs:${local.here}:log-group:/aws/lambda/${var.name}-*",
        "${local.arn}:logs:${local.here}:log-group:/millrace/${var.name}/*",
      ]
    },
    {
      sid       = "Tell"
      actions   = ["sqs:SendMessage", "sns:Publish"]
      resources = ["${local.arn}:sqs:${local.here}:${var.name}-*", "${local.arn}:sns:${local.here}:${var.name}-*"]
    },
    {
      sid     = "Start"
      actions = ["lambda:InvokeFunction", "states:StartExecution", "ecs:RunTask", "ecs:StopTask", "ecs:DescribeTasks"]
      resources = [
        "${local.arn}:lambda:${local.here}:function:${var.name}-*",
        "${local.arn}:states:${local.here}:stateMachine:${var.name}-*",
        "${local.arn}:ecs:${local.here}:task-definition/${var.name}-*",
        "${local.arn}:ecs:${local.here}:task/${var.name}-*",
      ]
    },
    {
      sid       = "HearOfTasks"
      actions   = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]
      resources = ["${local.arn}:events:${local.here}:rule/StepFunctionsGetEventsForECSTaskRule"]
    },
    {
      # A task's roles are the platform's own, bounded as the one that gives them.
      sid       = "GiveTasksTheirRoles"
      actions   = ["iam:PassRole"]
      resources = ["${local.arn}:iam::${local.account}:role/${var.name}-*"]
      condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
    },
    {
      sid = "Catalogue"
      actions = [
        "glue:BatchCreatePartition", "glue:BatchUpdatePartition", "glue:CreateTable", "glue:GetPartition", "glue:GetTable",
        "glue:UpdateTable",
      ]
      resources = [
        "${local.arn}:glue:${local.here}:catalog",
        "${local.arn}:glue:${local.here}:database/${local.database}",
        "${local.arn}:glue:${local.here}:database/${local.database}_iceberg",
        "${local.arn}:glue:${local.here}:table/${local.database}/*",
        "${local.arn}:glue:${local.here}:table/${local.database}_iceberg/*",
      ]
    },
    {
      sid       = "Secrets"
      actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
      resources = [for name in local.secrets : "${local.arn}:secretsmanager:${local.here}:secret:${name}"]
    },
    {
      # Which keys they are is nobody's to know before they are there; each key's own policy says who uses it.
      sid       = "Keys"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = ["${local.arn}:kms:${local.here}:key/*"]
    },
    {
      # A cluster may be another team's, by any name.
      sid = "Kafka"
      actions = [
        "kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:ListScramSecrets", "kafka-cluster:AlterGroup", "kafka-cluster:Connect",
        "kafka-cluster:CreateTopic", "kafka-cluster:DescribeClusterDynamicConfiguration", "kafka-cluster:DescribeGroup",
        "kafka-cluster:DescribeTopic", "kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:ReadData",
        "kafka-cluster:WriteData", "kafka-cluster:WriteDataIdempotently",
      ]
      resources = [for kind in ["cluster", "topic", "group"] : "${local.arn}:kafka:${local.here}:${kind}/*"]
    },
    {
      sid       = "Images"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = ["${local.arn}:ecr:${local.here}:repository/*"]
    },
    {
      # AWS lets none of these name what they are for: network interfaces, log delivery, traces, the registry's login.
      sid = "Unnamed"
      actions = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:UnassignPrivateIpAddresses",
        "ecr:GetAuthorizationToken", "kafka:GetBootstrapBrokers", "logs:CreateLogDelivery", "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries",
        "logs:PutResourcePolicy", "logs:UpdateLogDelivery", "xray:GetSamplingRules", "xray:GetSamplingTargets",
        "xray:PutTelemetryRecords", "xray:PutTraceSegments",
      ]
      resources = ["*"]
    },
  ]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in local.statements : merge(
      { Sid = statement.sid, Effect = "Allow", Action = statement.actions, Resource = statement.resources },
      try(statement.condition, null) == null ? {} : { Condition = statement.condition },
    )]
  })
}

resource "aws_iam_policy" "this" {
  #checkov:skip=CKV_AWS_288:it is a bound and gives nothing; what is read is the lake and the platform's secrets
  #checkov:skip=CKV_AWS_290:as CKV_AWS_288
  #checkov:skip=CKV_AWS_355:see the statement Unnamed
  # Not of the platform's prefix: whoever deploys must not widen it.
  name        = "github-${var.name}-boundary"
  description = "What a role of ${var.name} may have at most"
  policy      = local.policy
}
