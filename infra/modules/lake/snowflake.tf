# Snowflake's side names this role, this side names Snowflake's user: each needs the other first. The role's ARN follows from
# its name, so the integration is made with it before the role is there, and then tells whom the role may trust.

locals {
  snowflake_role_arn = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${var.snowflake_role_name}"

  # Tables and raw objects; state, locks, run records and dead letters are nobody's to query.
  places            = jsondecode(file("${path.module}/../../lake.json"))
  snowflake_folders = [for place in ["raw", "curated", "analytics", "timeseries"] : local.places[place]]

  snowflake_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "ReadTables"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = [for folder in local.snowflake_folders : "${aws_s3_bucket.this.arn}/${var.prefix}/${folder}/*"]
      },
      {
        Sid       = "ListTables"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [aws_s3_bucket.this.arn]
        Condition = { StringLike = { "s3:prefix" = [for folder in local.snowflake_folders : "${var.prefix}/${folder}/*"] } }
      },
      {
        Sid      = "LocateBucket"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation"]
        Resource = [aws_s3_bucket.this.arn]
      },
      ], var.kms_key_arn == null ? [] : [{
        Sid      = "Decrypt"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [var.kms_key_arn]
    }])
  })
}

resource "aws_iam_role" "snowflake" {
  count                = var.snowflake == null ? 0 : 1
  name                 = var.snowflake_role_name
  description          = "Snowflake's storage integration: reads the lake's tables"
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
  name   = "lake"
  role   = aws_iam_role.snowflake[0].id
  policy = local.snowflake_policy
}
