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

output "snowflake_role_arn" {
  description = "STORAGE_AWS_ROLE_ARN of Snowflake's storage integration, known before the role is made."
  value       = module.lake.snowflake_role_arn
}

output "alarms_topic_arn" {
  description = "The topic that all alarms tell."
  value       = module.alarms.topic_arn
}

output "alarm_names" {
  description = "Every alarm."
  value       = module.alarms.alarm_names
}

output "policies" {
  description = "Every role's rendered policies, by the role's name: what the tests look through for stars."
  value       = merge(concat([module.lake.policies, module.jobs.policies], [for function in module.function : function.policies])...)
}
