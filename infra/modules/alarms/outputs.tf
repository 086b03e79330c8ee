output "topic_arn" {
  description = "The topic that all alarms tell, and failed days too."
  value       = aws_sns_topic.this.arn
}

output "alarm_names" {
  description = "Every alarm that tells somebody."
  value = sort(concat(
    [for alarm in aws_cloudwatch_metric_alarm.errors : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.throttles : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.duration : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.failures : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.lag : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.freshness : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.dead_letters : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.state_machine : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.not_run : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.stalled : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.dropped : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.retries : alarm.alarm_name],
    [aws_cloudwatch_metric_alarm.small_objects.alarm_name],
    [for alarm in aws_cloudwatch_composite_alarm.day_missing : alarm.alarm_name],
  ))
}

output "freshness_seconds" {
  description = "How old the newest record may be when it lands, the window in it."
  value       = local.freshness_seconds
}

output "topic_policy" {
  description = "The rendered policy of the topic."
  value       = local.topic_policy
}

output "snowflake_role_arn" {
  description = "AWS_SNS_ROLE_ARN of Snowflake's notification integration, known before the role is made."
  value       = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${local.snowflake_role_name}"
}

output "policies" {
  description = "The rendered policy of Snowflake's role."
  value       = { snowflake-alarms = local.snowflake_policy }
}
