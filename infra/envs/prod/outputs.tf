output "platform" {
  description = "What infra/platform tells: the lake, the functions and their versions, queues, the state machine, Snowflake's role."
  value       = module.platform
}
