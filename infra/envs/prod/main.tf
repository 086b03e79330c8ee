# What people rely on: a bucket that is not destroyed with what it holds, reserved concurrency, long logs.
locals {
  name = "millrace-prod"
}

module "platform" {
  source = "../../platform"

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
  notifications          = var.notifications
  jobs                   = var.jobs
  zip_folder             = abspath("${path.root}/../../../target/lambda")
  alarms                 = { emails = var.emails }
  log_retention_days     = 365
}
