output "vpc_id" {
  description = "The VPC."
  value       = local.vpc_id
}

output "private_subnet_ids" {
  description = "Subnets without a way to the internet: the brokers and every function but fetch-users."
  value       = local.private_subnet_ids
}

output "egress_subnet_ids" {
  description = "Subnets with a way to the internet, for fetch-users and for jobs on Fargate."
  value       = local.egress_subnet_ids
}

output "functions_security_group_id" {
  description = "The group of functions that stay inside."
  value       = aws_security_group.functions.id
}

output "egress_security_group_id" {
  description = "The group of fetch-users."
  value       = aws_security_group.egress.id
}
