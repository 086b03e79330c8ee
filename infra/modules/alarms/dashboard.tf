locals {
  region = data.aws_region.current.name

  rows = [
    {
      title   = "Invocations that failed or were throttled"
      stat    = "Sum"
      metrics = flatten([for name, function in var.functions : [for metric in ["Errors", "Throttles"] : { of = ["AWS/Lambda", metric, "FunctionName", function.function_name], label = "${name} ${metric}" }]])
    },
    {
      title   = "Longest invocation, ms"
      stat    = "Maximum"
      metrics = [for name, function in var.functions : { of = ["AWS/Lambda", "Duration", "FunctionName", function.function_name], label = name }]
    },
    {
      title   = "Behind Kafka, records"
      stat    = "Maximum"
      metrics = [for name, function in var.functions : { of = ["AWS/Lambda", "OffsetLag", "FunctionName", function.function_name], label = name } if function.kafka]
    },
    {
      title   = "Polled by the mappings, records"
      stat    = "Sum"
      metrics = [for key, it in local.mappings : { of = ["AWS/Lambda", "PolledEventCount", "EventSourceMappingUUID", it.uuid], label = it.topic }]
    },
    {
      title   = "Newest record when it landed, s"
      stat    = "Maximum"
      metrics = [for key, it in local.topics : { of = ["Millrace", "freshness", "environment", var.name, "function", it.function, "topic", it.topic], label = it.topic }]
    },
    {
      title   = "Records in, out, dead, and coming again"
      stat    = "Sum"
      metrics = flatten([for key, it in local.topics : [for metric in ["records_in", "records_out", "records_dead", "retries"] : { of = ["Millrace", metric, "environment", var.name, "function", it.function, "topic", it.topic], label = "${it.topic} ${metric}" }]])
    },
    {
      title   = "What failed for good"
      stat    = "Maximum"
      metrics = [for name, function in var.functions : { of = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", function.queue_name], label = name }]
    },
    {
      title   = "Raw objects below their goal after a compaction"
      stat    = "Minimum"
      metrics = [{ of = ["Millrace", "small_objects", "environment", var.name, "function", "compact-raw"], label = "small_objects" }]
    },
    {
      title   = "The day's jobs"
      stat    = "Sum"
      metrics = [for metric in ["ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut"] : { of = ["AWS/States", metric, "StateMachineArn", var.state_machine_arn], label = metric }]
    },
  ]

  dashboard = {
    widgets = [for index, row in local.rows : {
      type   = "metric"
      x      = index % 2 * 12
      y      = floor(index / 2) * 6
      width  = 12
      height = 6
      properties = {
        title   = row.title
        region  = local.region
        stat    = row.stat
        period  = 300
        metrics = [for metric in row.metrics : concat(metric.of, [{ label = metric.label }])]
      }
    } if length(row.metrics) > 0]
  }
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode(local.dashboard)
}
