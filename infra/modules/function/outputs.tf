output "function_name" {
  description = "The function's name."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "The function's ARN, without a version."
  value       = aws_lambda_function.this.arn
}

output "alias_arn" {
  description = "The ARN of the alias live, which is what is invoked."
  value       = aws_lambda_alias.live.arn
}

output "published_version" {
  description = "The version that this apply published; the alias moves to it by cargo xtask release."
  value       = aws_lambda_function.this.version
}

output "mappings" {
  description = "Each topic's mapping and whether it is to run: cargo xtask release sets that, Terraform makes it disabled."
  value       = { for topic, mapping in aws_lambda_event_source_mapping.kafka : topic => { uuid = mapping.uuid, enabled = var.kafka_source.enabled } }
}

output "schedules" {
  description = "The clock that invokes the function, which cargo xtask release enables; empty without one."
  value       = aws_scheduler_schedule.this[*].name
}

output "queue_arn" {
  description = "The queue of failures."
  value       = aws_sqs_queue.failures.arn
}

output "queue_name" {
  description = "The queue's name."
  value       = aws_sqs_queue.failures.name
}

output "timeout_seconds" {
  description = "What an invocation may take."
  value       = var.timeout_seconds
}

output "policies" {
  description = "The rendered policies of roles, to be looked at."
  value = merge(
    { (var.name) = local.role_policy },
    var.schedule == null ? {} : { "${var.name}-schedule" = local.schedule_policy },
  )
}

output "queue_policy" {
  description = "The rendered policy of the queue of failures."
  value       = local.queue_policy
}
