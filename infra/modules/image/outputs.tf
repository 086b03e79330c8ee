output "repository_arn" {
  description = "jobs.image_repository_arn of the environment."
  value       = aws_ecr_repository.this.arn
}

output "repository_url" {
  description = "JOBS_IMAGE_REPOSITORY of the GitHub environment."
  value       = aws_ecr_repository.this.repository_url
}

output "role_arn" {
  description = "What image.yml assumes: AWS_IMAGE_ROLE of the GitHub environment."
  value       = aws_iam_role.this.arn
}

output "policy" {
  description = "The role's rendered policy, to be looked at."
  value       = local.policy
}

output "trust_policy" {
  description = "Whom the role trusts, rendered."
  value       = local.trust_policy
}
