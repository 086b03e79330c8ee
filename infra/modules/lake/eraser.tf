# Who erases persons (`millrace erase`): the one role that deletes versions for good, and the one besides the programs' that writes
# the lake. People take it on; no program has it.

locals {
  # Where rows about persons lie, or what is made of them; the rest is what every erasure writes of itself.
  eraser_rewrites = [for place in ["raw", "curated", "analytics", "timeseries", "state", "dead_letters", "runs", "erasures", "locks"] : local.places[place]]
  # aws_s3_bucket_versioning keeps what was there: of these nothing may stay.
  eraser_purges = [for place in ["raw", "curated", "analytics", "state", "dead_letters"] : local.places[place]]

  eraser_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "ReadLake"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${aws_s3_bucket.this.arn}/${var.prefix}/*"]
      },
      {
        # Without a condition on the prefix: see the jobs' role.
        Sid      = "ListLake"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"]
        Resource = [aws_s3_bucket.this.arn]
      },
      {
        Sid      = "Rewrite"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        Resource = [for folder in local.eraser_rewrites : "${aws_s3_bucket.this.arn}/${var.prefix}/${folder}/*"]
      },
      {
        Sid      = "Purge"
        Effect   = "Allow"
        Action   = ["s3:DeleteObjectVersion"]
        Resource = [for folder in local.eraser_purges : "${aws_s3_bucket.this.arn}/${var.prefix}/${folder}/*"]
      },
      ], var.kms_key_arn == null ? [] : [{
        Sid      = "UseKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [var.kms_key_arn]
    }])
  })
}

resource "aws_iam_role" "eraser" {
  count                = length(var.erasers) == 0 ? 0 : 1
  name                 = var.eraser_role_name
  description          = "Erases persons from the lake, its earlier versions included"
  permissions_boundary = var.permissions_boundary_arn
  max_session_duration = 14400
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = var.erasers }
    }]
  })
}

resource "aws_iam_role_policy" "eraser" {
  count  = length(var.erasers) == 0 ? 0 : 1
  name   = "lake"
  role   = aws_iam_role.eraser[0].id
  policy = local.eraser_policy
}
