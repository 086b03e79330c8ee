output "lake" {
  description = "The lake as MILLRACE_LAKE has it."
  value       = module.lake.url
}

output "bucket" {
  description = "The lake's bucket."
  value       = module.lake.bucket
}

output "brokers" {
  description = "The brokers as MILLRACE_BROKERS has them."
  value       = module.stream.brokers
}

output "kafka_security" {
  description = "How they are talked to, as MILLRACE_KAFKA_SECURITY has it."
  value       = module.stream.security
}

output "functions" {
  description = "Each function's and job's full name and the version that this apply published; cargo xtask release moves the aliases to these."
  value = merge(
    { for name, function in module.function : name => { function_name = function.function_name, version = function.published_version } },
    { for name, function in module.jobs.functions : name => { function_name = function.function_name, version = function.version } },
  )
}

output "starts" {
  description = "What starts functions and jobs by itself: made disabled, and set by cargo xtask release after the aliases moved."
  value = {
    mappings  = merge([for function in module.function : function.mappings]...)
    schedules = concat(flatten([for function in module.function : function.schedules]), module.jobs.schedules)
  }
}

output "queues" {
  description = "Each function's queue of failures."
  value       = { for name, function in module.function : name => function.queue_name }
}

output "state_machine_arn" {
  description = "The state machine of the day's jobs."
  value       = module.jobs.state_machine_arn
}

output "glue_database" {
  description = "The catalogue's database."
  value       = module.jobs.glue_database
}

output "iceberg_database" {
  description = "The catalogue's database of Iceberg tables; null without them."
  value       = module.jobs.iceberg_database
}

output "snowflake_role_arn" {
  description = "STORAGE_AWS_ROLE_ARN of Snowflake's storage integration, known before the role is made."
  value       = module.lake.snowflake_role_arn
}

output "snowflake_alarms_role_arn" {
  description = "AWS_SNS_ROLE_ARN of Snowflake's notification integration, known before the role is made."
  value       = module.alarms.snowflake_role_arn
}

output "alarms_topic_arn" {
  description = "The topic that all alarms tell."
  value       = module.alarms.topic_arn
}

output "alarm_names" {
  description = "Every alarm that tells somebody."
  value       = module.alarms.alarm_names
}

output "policies" {
  description = "Every role's rendered policies, by the role's name: what the tests look through for stars."
  value       = merge(concat([module.lake.policies, module.jobs.policies, module.alarms.policies], [for function in module.function : function.policies])...)
}

output "maximum_age_seconds" {
  description = "How long a batch that fails is tried again."
  value       = local.maximum_age
}

output "freshness_seconds" {
  description = "How old the newest record may be when it lands, the mappings' window in it, before somebody is told."
  value       = module.alarms.freshness_seconds
}

output "busy_topics" {
  description = "The topics whose silence is an alarm, and after how many seconds."
  value       = local.busy_topics
}

output "environments" {
  description = "The functions' settings, to be looked at; there is no secret among them."
  value       = { for name, function in local.functions : name => merge(local.kafka_environment, function.environment) }
}

output "eraser_role_arn" {
  description = "The role that people take on for millrace erase; null where nobody may."
  value       = module.lake.eraser_role_arn
}
