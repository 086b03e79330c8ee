# The three jobs of a day, and the compaction after them (compaction.tf). On Lambda or on Fargate it is the same binary with the same settings; the day and the run's start come
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

  environment = merge(
    {
      MILLRACE_LAKE          = var.lake.url
      MILLRACE_GLUE_DATABASE = aws_glue_catalog_database.lake.name
      MILLRACE_MEMORY_BYTES  = tostring(var.memory_bytes)
      MILLRACE_SCRATCH       = "/tmp/millrace"
      MILLRACE_ENVIRONMENT   = var.name
    },
    { for database in aws_glue_catalog_database.iceberg : "MILLRACE_ICEBERG_DATABASE" => database.name },
  )

  # What lies at the root of a lake, by name: made of crates/lake, as what the jobs call is.
  places = jsondecode(file("${path.module}/../../lake.json"))

  # What each job writes. Raw objects are read and never written: the compaction is a function with other rights, and erasure a person's.
  written = {
    raw-transformation    = ["curated", "state", "runs", "locks"]
    analytics-aggregation = ["analytics", "runs", "locks"]
    time-series-analysis  = ["timeseries", "runs", "locks"]
  }

  # Of each job's role on Lambda, and of the one role that all have on Fargate.
  roles = merge(local.written, { fargate = distinct(flatten(values(local.written))) })

  statements = { for role, written in local.roles : role => concat(
    [
      {
        sid       = "ReadLake"
        actions   = ["s3:GetObject"]
        resources = ["${var.lake.prefix_arn}/*"]
      },
      {
        sid       = "WriteTables"
        actions   = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        resources = [for place in written : "${var.lake.prefix_arn}/${local.places[place]}/*"]
      },
      {
        # A lake from before lakes said what they are is taken over: its store is tried (Probe), and the lake described.
        sid       = "TakeLakeOver"
        actions   = ["s3:PutObject"]
        resources = ["${var.lake.prefix_arn}/${local.places.lake_file}"]
      },
      {
        # The object that a version's probe writes, reads (ReadLake) and removes before anything is sent to it.
        sid       = "Probe"
        actions   = ["s3:PutObject", "s3:DeleteObject"]
        resources = ["${var.lake.prefix_arn}/${local.places.probe}*"]
      },
      {
        # Without a condition on the prefix: S3 answers "there is none" only to those who may list all of a bucket, and "forbidden" to
        # others, which a job that looks for a state or a run's record cannot tell from a wrong role.
        sid       = "ListLake"
        actions   = ["s3:ListBucket"]
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
    var.iceberg ? [
      {
        # Files of new names alone: snapshots keep those that they were made with, and expiry is a person's.
        sid       = "WriteIcebergTables"
        actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
        resources = ["${var.lake.prefix_arn}/${local.places.iceberg}/*"]
      },
      {
        sid     = "SwapIcebergTables"
        actions = ["glue:GetTable", "glue:CreateTable", "glue:UpdateTable"]
        resources = [
          "${local.glue_arn}:catalog",
          "${local.glue_arn}:database/${var.glue_database}_iceberg",
          "${local.glue_arn}:table/${var.glue_database}_iceberg/*",
        ]
      },
    ] : [],
    var.lake_kms_key_arn == null ? [] : [{
      sid       = "UseLakeKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.lake_kms_key_arn]
    }],
  ) }
}

module "function" {
  source   = "../function"
  for_each = local.lambda ? toset(local.jobs) : toset([])

  name                     = "${var.name}-${each.key}"
  permissions_boundary_arn = var.permissions_boundary_arn
  description              = "The job ${each.key}, one invocation a day"
  zip_path                 = var.zip_paths[each.key]
  timeout_seconds          = min(var.timeout_seconds, 900)
  memory_mib               = var.memory_mib
  scratch_mib              = var.scratch_mib
  environment              = local.environment
  statements               = local.statements[each.key]
  kms_key_arn              = var.kms_key_arn
  log_retention_days       = var.log_retention_days
  tracing                  = var.tracing
}
