output "topic_arn" {
  description = "The topic that all alarms tell, and failed days too."
  value       = aws_sns_topic.this.arn
}

output "alarm_names" {
  description = "Every alarm."
  value = sort(concat(
    [for alarm in aws_cloudwatch_metric_alarm.errors : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.throttles : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.duration : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.failures : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.lag : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.freshness : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.dead_letters : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.state_machine : alarm.alarm_name],
    [aws_cloudwatch_metric_alarm.day_missing.alarm_name],
  ))
}

output "topic_policy" {
  description = "The rendered policy of the topic."
  value       = local.topic_policy
}
