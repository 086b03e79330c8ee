# raw-transformation, then analytics-aggregation, then time-series-analysis, then the compaction, all of one day and with one start: of two runs for a
# day the later-started wins, whole. A day that fails is told by SNS, and can be run again with {"as_of": "YYYY-MM-DD"}.

locals {
  # The day is asked for by the execution's input. The clock asks for none, and starts after midnight for the day that has just ended:
  # the day before the execution's start. All jobs and their retries reckon from that start, so that a run stays one day's.
  started_at = "$states.context.Execution.StartTime"
  as_of      = "($exists($states.context.Execution.Input.as_of) ? $states.context.Execution.Input.as_of : $substringBefore($fromMillis($toMillis(${local.started_at}) - 86400000), 'T'))"

  arguments = {
    for job in local.jobs : job => local.lambda ? jsonencode({
      FunctionName = module.function[job].alias_arn
      Payload      = "{% {'as_of': ${local.as_of}, 'started_at': ${local.started_at}} %}"
      }) : jsonencode({
      Cluster        = one(aws_ecs_cluster.this[*].arn)
      TaskDefinition = aws_ecs_task_definition.this[job].arn
      LaunchType     = "FARGATE"
      NetworkConfiguration = {
        AwsvpcConfiguration = {
          Subnets        = try(var.network.subnet_ids, [])
          SecurityGroups = try(var.network.security_group_ids, [])
          AssignPublicIp = "DISABLED"
        }
      }
      Overrides = {
        ContainerOverrides = [{
          Name = "job"
          Environment = [
            { Name = "MILLRACE_AS_OF", Value = "{% ${local.as_of} %}" },
            { Name = "MILLRACE_STARTED_AT", Value = "{% ${local.started_at} %}" },
          ]
        }]
      }
    })
  }

  # What a job's process says of itself where it failed for good: jobs/cloud/src/exit_code.rs, whose test holds the two together.
  exit_code_of_stop = 64

  # How long the next try waits; as many tries as there are waits.
  waits_seconds = [60, 120, 240]

  steps = {
    for index, job in local.jobs : job => merge(
      {
        Type           = "Task"
        Resource       = local.lambda ? "${local.arn}:states:::lambda:invoke" : "${local.arn}:states:::ecs:runTask.sync"
        Arguments      = jsondecode(local.arguments[job])
        TimeoutSeconds = var.timeout_seconds + 60
      },
      # As text, for the two have not the same keys.
      jsondecode(local.lambda ? jsonencode({
        Retry = [
          # Settings, permissions, bugs: the same again would fail the same.
          { ErrorEquals = ["Stop"], MaxAttempts = 0 },
          { ErrorEquals = ["States.ALL"], IntervalSeconds = local.waits_seconds[0], BackoffRate = 2, MaxAttempts = length(local.waits_seconds), JitterStrategy = "FULL" },
        ]
        Catch  = [{ ErrorEquals = ["States.ALL"], Next = "Notify", Output = { job = job, error = "{% $states.errorOutput %}" } }]
        Output = "{% $states.result.Payload %}"
        }) : jsonencode({
        # A task that ended with another code than 0 is States.TaskFailed, and Retry sees no further: which code it was stands in the
        # error's cause, which a state of its own reads.
        Catch = [{
          ErrorEquals = ["States.ALL"]
          Next        = "${job} failed"
          Output = {
            job      = job
            error    = "{% $states.errorOutput %}"
            failures = "{% ($exists($states.input.failures) ? $states.input.failures : 0) + 1 %}"
          }
        }]
        Output = "{% {'job': '${job}'} %}"
      })),
      { Next = index + 1 < length(local.jobs) ? local.jobs[index + 1] : local.compaction },
    )
  }

  # Whether a job on Fargate is tried again, and when: Stop is not, and nothing more often than there are waits.
  again = merge({}, [for job in local.fargate ? local.jobs : [] : {
    "${job} failed" = {
      Type = "Choice"
      Choices = [
        { Condition = "{% $exists($states.input.error.Cause) and $contains($states.input.error.Cause, /\"ExitCode\": ?${local.exit_code_of_stop}\\D/) %}", Next = "Notify" },
        { Condition = "{% $states.input.failures > ${length(local.waits_seconds)} %}", Next = "Notify" },
      ]
      Default = "${job} again"
    }
    "${job} again" = {
      Type    = "Wait"
      Seconds = "{% ${jsonencode(local.waits_seconds)}[$states.input.failures - 1] %}"
      Next    = job
    }
  }]...)

  definition = {
    Comment       = "The jobs of a day"
    QueryLanguage = "JSONata"
    StartAt       = local.jobs[0]
    States = merge(local.steps, local.again, local.compaction_steps, {
      Notify = {
        Type     = "Task"
        Resource = "${local.arn}:states:::sns:publish"
        Arguments = {
          TopicArn = var.notify_topic_arn
          Subject  = "${var.name}: the day's jobs failed"
          Message  = "{% $string($merge([$states.input, {'execution': $states.context.Execution.Id}])) %}"
        }
        Next = "Failed"
      }
      Failed = {
        Type  = "Fail"
        Error = "JobFailed"
        Cause = "a job of the day failed; its error is in the execution's history and in the message"
      }
    })
  }

  state_machine_name = "${var.name}-day"

  state_machine_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "InvokeJobs"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = concat([for job in local.jobs : module.function[job].alias_arn if local.lambda], [module.compaction.alias_arn])
      }],
      [for statement in [
        {
          Sid      = "RunTasks"
          Effect   = "Allow"
          Action   = ["ecs:RunTask"]
          Resource = [for task in aws_ecs_task_definition.this : task.arn]
        },
        {
          Sid      = "FollowTasks"
          Effect   = "Allow"
          Action   = ["ecs:StopTask", "ecs:DescribeTasks"]
          Resource = ["${local.arn}:ecs:${local.region}:${local.account}:task/${var.name}-jobs/*"]
        },
        {
          Sid       = "GiveRoles"
          Effect    = "Allow"
          Action    = ["iam:PassRole"]
          Resource  = [one(aws_iam_role.task[*].arn), one(aws_iam_role.start[*].arn)]
          Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
        },
        {
          # How .sync learns that a task ended: a rule that Step Functions makes for the account.
          Sid      = "HearOfTasks"
          Effect   = "Allow"
          Action   = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]
          Resource = ["${local.arn}:events:${local.region}:${local.account}:rule/StepFunctionsGetEventsForECSTaskRule"]
        },
      ] : statement if local.fargate],
      [
        {
          Sid      = "Notify"
          Effect   = "Allow"
          Action   = ["sns:Publish"]
          Resource = [var.notify_topic_arn]
        },
        {
          # Log delivery is an account's, and names no resource.
          Sid    = "DeliverLog"
          Effect = "Allow"
          Action = [
            "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
          ]
          Resource = ["*"]
        },
      ],
      # A topic under a key takes messages only of who may use it.
      var.notify_kms_key_arn == null ? [] : [{
        Sid      = "UseTopicsKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [var.notify_kms_key_arn]
      }],
      # X-Ray knows no resources to name.
      var.tracing ? [{
        Sid      = "Trace"
        Effect   = "Allow"
        Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"]
        Resource = ["*"]
      }] : [],
    )
  })

  schedule_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Start"
      Effect   = "Allow"
      Action   = ["states:StartExecution"]
      Resource = ["${local.arn}:states:${local.region}:${local.account}:stateMachine:${local.state_machine_name}"]
    }]
  })
}

resource "aws_cloudwatch_log_group" "state_machine" {
  #checkov:skip=CKV_AWS_158:the key is a variable (kms_key_arn); no row is logged
  #checkov:skip=CKV_AWS_338:how long a log is kept is a variable (log_retention_days)
  name              = "/aws/vendedlogs/states/${local.state_machine_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_iam_role" "state_machine" {
  name                 = local.state_machine_name
  description          = "The state machine of the day's jobs"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "states.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "state_machine" {
  #checkov:skip=CKV_AWS_290:log delivery and X-Ray name no resource, see local.state_machine_policy
  #checkov:skip=CKV_AWS_355:the same
  name   = "day"
  role   = aws_iam_role.state_machine.id
  policy = local.state_machine_policy
}

resource "aws_sfn_state_machine" "day" {
  #checkov:skip=CKV_AWS_284:tracing is a variable (tracing)
  #checkov:skip=CKV_AWS_285:every execution that fails is logged (ERROR); that it ended well, the jobs' own logs tell
  name       = local.state_machine_name
  role_arn   = aws_iam_role.state_machine.arn
  definition = jsonencode(local.definition)
  depends_on = [aws_iam_role_policy.state_machine]

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = true
    log_destination        = "${aws_cloudwatch_log_group.state_machine.arn}:*"
  }

  dynamic "tracing_configuration" {
    for_each = var.tracing ? [true] : []
    content {
      enabled = true
    }
  }
}

resource "aws_iam_role" "schedule" {
  count                = var.schedule == null ? 0 : 1
  name                 = "${local.state_machine_name}-schedule"
  description          = "The clock that starts the day's jobs"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  count  = var.schedule == null ? 0 : 1
  name   = "schedule"
  role   = aws_iam_role.schedule[0].id
  policy = local.schedule_policy
}

resource "aws_scheduler_schedule" "day" {
  #checkov:skip=CKV_AWS_297:what it sends is an empty input
  count                        = var.schedule == null ? 0 : 1
  name                         = local.state_machine_name
  description                  = "Starts the day's jobs"
  schedule_expression          = var.schedule
  schedule_expression_timezone = "UTC"
  # Until cargo xtask release has moved the aliases to versions that answered.
  state = "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.day.arn
    role_arn = aws_iam_role.schedule[0].arn
    input    = "{}"

    # Starting is what is tried again here; the jobs' own retries are the state machine's.
    retry_policy {
      maximum_retry_attempts       = 10
      maximum_event_age_in_seconds = 3600
    }
  }

  lifecycle {
    ignore_changes = [state]
  }
}
