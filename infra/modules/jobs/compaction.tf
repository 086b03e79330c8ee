# The day's last step: small raw objects of closed hours become large ones. It is a function wherever the jobs run, as it takes little
# memory, and goes on in another invocation where the time of one is over.

locals {
  compaction = "compact-raw"

  compaction_statements = concat(
    [
      {
        sid       = "ReadRaw"
        actions   = ["s3:GetObject"]
        resources = ["${var.lake.prefix_arn}/${local.places.raw}/*", "${var.lake.prefix_arn}/${local.places.lake_file}"]
      },
      {
        # Large objects are written before small ones go; where the bucket keeps versions, what goes can be brought back.
        sid       = "MergeRaw"
        actions   = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        resources = ["${var.lake.prefix_arn}/${local.places.raw}/*"]
      },
      {
        sid       = "AnnounceRemovals"
        actions   = ["s3:PutObject"]
        resources = ["${var.lake.prefix_arn}/${local.places.removal_marks}/*"]
      },
      {
        # Of compactions and erasures of a table one works at a time.
        sid       = "TakeLocks"
        actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        resources = ["${var.lake.prefix_arn}/${local.places.locks}/*"]
      },
      {
        # A lake from before lakes said what they are is taken over: its store is tried (Probe), and the lake described.
        sid       = "TakeLakeOver"
        actions   = ["s3:PutObject"]
        resources = ["${var.lake.prefix_arn}/${local.places.lake_file}"]
      },
      {
        sid       = "Probe"
        actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        resources = ["${var.lake.prefix_arn}/${local.places.probe}*"]
      },
      {
        # Without a condition on the prefix, as of the jobs: S3 tells only those who may list all of a bucket that there is none.
        sid       = "ListLake"
        actions   = ["s3:ListBucket"]
        resources = [var.lake.bucket_arn]
      },
    ],
    var.lake_kms_key_arn == null ? [] : [{
      sid       = "UseLakeKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.lake_kms_key_arn]
    }],
  )

  # A compaction that fails, or is not done after so many invocations, fails no day: its tables are made. Somebody is told, and the next
  # day's goes on, as it looks at the days before too.
  compaction_steps = {
    (local.compaction) = {
      Type     = "Task"
      Resource = "${local.arn}:states:::lambda:invoke"
      Arguments = {
        FunctionName = module.compaction.alias_arn
        Payload      = "{% {'as_of': ${local.as_of}, 'started_at': ${local.started_at}} %}"
      }
      TimeoutSeconds = var.compaction.timeout_seconds + 60
      Retry = [
        { ErrorEquals = ["Stop"], MaxAttempts = 0 },
        { ErrorEquals = ["States.ALL"], IntervalSeconds = local.waits_seconds[0], BackoffRate = 2, MaxAttempts = length(local.waits_seconds), JitterStrategy = "FULL" },
      ]
      Catch = [{ ErrorEquals = ["States.ALL"], Next = "NotCompacted", Output = { job = local.compaction, error = "{% $states.errorOutput %}" } }]
      Output = {
        job           = local.compaction
        done          = "{% $states.result.Payload.done %}"
        small_objects = "{% $states.result.Payload.small_objects %}"
        rounds        = "{% ($exists($states.input.rounds) ? $states.input.rounds : 0) + 1 %}"
      }
      Next = "Compacted"
    }
    Compacted = {
      Type = "Choice"
      Choices = [
        { Condition = "{% $states.input.done %}", Next = "Made" },
        { Condition = "{% $states.input.rounds >= ${var.compaction.rounds} %}", Next = "NotCompacted" },
      ]
      Default = local.compaction
    }
    NotCompacted = {
      Type     = "Task"
      Resource = "${local.arn}:states:::sns:publish"
      Arguments = {
        TopicArn = var.notify_topic_arn
        Subject  = "${var.name}: raw objects were not compacted"
        Message  = "{% $string($merge([$states.input, {'execution': $states.context.Execution.Id}])) %}"
      }
      Next = "Made"
    }
    Made = { Type = "Succeed" }
  }
}

module "compaction" {
  source = "../function"

  name                     = "${var.name}-${local.compaction}"
  permissions_boundary_arn = var.permissions_boundary_arn
  description              = "Compacts the closed hours of raw tables, after the day's jobs"
  zip_path                 = var.compaction_zip_path
  timeout_seconds          = var.compaction.timeout_seconds
  memory_mib               = var.compaction.memory_mib
  environment = {
    MILLRACE_LAKE         = var.lake.url
    MILLRACE_TARGET_BYTES = tostring(var.compaction.target_bytes)
    MILLRACE_MEMORY_BYTES = tostring(var.compaction.memory_bytes)
    MILLRACE_DAYS         = tostring(var.compaction.days)
    MILLRACE_ENVIRONMENT  = var.name
  }
  statements         = local.compaction_statements
  kms_key_arn        = var.kms_key_arn
  log_retention_days = var.log_retention_days
  tracing            = var.tracing
}
