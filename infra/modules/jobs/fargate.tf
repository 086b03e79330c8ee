resource "aws_ecs_cluster" "this" {
  count = local.fargate ? 1 : 0
  name  = "${var.name}-jobs"

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "task" {
  #checkov:skip=CKV_AWS_158:the key is a variable (kms_key_arn); no row is logged
  #checkov:skip=CKV_AWS_338:how long a log is kept is a variable (log_retention_days)
  for_each          = local.fargate ? toset(local.jobs) : toset([])
  name              = "/millrace/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_ecs_task_definition" "this" {
  for_each                 = local.fargate ? toset(local.jobs) : toset([])
  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu_units
  memory                   = var.memory_mib
  execution_role_arn       = aws_iam_role.start[0].arn
  task_role_arn            = aws_iam_role.task[0].arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }

  volume {
    name = "scratch"
  }

  container_definitions = jsonencode([{
    name                   = "job"
    image                  = var.image
    essential              = true
    command                = ["/usr/local/bin/${each.key}"]
    readonlyRootFilesystem = true
    mountPoints            = [{ sourceVolume = "scratch", containerPath = "/tmp", readOnly = false }]
    environment            = [for key, value in local.environment : { name = key, value = value }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.task[each.key].name
        "awslogs-region"        = local.region
        "awslogs-stream-prefix" = "job"
      }
    }
  }])

  lifecycle {
    precondition {
      condition     = var.image != null && var.image_repository_arn != null && var.network != null
      error_message = "jobs on Fargate want image, image_repository_arn and network."
    }
  }
}

locals {
  assumed_by_tasks = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })

  task_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in local.statements["fargate"] : merge(
      { Sid = statement.sid, Effect = "Allow", Action = statement.actions, Resource = statement.resources },
      try(statement.condition, null) == null ? {} : { Condition = statement.condition },
    )]
  })

  start_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          # A login to ECR is one for all of an account's repositories.
          Sid      = "LogIntoRegistry"
          Effect   = "Allow"
          Action   = ["ecr:GetAuthorizationToken"]
          Resource = ["*"]
        },
        {
          Sid      = "Log"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = [for group in aws_cloudwatch_log_group.task : "${group.arn}:*"]
        },
      ],
      var.image_repository_arn == null ? [] : [{
        Sid      = "Pull"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = [var.image_repository_arn]
      }],
    )
  })
}

resource "aws_iam_role" "task" {
  count                = local.fargate ? 1 : 0
  name                 = "${var.name}-jobs"
  description          = "The jobs of ${var.name} on Fargate"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.assumed_by_tasks
}

resource "aws_iam_role_policy" "task" {
  count  = local.fargate ? 1 : 0
  name   = "jobs"
  role   = aws_iam_role.task[0].id
  policy = local.task_policy
}

resource "aws_iam_role" "start" {
  count                = local.fargate ? 1 : 0
  name                 = "${var.name}-jobs-start"
  description          = "Fargate itself: fetches the image and writes the log"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.assumed_by_tasks
}

resource "aws_iam_role_policy" "start" {
  #checkov:skip=CKV_AWS_290:ecr:GetAuthorizationToken names no resource
  #checkov:skip=CKV_AWS_355:the same
  count  = local.fargate ? 1 : 0
  name   = "start"
  role   = aws_iam_role.start[0].id
  policy = local.start_policy
}
