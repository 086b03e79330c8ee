# Who invokes the function: Kafka's topics, the clock.

# Partial answers, bisecting and the limits of retries are AWS's for Kafka only with provisioned pollers. The function answers
# which records are not done; one that cannot be a row is a dead letter of its topic and never fails. What fails is the batch as a
# whole (settings, permissions): it is tried maximum_retries times or until maximum_age_seconds, whichever is first, and then told
# to the queue of failures, and skipped. Its records stay in Kafka until the topic's retention. A wrong bucket policy takes minutes to
# be found and a hundred tries are over by then, so that the age is what should end it: a day is left to land them again.
#
# Made disabled: nothing starts before a version has answered. cargo xtask release sets what kafka_source.enabled says (output mappings),
# and Terraform leaves it alone from then on.
resource "aws_lambda_event_source_mapping" "kafka" {
  for_each = toset(var.kafka_source == null ? [] : var.kafka_source.topics)

  function_name                      = aws_lambda_alias.live.arn
  event_source_arn                   = var.kafka_source.cluster_arn
  topics                             = [each.key]
  enabled                            = false
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = var.kafka_source.batch_size
  maximum_batching_window_in_seconds = var.kafka_source.window_seconds
  function_response_types            = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = var.kafka_source.maximum_retries
  maximum_record_age_in_seconds      = var.kafka_source.maximum_age_seconds
  depends_on                         = [aws_iam_role_policy.this]

  # PolledEventCount and DroppedEventCount, for the alarms. The provider 5.100.0 takes no other group, see docs/deploy.md.
  metrics_config {
    metrics = ["EventCount"]
  }

  provisioned_poller_config {
    minimum_pollers = var.kafka_source.minimum_pollers
    maximum_pollers = var.kafka_source.maximum_pollers
  }

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.failures.arn
    }
  }

  dynamic "amazon_managed_kafka_event_source_config" {
    for_each = var.kafka_source.cluster_arn == null ? [] : [1]
    content {
      consumer_group_id = "${var.kafka_source.consumer_group}-${each.key}"
    }
  }

  dynamic "self_managed_kafka_event_source_config" {
    for_each = var.kafka_source.cluster_arn == null ? [1] : []
    content {
      consumer_group_id = "${var.kafka_source.consumer_group}-${each.key}"
    }
  }

  dynamic "self_managed_event_source" {
    for_each = var.kafka_source.cluster_arn == null ? [1] : []
    content {
      endpoints = { KAFKA_BOOTSTRAP_SERVERS = join(",", sort(var.kafka_source.brokers)) }
    }
  }

  dynamic "source_access_configuration" {
    for_each = var.kafka_source.security == "scram" ? [var.kafka_source.secret_arn] : []
    content {
      type = "SASL_SCRAM_512_AUTH"
      uri  = source_access_configuration.value
    }
  }

  dynamic "source_access_configuration" {
    for_each = var.kafka_source.ca_secret_arn == null ? [] : [var.kafka_source.ca_secret_arn]
    content {
      type = "SERVER_ROOT_CA_CERTIFICATE"
      uri  = source_access_configuration.value
    }
  }

  dynamic "source_access_configuration" {
    for_each = var.kafka_source.cluster_arn == null ? var.kafka_source.poller_subnet_ids : []
    content {
      type = "VPC_SUBNET"
      uri  = "subnet:${source_access_configuration.value}"
    }
  }

  dynamic "source_access_configuration" {
    for_each = var.kafka_source.cluster_arn == null ? var.kafka_source.poller_group_ids : []
    content {
      type = "VPC_SECURITY_GROUP"
      uri  = "security_group:${source_access_configuration.value}"
    }
  }

  lifecycle {
    ignore_changes = [enabled]
  }
}

resource "aws_iam_role" "schedule" {
  count                = var.schedule == null ? 0 : 1
  name                 = "${var.name}-schedule"
  description          = "The clock that invokes ${var.name}"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

locals {
  schedule_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Invoke"
          Effect   = "Allow"
          Action   = ["lambda:InvokeFunction"]
          Resource = [aws_lambda_alias.live.arn]
        },
        {
          Sid      = "TellFailures"
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = [aws_sqs_queue.failures.arn]
        },
      ],
      # The queue's key.
      var.kms_key_arn == null ? [] : [{
        Sid      = "UseKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [var.kms_key_arn]
      }],
    )
  })
}

resource "aws_iam_role_policy" "schedule" {
  count  = var.schedule == null ? 0 : 1
  name   = "schedule"
  role   = aws_iam_role.schedule[0].id
  policy = local.schedule_policy
}

resource "aws_scheduler_schedule" "this" {
  #checkov:skip=CKV_AWS_297:what it sends is an empty event
  count                        = var.schedule == null ? 0 : 1
  name                         = var.name
  description                  = "Invokes ${var.name}"
  schedule_expression          = var.schedule
  schedule_expression_timezone = "UTC"
  # Until cargo xtask release has moved the alias to a version that answered.
  state = "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_alias.live.arn
    role_arn = aws_iam_role.schedule[0].arn
    input    = "{}"

    # A retry of fetch-users fetches other users: a run that failed is a gap that the next one closes.
    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }

    dead_letter_config {
      arn = aws_sqs_queue.failures.arn
    }
  }

  lifecycle {
    ignore_changes = [state]
  }
}
