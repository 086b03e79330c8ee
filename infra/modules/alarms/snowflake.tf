# Snowflake tells the same people: checks of the data that do not hold, and tasks of its own that failed (sql/030_data_quality.sql).
# As with the lake's role, each side names the other; the role's ARN follows from its name.

data "aws_partition" "current" {}

locals {
  snowflake_role_name = "${var.name}-snowflake-alarms"
  snowflake_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "TellTheTopic"
        Effect   = "Allow"
        Action   = ["sns:Publish"]
        Resource = [aws_sns_topic.this.arn]
      },
      ], var.kms_key_arn == null ? [] : [{
        Sid      = "EncryptForTheTopic"
        Effect   = "Allow"
        Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource = [var.kms_key_arn]
    }])
  })
}

resource "aws_iam_role" "snowflake" {
  count                = var.snowflake == null ? 0 : 1
  name                 = local.snowflake_role_name
  description          = "Snowflake's notification integration: tells the alarms' topic"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = var.snowflake.user_arn }
      Condition = { StringEquals = { "sts:ExternalId" = var.snowflake.external_id } }
    }]
  })
}

resource "aws_iam_role_policy" "snowflake" {
  count  = var.snowflake == null ? 0 : 1
  name   = "alarms"
  role   = aws_iam_role.snowflake[0].id
  policy = local.snowflake_policy
}
