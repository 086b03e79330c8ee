# Two roles for GitHub's workflows, by OIDC and without a key that could be lost: `plan` reads, for pull requests; `deploy` changes, for
# jobs of the environment alone.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  region   = data.aws_region.current.name
  account  = data.aws_caller_identity.current.account_id
  arn      = "arn:${data.aws_partition.current.partition}"
  issuer   = "token.actions.githubusercontent.com"
  provider = var.oidc_provider_arn == null ? aws_iam_openid_connect_provider.github[0].arn : var.oidc_provider_arn

  trusted = {
    deploy = ["repo:${var.repository}:environment:${var.environment}"]
    plan = concat(
      ["repo:${var.repository}:pull_request"],
      [for branch in var.plan_branches : "repo:${var.repository}:ref:refs/heads/${branch}"],
    )
  }

  trust_policies = {
    for role, subjects in local.trusted : role => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = local.provider }
        Condition = {
          # Equal, not like: a pattern would let another repository's subject in by a name alike.
          StringEquals = {
            "${local.issuer}:aud" = "sts.amazonaws.com"
            "${local.issuer}:sub" = subjects
          }
        }
      }]
    })
  }
}

# AWS knows GitHub's authority itself and looks at no thumbprint.
resource "aws_iam_openid_connect_provider" "github" {
  count          = var.oidc_provider_arn == null ? 1 : 0
  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "this" {
  for_each = local.trust_policies
  # Not of the platform's prefix: the role may change the platform's roles, and must not change itself.
  name                 = "github-${var.name}-${each.key}"
  description          = "GitHub's workflows of ${var.repository}: ${each.key}"
  assume_role_policy   = each.value
  max_session_duration = 3600
}

# Managed, not inline: together they are larger than what a role holds inline.
resource "aws_iam_policy" "this" {
  #checkov:skip=CKV_AWS_355:what lists and describes names no resource, see local.looking
  #checkov:skip=CKV_AWS_290:the same; what changes something is named by the platform's prefix, but for EC2's, see local.network
  #checkov:skip=CKV_AWS_286:the role makes the platform's roles; it may pass and change those of the prefix alone
  #checkov:skip=CKV_AWS_287:no credentials are given out but the platform's own functions'
  #checkov:skip=CKV_AWS_289:as CKV_AWS_286
  #checkov:skip=CKV_AWS_288:of secrets Kafka's own login alone is read, by the provider at each plan, see local.looking
  for_each    = local.policies
  name        = "github-${var.name}-${replace(each.key, "_", "-")}"
  description = "GitHub's workflows of ${var.repository}: ${each.key}"
  policy      = each.value
}

locals {
  attached = { for key, attachment in {
    plan-looking       = { role = "plan", policy = "looking" }
    plan-state-reading = { role = "plan", policy = "state_reading" }
    deploy-looking     = { role = "deploy", policy = "looking" }
    deploy-state       = { role = "deploy", policy = "state" }
    deploy-compute     = { role = "deploy", policy = "compute" }
    deploy-keys        = { role = "deploy", policy = "keys" }
    deploy-storage     = { role = "deploy", policy = "storage" }
    deploy-roles       = { role = "deploy", policy = "roles" }
    deploy-network     = { role = "deploy", policy = "network" }
    deploy-streaming   = { role = "deploy", policy = "streaming" }
  } : key => attachment if contains(keys(local.policies), attachment.policy) }
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each   = local.attached
  role       = aws_iam_role.this[each.value.role].name
  policy_arn = aws_iam_policy.this[each.value.policy].arn
}
