output "arn" {
  description = "The policy's ARN: permissions_boundary_arn of an environment."
  value       = aws_iam_policy.this.arn
}

output "policy" {
  description = "The rendered policy, to be looked at."
  value       = local.policy
}
