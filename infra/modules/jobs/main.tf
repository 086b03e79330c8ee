# The three jobs of a day. On Lambda or on Fargate it is the same binary with the same settings; the day and the run's start come
# with each run.

data "aws_region" "current" {}
data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  # In the order of a day; each reads what the one before it published.
  jobs = ["raw-transformation", "analytics-aggregation", "time-series-analysis"]

  region   = data.aws_region.current.name
  account  = data.aws_caller_identity.current.account_id
  arn      = "arn:${data.aws_partition.current.partition}"
  lambda   = var.runs_on == "lambda"
  fargate  = var.runs_on == "fargate"
  glue_arn = "${local.arn}:glue:${local.region}:${local.account}"

  environment = {
    MILLRACE_LAKE          = var.lake.url
    MILLRACE_GLUE_DATABASE = aws_glue_catalog_database.lake.name
    MILLRACE_MEMORY_BYTES  = tostring(var.memory_bytes)
    MILLRACE_SCRATCH       = "/tmp/millrace"
  }

  # What the jobs write. Raw objects are read and never written: erasure and compaction are a person's, with other rights.
  written = ["curated", "analytics", "timeseries", "_runs", "_state", "_locks"]

  statements = concat(
    [
      {
        sid       = "ReadLake"
        actions   = ["s3:GetObject"]
        resources = ["${var.lake.prefix_arn}/*"]
      },
      {
        sid       = "WriteTables"
        actions   = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        resources = [for folder in local.written : "${var.lake.prefix_arn}/${folder}/*"]
      },
      {
        # A lake from before lakes said what they are is taken over: its store is tried, and the lake described.
        sid       = "TakeLakeOver"
        actions   = ["s3:PutObject", "s3:DeleteObject"]
        resources = ["${var.lake.prefix_arn}/_lake.json", "${var.lake.prefix_arn}/_lake_probe-*"]
      },
      {
        # Without a condition on the prefix: S3 answers "there is none" only to those who may list all of a bucket, and "forbidden" to
        # others, which a job that looks for a state or a run's record cannot tell from a wrong role.
        sid       = "ListLake"
        actions   = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
        resources = [var.lake.bucket_arn]
      },
      {
        sid = "RegisterPartitions"
        actions = [
          "glue:GetTable", "glue:CreateTable", "glue:UpdateTable",
          "glue:GetPartition", "glue:BatchCreatePartition", "glue:BatchUpdatePartition",
        ]
        resources = [
          "${local.glue_arn}:catalog",
          "${local.glue_arn}:database/${var.glue_database}",
          "${local.glue_arn}:table/${var.glue_database}/*",
        ]
      },
    ],
    var.lake_kms_key_arn == null ? [] : [{
      sid       = "UseLakeKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.lake_kms_key_arn]
    }],
  )
}

module "function" {
  source   = "../function"
  for_each = local.lambda ? toset(local.jobs) : toset([])

  name               = "${var.name}-${each.key}"
  description        = "The job ${each.key}, one invocation a day"
  zip_path           = var.zip_paths[each.key]
  timeout_seconds    = min(var.timeout_seconds, 900)
  memory_mib         = var.memory_mib
  scratch_mib        = var.scratch_mib
  environment        = local.environment
  statements         = local.statements
  kms_key_arn        = var.kms_key_arn
  log_retention_days = var.log_retention_days
  tracing            = var.tracing
}
