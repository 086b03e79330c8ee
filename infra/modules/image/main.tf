# Where the jobs' image for Fargate is kept, and the role that pushes it (image.yml): another one than deploy's, which pushes nothing.

locals {
  issuer = "token.actions.githubusercontent.com"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # A login to ECR is one for all of an account's repositories.
        Sid      = "LogIntoRegistry"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      },
      {
        Sid    = "Push"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:GetDownloadUrlForLayer",
          "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = [aws_ecr_repository.this.arn]
      },
    ]
  })

  trust_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = var.oidc_provider_arn }
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = ["repo:${var.repository}:environment:${var.environment}"]
        }
      }
    }]
  })
}

resource "aws_ecr_repository" "this" {
  #checkov:skip=CKV_AWS_136:AWS's own keys encrypt; the image holds the jobs' programs, no row and no secret
  name = "${var.name}-jobs"
  # A tag that was pushed stays what it was.
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_iam_role" "this" {
  name                 = "github-${var.name}-image"
  description          = "GitHub's workflows of ${var.repository}: pushes the jobs' image"
  assume_role_policy   = local.trust_policy
  max_session_duration = 7200
}

resource "aws_iam_role_policy" "this" {
  #checkov:skip=CKV_AWS_290:ecr:GetAuthorizationToken names no resource
  #checkov:skip=CKV_AWS_355:the same
  name   = "push"
  role   = aws_iam_role.this.id
  policy = local.policy
}
