output "deploy_role_arn" {
  description = "AWS_DEPLOY_ROLE of the GitHub environment."
  value       = module.deploy_role.deploy_role_arn
}

output "plan_role_arn" {
  description = "AWS_PLAN_ROLE_<ENVIRONMENT> of the repository."
  value       = module.deploy_role.plan_role_arn
}

output "oidc_provider_arn" {
  description = "GitHub's OIDC provider, for the bootstrap of a second environment."
  value       = module.deploy_role.oidc_provider_arn
}

output "state_bucket" {
  description = "The bucket of Terraform's state: TF_STATE_BUCKET of the repository."
  value       = var.state_bucket
}

output "permissions_boundary_arn" {
  description = "The policy that bounds every role of the platform: permissions_boundary_arn of the environment."
  value       = module.boundary.arn
}

output "image" {
  description = "Where the jobs' image is kept and who pushes it, with jobs_image: repository_arn, repository_url, role_arn; null without."
  value       = one([for image in module.image : { repository_arn = image.repository_arn, repository_url = image.repository_url, role_arn = image.role_arn }])
}
