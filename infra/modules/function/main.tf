# One Rust function: arm64, a zip with `bootstrap`, published versions behind the alias `live`, a queue of what failed for good.

data "aws_region" "current" {}
data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:the key is a variable (kms_key_arn); without one the log service's own encrypt, and no row is logged
  #checkov:skip=CKV_AWS_338:how long a log is kept is a variable (log_retention_days)
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:tracing is a variable (tracing)
  #checkov:skip=CKV_AWS_115:concurrency is a variable (reserved_concurrency): an account's pool is small at first
  #checkov:skip=CKV_AWS_116:the queue of failures is the event invoke config's destination, which tells more than a dead letter queue
  #checkov:skip=CKV_AWS_117:the network is a variable: a job talks to S3 and Glue alone, and needs no VPC
  #checkov:skip=CKV_AWS_173:the key is a variable (kms_key_arn); the environment holds names, and no secret
  #checkov:skip=CKV_AWS_272:zips are built by the workflow that deploys them, whose role alone may
  function_name                  = var.name
  description                    = var.description
  role                           = aws_iam_role.this.arn
  filename                       = var.zip_path
  source_code_hash               = filebase64sha256(var.zip_path)
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = ["arm64"]
  timeout                        = var.timeout_seconds
  memory_size                    = var.memory_mib
  reserved_concurrent_executions = var.reserved_concurrency
  publish                        = true
  layers                         = var.secrets_layer_arn == null ? [] : [var.secrets_layer_arn]
  kms_key_arn                    = var.kms_key_arn
  depends_on                     = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]

  environment {
    variables = merge(
      var.environment,
      var.kafka_secret_arn == null ? {} : { MILLRACE_KAFKA_SECRET = var.kafka_secret_arn },
      var.kafka_ca_secret_arn == null ? {} : { MILLRACE_KAFKA_CA_SECRET = var.kafka_ca_secret_arn },
      { for key, value in local.registry_environment : key => value if value != null },
    )
  }

  ephemeral_storage {
    size = var.scratch_mib
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  dynamic "vpc_config" {
    for_each = var.network == null ? [] : [var.network]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.asked_for) == 0 || var.secrets_layer_arn != null
      error_message = "a secret (a login, or a private authority) is read through a layer: set secrets_layer_arn to the AWS Parameters and Secrets Lambda Extension (arm64) of the region."
    }
  }
}

# Events and schedules come to the alias, never to $LATEST. A deploy publishes a version and moves the alias when the smoke test has
# passed, a rollback moves it back: neither is Terraform's to undo.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that works"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version

  lifecycle {
    # The description tells the version before, for the rollback.
    ignore_changes = [description, function_version, routing_config]
  }
}

resource "aws_sqs_queue" "failures" {
  #checkov:skip=CKV_AWS_27:the key is a variable (kms_key_arn); without one SQS's own encrypt
  name                      = local.queue_name
  policy                    = local.queue_policy
  message_retention_seconds = var.queue_retention_days * 86400
  kms_master_key_id         = var.kms_key_arn
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
}

# An invocation that fails is not tried again by Lambda: who invokes knows better. The queue keeps its event and its error.
resource "aws_lambda_function_event_invoke_config" "live" {
  function_name                = aws_lambda_function.this.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 3600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures.arn
    }
  }
}
