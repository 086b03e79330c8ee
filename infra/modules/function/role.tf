locals {
  region  = data.aws_region.current.name
  account = data.aws_caller_identity.current.account_id
  arn     = "arn:${data.aws_partition.current.partition}"

  queue_name = "${var.name}-failures"

  registry_environment = {
    MILLRACE_REGISTRY_URL       = try(var.registry.url, null)
    MILLRACE_REGISTRY_SECRET    = try(var.registry.secret_arn, null)
    MILLRACE_REGISTRY_CA        = try(var.registry.ca_pem, null)
    MILLRACE_REGISTRY_CA_SECRET = try(var.registry.ca_secret_arn, null)
  }

  # What the function itself asks for, through the layer.
  asked_for = compact([
    var.kafka_secret_arn,
    var.kafka_ca_secret_arn,
    try(var.registry.secret_arn, null),
    try(var.registry.ca_secret_arn, null),
  ])
  # Lambda's pollers read theirs as the function.
  secrets = concat(local.asked_for, compact([
    try(var.kafka_source.secret_arn, null),
    try(var.kafka_source.ca_secret_arn, null),
  ]))
  secret_keys = compact([
    var.kafka_secret_kms_key_arn,
    var.kafka_ca_secret_kms_key_arn,
    try(var.registry.secret_kms_key_arn, null),
    try(var.registry.ca_secret_kms_key_arn, null),
    try(var.kafka_source.secret_kms_key_arn, null),
  ])

  allowed = concat(
    [
      {
        sid       = "Log"
        actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
      },
      {
        sid       = "TellFailures"
        actions   = ["sqs:SendMessage"]
        resources = [aws_sqs_queue.failures.arn]
      },
    ],
    length(local.secrets) == 0 ? [] : [{
      sid       = "ReadLogin"
      actions   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
      resources = distinct(local.secrets)
    }],
    length(local.secret_keys) == 0 ? [] : [{
      sid       = "DecryptLogin"
      actions   = ["kms:Decrypt"]
      resources = distinct(local.secret_keys)
    }],
    var.kms_key_arn == null ? [] : [{
      sid       = "UseKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.kms_key_arn]
    }],
    # X-Ray knows no resources to name.
    !var.tracing ? [] : [{
      sid       = "Trace"
      actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      resources = ["*"]
    }],
    # Lambda makes the function's network interfaces with the function's own role, before there is one to name.
    var.network == null && var.kafka_source == null ? [] : [{
      sid = "JoinNetwork"
      actions = [
        "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs",
      ]
      resources = ["*"]
    }],
    try(var.kafka_source.cluster_arn, null) == null ? [] : [{
      sid       = "LookAtCluster"
      actions   = ["kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:ListScramSecrets"]
      resources = [var.kafka_source.cluster_arn]
    }],
    # AWS lets no cluster be named here.
    try(var.kafka_source.cluster_arn, null) == null ? [] : [{
      sid       = "FindBrokers"
      actions   = ["kafka:GetBootstrapBrokers"]
      resources = ["*"]
    }],
    [for statement in var.statements : {
      sid       = statement.sid
      actions   = statement.actions
      resources = statement.resources
      condition = statement.condition
    }],
  )

  role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in local.allowed : merge(
      {
        Sid      = statement.sid
        Effect   = "Allow"
        Action   = statement.actions
        Resource = statement.resources
      },
      try(statement.condition, null) == null ? {} : { Condition = statement.condition },
    )]
  })

  # Only roles of this account write, by their own policies; nobody without TLS.
  queue_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"]
      Resource  = "${local.arn}:sqs:${local.region}:${local.account}:${local.queue_name}"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "The function ${var.name}"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  #checkov:skip=CKV_AWS_290:the statements with a star name neither more nor less than AWS lets one name, see local.allowed
  #checkov:skip=CKV_AWS_355:the same
  name   = "function"
  role   = aws_iam_role.this.id
  policy = local.role_policy
}
