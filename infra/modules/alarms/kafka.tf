# What Kafka invokes: whether its mappings work, whether it keeps up, and what becomes of the records.

locals {
  topics = merge([
    for name, function in var.functions : {
      for topic in function.topics : "${name}-${topic}" => { function = name, topic = topic }
    }
  ]...)

  mappings = merge([
    for name, function in var.functions : {
      for topic, uuid in function.mappings : "${name}-${topic}" => { function = name, topic = topic, uuid = uuid }
    }
  ]...)

  # Freshness is told only when something lands. On a busy topic silence is the fault itself; on another one it is nothing: nobody
  # wrote. A busy topic's silence has to last, so that the pauses between two of its writers' runs ring nothing. The mappings' window is
  # added to both: records wait in it by intent.
  freshness_seconds = var.freshness_seconds + var.window_seconds
  freshness_periods = { for key, it in local.topics : key => max(2, ceil((lookup(var.busy_topics, it.topic, 0) + var.window_seconds) / 300)) }
}

# There is no event of a mapping that stops, and no metric of its state. But one that polls tells how much it polled, 0 too, and one
# that is disabled, stuck or may not log in tells nothing.
resource "aws_cloudwatch_metric_alarm" "stalled" {
  for_each            = local.mappings
  alarm_name          = "${var.functions[each.value.function].function_name}-stalled-${each.value.topic}"
  alarm_description   = "the event source mapping of ${each.value.topic} does not poll: look at its State and StateTransitionReason. ${local.runbook}#stalled"
  namespace           = "AWS/Lambda"
  metric_name         = "PolledEventCount"
  dimensions          = { EventSourceMappingUUID = each.value.uuid }
  statistic           = "SampleCount"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

# Given up, and not even the queue of failures was told: these offsets are known to nobody else.
resource "aws_cloudwatch_metric_alarm" "dropped" {
  for_each            = local.mappings
  alarm_name          = "${var.functions[each.value.function].function_name}-dropped-${each.value.topic}"
  alarm_description   = "${each.value.topic}: records were given up, and the queue of failures could not be told. ${local.runbook}#dropped"
  namespace           = "AWS/Lambda"
  metric_name         = "DroppedEventCount"
  dimensions          = { EventSourceMappingUUID = each.value.uuid }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
}

# A mapping that works tells its lag; one that tells none may be behind by anything.
resource "aws_cloudwatch_metric_alarm" "lag" {
  for_each            = { for name, function in var.functions : name => function if function.kafka }
  alarm_name          = "${each.value.function_name}-lag"
  alarm_description   = "${each.key} is behind by more than ${var.lag_records} records, or tells no lag at all. ${local.runbook}#lag"
  namespace           = "AWS/Lambda"
  metric_name         = "OffsetLag"
  dimensions          = { FunctionName = each.value.function_name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.lag_records
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

# Told by the function itself, docs/metrics.md.
resource "aws_cloudwatch_metric_alarm" "freshness" {
  for_each            = local.topics
  alarm_name          = "${var.functions[each.value.function].function_name}-freshness-${each.value.topic}"
  alarm_description   = "${each.value.topic}: nothing landed for ${local.freshness_periods[each.key] * 5} minutes that was younger than ${local.freshness_seconds} s. ${local.runbook}#freshness"
  namespace           = "Millrace"
  metric_name         = "freshness"
  dimensions          = { environment = var.name, function = each.value.function, topic = each.value.topic }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = local.freshness_periods[each.key]
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.freshness_seconds
  treat_missing_data  = contains(keys(var.busy_topics), each.value.topic) ? "breaching" : "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

# Records that come again for a quarter of an hour: whatever is wrong is not passing by, and each try brings them nearer to being given
# up. A batch that fails as a whole is an error of the function instead.
resource "aws_cloudwatch_metric_alarm" "retries" {
  for_each            = local.topics
  alarm_name          = "${var.functions[each.value.function].function_name}-retries-${each.value.topic}"
  alarm_description   = "${each.value.topic}: records come again and again, and are skipped in the end. ${local.runbook}#retries"
  namespace           = "Millrace"
  metric_name         = "retries"
  dimensions          = { environment = var.name, function = each.value.function, topic = each.value.topic }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each            = local.topics
  alarm_name          = "${var.functions[each.value.function].function_name}-dead-letters-${each.value.topic}"
  alarm_description   = "${each.value.topic}: records became dead letters; look with replay-dead-letters (dry_run). ${local.runbook}#dead-letters"
  namespace           = "Millrace"
  metric_name         = "records_dead"
  dimensions          = { environment = var.name, function = each.value.function, topic = each.value.topic }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
}
