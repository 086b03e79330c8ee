# What people rely on: a bucket that is not destroyed with what it holds, long logs, somebody who is told of alarms.
locals {
  name = "millrace-prod"
}

module "platform" {
  source = "../../platform"

  permissions_boundary_arn = var.permissions_boundary_arn

  name                   = local.name
  generation             = var.generation
  lake                   = { bucket = var.bucket, noncurrent_days = 90 }
  network                = var.network
  kafka_password         = var.kafka_password
  kafka_password_version = var.kafka_password_version
  stream                 = var.stream
  registry               = var.registry
  secrets_layer_arn      = var.secrets_layer_arn
  snowflake              = var.snowflake
  erasers                = var.erasers
  notifications          = var.notifications
  jobs                   = merge(var.jobs, var.image == null ? {} : { image = var.image })
  zip_folder             = abspath("${path.root}/../../../target/lambda")
  alarms                 = { emails = var.emails }
  log_retention_days     = 365
}
