# Whom AWS lets in from GitHub, and to what.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "roles" {
  module {
    source = "../modules/deploy-role"
  }

  variables {
    name             = "millrace-test"
    repository       = "someone/millrace"
    environment      = "prod"
    state_bucket_arn = "arn:aws:s3:::state"
    state_key        = "millrace/prod.tfstate"
    lake_bucket_arn  = "arn:aws:s3:::lake"

    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/github-millrace-test-boundary"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.policies["roles"]).Statement : statement.Condition.StringEquals["iam:PermissionsBoundary"] == [var.permissions_boundary_arn] if contains(statement.Action, "iam:CreateRole") || contains(statement.Action, "iam:PutRolePolicy") && !startswith(statement.Resource[0], "arn:aws:iam::123456789012:role/aws-service-role/")
    ])
    error_message = "a deploy makes no role without the boundary"
  }

  assert {
    condition     = anytrue([for statement in jsondecode(output.policies["state"]).Statement : statement.Resource == ["arn:aws:s3:::state/releases/prod/*"] && contains(statement.Action, "s3:PutObject") && contains(statement.Action, "s3:GetObject")])
    error_message = "a release writes down what it moves"
  }

  assert {
    condition     = jsonencode(jsondecode(output.trust_policies["deploy"]).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"]) == jsonencode(["repo:someone/millrace:environment:prod"])
    error_message = "only jobs of the environment deploy"
  }

  assert {
    condition     = alltrue([for policy in output.trust_policies : jsondecode(policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"])
    error_message = "only tokens that were made for AWS are taken"
  }

  assert {
    condition     = alltrue(flatten([for policy in output.trust_policies : [for subject in jsondecode(policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] : startswith(subject, "repo:someone/millrace:") && !strcontains(subject, "*")]]))
    error_message = "only this repository is let in"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]
    ]))
    error_message = "no right of a deploy has a star for its action"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [for statement in jsondecode(policy).Statement : !contains(statement.Resource, "*") || endswith(statement.Sid, "Unnamed")]
    ]))
    error_message = "what a deploy cannot name is told by its Sid"
  }

  assert {
    condition = alltrue(flatten([
      for name in output.policies_of["plan"] : [for statement in jsondecode(output.policies[name]).Statement : [for action in statement.Action : can(regex(":(Get|List|Describe|Validate)", action)) || action == "kms:Decrypt"]]
    ]))
    error_message = "a plan only looks"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [for statement in jsondecode(policy).Statement : [for resource in statement.Resource : resource != "arn:aws:s3:::lake/*"]]
    ]))
    error_message = "a deploy reads no object of the lake"
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.this : startswith(role.name, "github-")])
    error_message = "the roles are not of the prefix that they may change"
  }
}

run "another_repository_by_a_star_is_refused" {
  command = plan
  module {
    source = "../modules/deploy-role"
  }
  variables {
    name             = "millrace-test"
    repository       = "someone/*"
    environment      = "prod"
    state_bucket_arn = "arn:aws:s3:::state"
    state_key        = "millrace/prod.tfstate"
    lake_bucket_arn  = "arn:aws:s3:::lake"
  }
  expect_failures = [var.repository]
}

run "image" {
  module {
    source = "../modules/image"
  }

  variables {
    name              = "millrace-test"
    repository        = "someone/millrace"
    environment       = "prod"
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = jsonencode(jsondecode(output.trust_policy).Statement[0].Condition.StringEquals) == jsonencode({ "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com", "token.actions.githubusercontent.com:sub" = ["repo:someone/millrace:environment:prod"] })
    error_message = "only jobs of the environment push an image"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policy).Statement : statement.Resource == [output.repository_arn] || statement.Sid == "LogIntoRegistry"])
    error_message = "an image is pushed to its own repository"
  }

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE"
    error_message = "an image's tag stays what it was"
  }
}
