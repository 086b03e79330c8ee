# Each function has the same alarms; those that Kafka invokes and those that the clock does have their own too (kafka.tf), and so
# has the day (day.tf). All tell one topic, and each names its entry in docs/runbooks.md.

data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

resource "aws_sns_topic" "this" {
  #checkov:skip=CKV_AWS_26:the key is a variable (kms_key_arn): AWS's own key would keep CloudWatch from telling the topic
  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arn
}

locals {
  topic_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AlarmsTell"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["sns:Publish"]
        Resource  = aws_sns_topic.this.arn
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["sns:Publish"]
        Resource  = aws_sns_topic.this.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_policy" "this" {
  arn    = aws_sns_topic.this.arn
  policy = local.topic_policy
}

resource "aws_sns_topic_subscription" "email" {
  for_each  = toset(var.emails)
  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.key
}

locals {
  # An alarm says what it means in a line, and where the rest stands.
  runbook = var.runbooks
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each            = var.functions
  alarm_name          = "${each.value.function_name}-errors"
  alarm_description   = "${each.key} failed: its queue ${each.value.queue_name} and its log tell why. ${local.runbook}#errors"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = each.value.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_metric_alarm" "throttles" {
  for_each            = var.functions
  alarm_name          = "${each.value.function_name}-throttles"
  alarm_description   = "${each.key} was asked for more invocations at once than it may have: raise its reserved concurrency, or the account's limit where it has none. ${local.runbook}#throttles"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = { FunctionName = each.value.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_metric_alarm" "duration" {
  for_each            = { for name, function in var.functions : name => function if !function.stops_by_itself }
  alarm_name          = "${each.value.function_name}-duration"
  alarm_description   = "${each.key} takes nearly its timeout of ${each.value.timeout_seconds} s. ${local.runbook}#duration"
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  dimensions          = { FunctionName = each.value.function_name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.timeout_seconds * 1000 * var.duration_share
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_metric_alarm" "failures" {
  for_each            = var.functions
  alarm_name          = "${each.value.function_name}-failures"
  alarm_description   = "${each.value.queue_name} holds what failed for good: look at it before its 14 days are over. ${local.runbook}#failures"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value.queue_name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

# A clock that was lost, disabled or may not invoke tells nothing by itself.
resource "aws_cloudwatch_metric_alarm" "not_run" {
  for_each            = { for name, function in var.functions : name => function if function.every_seconds != null }
  alarm_name          = "${each.value.function_name}-not-run"
  alarm_description   = "${each.key} was not invoked for ${var.missed_runs} of its times. ${local.runbook}#not-run"
  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = each.value.function_name }
  statistic           = "Sum"
  period              = ceil(each.value.every_seconds / 60) * 60
  evaluation_periods  = var.missed_runs
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}
