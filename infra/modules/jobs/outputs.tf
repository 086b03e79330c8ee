output "state_machine_arn" {
  description = "The state machine of the day's jobs; start it with {\"as_of\": \"YYYY-MM-DD\"} to make a day again; without one it makes yesterday."
  value       = aws_sfn_state_machine.day.arn
}

output "state_machine_name" {
  description = "The state machine's name."
  value       = aws_sfn_state_machine.day.name
}

output "definition" {
  description = "The state machine, to be looked at."
  value       = local.definition
}

output "glue_database" {
  description = "The catalogue's database."
  value       = aws_glue_catalog_database.lake.name
}

output "iceberg_database" {
  description = "The catalogue's database of Iceberg tables; null without them."
  value       = one(aws_glue_catalog_database.iceberg[*].name)
}

output "functions" {
  description = "The compaction and the jobs as functions, by their names; on Fargate the jobs are none. stops_by_itself: whether it ends before its timeout by its own clock."
  value = {
    for job, function in merge(module.function, { (local.compaction) = module.compaction }) : job => {
      function_name   = function.function_name
      queue_name      = function.queue_name
      timeout_seconds = function.timeout_seconds
      version         = function.published_version
      stops_by_itself = job == local.compaction
    }
  }
}

output "schedules" {
  description = "The clock that starts the day, which cargo xtask release enables; empty without one."
  value       = aws_scheduler_schedule.day[*].name
}

output "policies" {
  description = "The rendered policies of roles, to be looked at."
  value = merge(concat(
    [
      { (local.state_machine_name) = local.state_machine_policy },
      var.schedule == null ? {} : { "${local.state_machine_name}-schedule" = local.schedule_policy },
      local.fargate ? { "${var.name}-jobs" = local.task_policy, "${var.name}-jobs-start" = local.start_policy } : {},
    ],
    [for function in module.function : function.policies],
    [module.compaction.policies],
  )...)
}
