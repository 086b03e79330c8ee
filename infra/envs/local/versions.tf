terraform {
  required_version = ">= 1.11.0, < 2.0.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

# MiniStack answers all but CloudWatch's alarms, whose answer lacks fields there and would always differ: LocalStack does.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
  max_retries                 = 2
  # No default tags: LocalStack keeps none of an alarm.

  endpoints {
    cloudwatch     = var.localstack
    ec2            = var.ministack
    ecs            = var.ministack
    glue           = var.ministack
    iam            = var.ministack
    kafka          = var.ministack
    kms            = var.ministack
    lambda         = var.ministack
    logs           = var.ministack
    s3             = var.ministack
    scheduler      = var.ministack
    secretsmanager = var.ministack
    sfn            = var.ministack
    sns            = var.ministack
    sqs            = var.ministack
    sts            = var.ministack
  }
}
