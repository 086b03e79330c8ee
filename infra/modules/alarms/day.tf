# The day's jobs: one that fails, and one that never comes.

resource "aws_cloudwatch_metric_alarm" "state_machine" {
  for_each            = toset(["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"])
  alarm_name          = "${var.name}-day-${each.key}"
  alarm_description   = "the day's jobs did not end well: start the state machine again with {\"as_of\": the day}. ${local.runbook}#state-machine"
  namespace           = "AWS/States"
  metric_name         = each.key
  dimensions          = { StateMachineArn = var.state_machine_arn }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
}

locals {
  # What is there in every hour in which the platform works, by a name each.
  work = merge(
    { for name, function in var.functions : name => { metric = "Invocations", dimensions = { FunctionName = function.function_name } } if function.every_seconds == null ? false : function.every_seconds <= 3600 },
    { for key, it in local.mappings : key => { metric = "PolledEventCount", dimensions = { EventSourceMappingUUID = it.uuid } } },
  )

  # Hours, not a day: CloudWatch takes several periods without data before it calls them missing, days where a period is one.
  day_awaited = var.day_is_scheduled ? local.work : {}
  day_name    = "${var.name}-day-missing"
}

# Two halves, which tell nobody: no day ended well for so many hours, and the platform has worked for as many. Together they are a
# missing day. The second half keeps a new platform quiet until its first scheduled day could have ended; where all work has
# stopped, the alarms of what stopped ring.
resource "aws_cloudwatch_metric_alarm" "day_absent" {
  count               = var.day_is_scheduled ? 1 : 0
  alarm_name          = "${local.day_name}-absent"
  alarm_description   = "a half of ${local.day_name}: no run of the day's jobs succeeded for ${var.day_hours} hours. ${local.runbook}#day-missing"
  namespace           = "AWS/States"
  metric_name         = "ExecutionsSucceeded"
  dimensions          = { StateMachineArn = var.state_machine_arn }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = var.day_hours
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
}

resource "aws_cloudwatch_metric_alarm" "day_awaited" {
  for_each            = local.day_awaited
  alarm_name          = "${local.day_name}-awaited-${each.key}"
  alarm_description   = "a half of ${local.day_name}: ${each.key} has worked for ${var.day_hours} hours. ${local.runbook}#day-missing"
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = "SampleCount"
  period              = 3600
  evaluation_periods  = var.day_hours
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
}

resource "aws_cloudwatch_composite_alarm" "day_missing" {
  count             = var.day_is_scheduled ? 1 : 0
  alarm_name        = local.day_name
  alarm_description = "no run of the day's jobs succeeded for ${var.day_hours} hours. ${local.runbook}#day-missing"
  alarm_actions     = [aws_sns_topic.this.arn]
  ok_actions        = [aws_sns_topic.this.arn]

  alarm_rule = join(" AND ", concat(
    ["ALARM(\"${aws_cloudwatch_metric_alarm.day_absent[0].alarm_name}\")"],
    length(local.day_awaited) == 0 ? [] : ["(${join(" OR ", [for alarm in aws_cloudwatch_metric_alarm.day_awaited : "ALARM(\"${alarm.alarm_name}\")"])})"],
  ))
}

# The least that an invocation of a day's compaction told: the first ones of a large day leave work to the next. Where it fails it tells
# what there is all the same; hours without a compaction say nothing, and the alarm stays what it is.
resource "aws_cloudwatch_metric_alarm" "small_objects" {
  alarm_name          = "${var.name}-small-objects"
  alarm_description   = "more than ${var.small_objects} raw objects of closed hours are below their goal after the day's compaction. ${local.runbook}#small-objects"
  namespace           = "Millrace"
  metric_name         = "small_objects"
  dimensions          = { environment = var.name, function = "compact-raw" }
  statistic           = "Minimum"
  period              = 21600
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.small_objects
  treat_missing_data  = "ignore"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}
