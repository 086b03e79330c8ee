output "deploy_role_arn" {
  description = "What deploy.yml and rollback.yml assume: AWS_DEPLOY_ROLE of the GitHub environment."
  value       = aws_iam_role.this["deploy"].arn
}

output "plan_role_arn" {
  description = "What plan.yml assumes: AWS_PLAN_ROLE_<ENVIRONMENT> of the repository."
  value       = aws_iam_role.this["plan"].arn
}

output "oidc_provider_arn" {
  description = "GitHub's OIDC provider."
  value       = local.provider
}

output "policies" {
  description = "The rendered policies, to be looked at."
  value       = local.policies
}

output "policies_of" {
  description = "The names of each role's policies."
  value       = { for role in keys(local.trust_policies) : role => [for attachment in local.attached : attachment.policy if attachment.role == role] }
}

output "trust_policies" {
  description = "Whom the roles trust, rendered."
  value       = local.trust_policies
}
