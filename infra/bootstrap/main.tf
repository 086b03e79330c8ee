# What must be there before the first push: where the state is kept and whom AWS lets in. Its own state is a file beside the
# caller (cargo xtask bootstrap says where): nothing can keep the state of what keeps the state.

provider "aws" {
  region                      = var.region
  access_key                  = var.endpoint == null ? null : "test"
  secret_key                  = var.endpoint == null ? null : "test"
  skip_credentials_validation = var.endpoint != null
  skip_metadata_api_check     = var.endpoint != null
  s3_use_path_style           = var.endpoint != null

  default_tags {
    tags = { platform = var.name }
  }

  endpoints {
    ecr = var.endpoint
    iam = var.endpoint
    s3  = var.endpoint
    sts = var.endpoint
  }
}

data "aws_partition" "current" {}

locals {
  state_bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.state_bucket}"
}

resource "aws_s3_bucket" "state" {
  #checkov:skip=CKV_AWS_144:the state can be made again by import; a second region is a choice of cost
  #checkov:skip=CKV_AWS_145:S3's own keys encrypt; the state holds no secret, for the login is written without it
  #checkov:skip=CKV_AWS_18:an access log is an account's choice (CloudTrail tells the same)
  #checkov:skip=CKV2_AWS_62:nobody waits for the state to change
  count  = var.make_state_bucket ? 1 : 0
  bucket = var.state_bucket
}

resource "aws_s3_bucket_versioning" "state" {
  count  = var.make_state_bucket ? 1 : 0
  bucket = aws_s3_bucket.state[0].id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  count  = var.make_state_bucket ? 1 : 0
  bucket = aws_s3_bucket.state[0].id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  count                   = var.make_state_bucket ? 1 : 0
  bucket                  = aws_s3_bucket.state[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "state" {
  count      = var.make_state_bucket ? 1 : 0
  bucket     = aws_s3_bucket.state[0].id
  depends_on = [aws_s3_bucket_versioning.state]

  rule {
    id     = "old-states"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 365
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_s3_bucket_policy" "state" {
  count      = var.make_state_bucket ? 1 : 0
  bucket     = aws_s3_bucket.state[0].id
  depends_on = [aws_s3_bucket_public_access_block.state]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.state_bucket_arn, "${local.state_bucket_arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

module "deploy_role" {
  source = "../modules/deploy-role"

  name                     = var.name
  repository               = var.repository
  environment              = var.environment
  oidc_provider_arn        = var.oidc_provider_arn
  state_bucket_arn         = local.state_bucket_arn
  state_key                = "millrace/${var.environment}.tfstate"
  kms_key_arns             = var.kms_key_arns
  permissions_boundary_arn = module.boundary.arn
  lake_bucket_arn          = "arn:${data.aws_partition.current.partition}:s3:::${var.lake_bucket}"
}

module "boundary" {
  source = "../modules/boundary"

  name            = var.name
  lake_bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.lake_bucket}"
  secret_names    = var.secret_names
}

module "image" {
  source = "../modules/image"
  count  = var.jobs_image ? 1 : 0

  name              = var.name
  repository        = var.repository
  environment       = var.environment
  oidc_provider_arn = module.deploy_role.oidc_provider_arn
}
