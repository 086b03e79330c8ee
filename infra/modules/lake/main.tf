# The bucket that every record ends up in, and whom it is opened to.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:a second region is a choice of cost; versions bring back what is removed
  #checkov:skip=CKV_AWS_145:the key is a variable (kms_key_arn); without one S3's own encrypt
  #checkov:skip=CKV_AWS_18:the access log's bucket is a variable (access_log_bucket)
  #checkov:skip=CKV2_AWS_62:who is told of new objects is a variable (notifications), known after Snowflake's integration
  bucket        = var.bucket
  force_destroy = var.destroy_objects
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    bucket_key_enabled = var.kms_key_arn != null
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# Raw objects are the truth that every table is made of: nothing here ends a current object. Only what was replaced or
# removed, and the parts of uploads that never ended, go.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket     = aws_s3_bucket.this.id
  depends_on = [aws_s3_bucket_versioning.this]

  rule {
    id     = "what-was-replaced"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }
    expiration {
      # A marker that hides no version any more; not an object.
      expired_object_delete_marker = true
    }
  }

  rule {
    id     = "uploads-that-never-ended"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = var.multipart_days
    }
  }
}

locals {
  bucket_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_s3_bucket_policy" "this" {
  bucket     = aws_s3_bucket.this.id
  policy     = local.bucket_policy
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_logging" "this" {
  count         = var.access_log_bucket == null ? 0 : 1
  bucket        = aws_s3_bucket.this.id
  target_bucket = var.access_log_bucket
  target_prefix = "${var.bucket}/"
}

# One configuration a bucket: S3 would take a second one in place of the first.
resource "aws_s3_bucket_notification" "this" {
  count  = var.notifications == null ? 0 : 1
  bucket = aws_s3_bucket.this.id

  dynamic "queue" {
    for_each = var.notifications.queue_arn == null ? [] : [var.notifications.queue_arn]
    content {
      id            = "snowflake"
      queue_arn     = queue.value
      events        = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
      filter_prefix = "${var.prefix}/"
      filter_suffix = ".parquet"
    }
  }

  dynamic "topic" {
    for_each = var.notifications.topic_arn == null ? [] : [var.notifications.topic_arn]
    content {
      id            = "snowflake"
      topic_arn     = topic.value
      events        = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
      filter_prefix = "${var.prefix}/"
      filter_suffix = ".parquet"
    }
  }
}
