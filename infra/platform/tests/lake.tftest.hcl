# The lake's bucket: nobody's but ours, and nothing current is ever ended by the clock.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "bucket" {
  module {
    source = "../modules/lake"
  }

  variables {
    bucket              = "lake-of-tests"
    snowflake_role_name = "millrace-test-snowflake"
    eraser_role_name    = "millrace-test-eraser"
    erasers             = ["arn:aws:iam::123456789012:role/data-protection"]
    snowflake           = { user_arn = "arn:aws:iam::999999999999:user/snowflake", external_id = "id" }
    notifications       = { queue_arn = "arn:aws:sqs:eu-central-1:999999999999:sf-snowpipe" }
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "the bucket blocks public access in all four ways"
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "objects belong to the bucket's owner"
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "what is replaced can be brought back"
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule[*]).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "objects are encrypted"
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement :
      statement.Effect == "Deny" && statement.Condition.Bool["aws:SecureTransport"] == "false" && contains(statement.Resource, "${aws_s3_bucket.this.arn}/*")
    ])
    error_message = "nobody reads or writes without TLS"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement : statement.Effect == "Deny"])
    error_message = "the bucket's policy lets nobody in"
  }

  assert {
    condition = alltrue(flatten([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule : concat(
        [length(rule.transition) == 0],
        [for expiration in rule.expiration : coalesce(expiration.days, 0) == 0 && expiration.date == null],
      )
    ]))
    error_message = "the lifecycle never ends a current object"
  }

  assert {
    condition     = anytrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : length(rule.noncurrent_version_expiration) > 0 && rule.status == "Enabled"])
    error_message = "replaced versions end"
  }

  assert {
    condition     = anytrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : length(rule.abort_incomplete_multipart_upload) > 0 && rule.status == "Enabled"])
    error_message = "uploads that never ended end"
  }

  assert {
    condition     = aws_s3_bucket.this.force_destroy == false
    error_message = "the bucket is not destroyed with what it holds"
  }

  assert {
    condition     = one(aws_s3_bucket_notification.this[0].queue).queue_arn == "arn:aws:sqs:eu-central-1:999999999999:sf-snowpipe"
    error_message = "Snowflake's queue is told of new objects"
  }

  assert {
    condition     = jsondecode(aws_iam_role.snowflake[0].assume_role_policy).Statement[0].Condition.StringEquals["sts:ExternalId"] == "id"
    error_message = "Snowflake's role is assumed with the external id alone"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.snowflake[0].policy).Statement : alltrue([for action in statement.Action : can(regex("^s3:(Get|List)", action))])])
    error_message = "Snowflake only reads"
  }

  assert {
    condition     = output.snowflake_role_arn == "arn:aws:iam::123456789012:role/millrace-test-snowflake"
    error_message = "Snowflake's role has the name that the integration was told"
  }
}

run "erasers" {
  module {
    source = "../modules/lake"
  }

  variables {
    bucket              = "lake-of-tests"
    snowflake_role_name = "millrace-test-snowflake"
    eraser_role_name    = "millrace-test-eraser"
    erasers             = ["arn:aws:iam::123456789012:role/data-protection"]
  }

  assert {
    condition     = jsondecode(aws_iam_role.eraser[0].assume_role_policy).Statement[0].Principal.AWS == ["arn:aws:iam::123456789012:role/data-protection"]
    error_message = "the eraser's role is taken on by those who are named, and nobody else"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.eraser[0].policy).Statement : alltrue([
        for action in statement.Action : statement.Sid == "Purge" ? alltrue([for resource in statement.Resource : can(regex("/(raw|curated|analytics|_state|_dead_letters)/\\*$", resource))]) : action != "s3:DeleteObjectVersion"
      ])
    ])
    error_message = "versions are deleted for good where rows about persons lie, and nowhere else"
  }

  assert {
    condition     = output.eraser_role_arn == aws_iam_role.eraser[0].arn
    error_message = "the eraser's role is told"
  }
}

run "nobody_erases_unless_told" {
  module {
    source = "../modules/lake"
  }

  variables {
    bucket              = "lake-of-tests"
    snowflake_role_name = "millrace-test-snowflake"
    eraser_role_name    = "millrace-test-eraser"
  }

  assert {
    condition     = length(aws_iam_role.eraser) == 0 && output.eraser_role_arn == null
    error_message = "without erasers there is no such role"
  }
}

run "an_account_is_no_eraser" {
  command = plan
  module {
    source = "../modules/lake"
  }
  variables {
    bucket              = "lake-of-tests"
    snowflake_role_name = "millrace-test-snowflake"
    eraser_role_name    = "millrace-test-eraser"
    erasers             = ["arn:aws:iam::123456789012:root"]
  }
  expect_failures = [var.erasers]
}

run "a_bucket_with_a_dot_is_refused" {
  command = plan
  module {
    source = "../modules/lake"
  }
  variables {
    bucket              = "lake.of.tests"
    snowflake_role_name = "millrace-test-snowflake"
    eraser_role_name    = "millrace-test-eraser"
  }
  expect_failures = [var.bucket]
}

run "two_who_are_told_are_refused" {
  command = plan
  module {
    source = "../modules/lake"
  }
  variables {
    bucket              = "lake-of-tests"
    snowflake_role_name = "millrace-test-snowflake"
    eraser_role_name    = "millrace-test-eraser"
    notifications       = { queue_arn = "arn:aws:sqs:eu-central-1:1:q", topic_arn = "arn:aws:sns:eu-central-1:1:t" }
  }
  expect_failures = [var.notifications]
}
