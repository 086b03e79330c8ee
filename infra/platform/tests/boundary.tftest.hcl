# What bounds the roles that a deploy makes, beside what these roles have.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name              = "millrace-test"
  generation        = "g0001"
  kafka_password    = "of the tests alone"
  zip_folder        = "./tests/zips"
  lake              = { bucket = "lake-of-tests", kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
  alarms            = { emails = ["oncall@example.com"] }
  network           = { kind = "make", availability_zones = ["eu-central-1a", "eu-central-1b"] }
  tracing           = true
  snowflake         = { user_arn = "arn:aws:iam::999999999999:user/snowflake", external_id = "id" }
  registry          = { url = "https://registry.example.com:8081", secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf" }
  secrets_layer_arn = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:20"
}

run "boundary" {
  module {
    source = "../modules/boundary"
  }

  variables {
    lake_bucket_arn = "arn:aws:s3:::lake-of-tests"
  }

  assert {
    condition     = alltrue(flatten([for statement in jsondecode(output.policy).Statement : [for action in statement.Action : !strcontains(action, "*") && (!startswith(action, "iam:") || action == "iam:PassRole")]]))
    error_message = "a bounded role makes no role, and no action of the boundary has a star"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policy).Statement : !contains(statement.Resource, "*") || statement.Sid == "Unnamed"])
    error_message = "the boundary names resources wherever AWS lets it"
  }

  # AWS takes 6144 characters without white space.
  assert {
    condition     = length(output.policy) <= 6144
    error_message = "the boundary is no larger than AWS takes"
  }

  assert {
    condition     = !startswith(aws_iam_policy.this.name, "millrace-test-")
    error_message = "the boundary is not of the prefix that a deploy may change"
  }
}

run "by_iam" {
  variables {
    stream = { kind = "serverless" }
    jobs   = { runs_on = "fargate", image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/jobs@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", image_repository_arn = "arn:aws:ecr:eu-central-1:123456789012:repository/jobs" }
  }

  assert {
    condition     = length(setsubtract(flatten([for policy in output.policies : [for statement in jsondecode(policy).Statement : statement.Action]]), flatten([for statement in jsondecode(run.boundary.policy).Statement : statement.Action]))) == 0
    error_message = "what the platform's roles may do lies within the boundary (modules/boundary)"
  }
}

run "by_scram" {
  variables {
    stream = { kind = "provisioned" }
  }

  assert {
    condition     = length(setsubtract(flatten([for policy in output.policies : [for statement in jsondecode(policy).Statement : statement.Action]]), flatten([for statement in jsondecode(run.boundary.policy).Statement : statement.Action]))) == 0
    error_message = "what the platform's roles may do lies within the boundary (modules/boundary)"
  }
}
