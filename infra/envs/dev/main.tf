# For trying things: small, and thrown away whole.
locals {
  name = "millrace-dev"
}

module "platform" {
  source = "../../platform"

  permissions_boundary_arn = var.permissions_boundary_arn

  name                   = local.name
  generation             = var.generation
  lake                   = { bucket = var.bucket, noncurrent_days = 7, destroy_objects = true }
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
  fetch                  = { users = 500, schedule = "rate(1 hour)" }
  mappings               = { maximum_pollers = 1 }
  alarms                 = { emails = var.emails, nobody_is_told = length(var.emails) == 0 }

  sizes = {
    create-topics       = { memory_mib = 256, timeout_seconds = 90 }
    fetch-users         = { memory_mib = 512, timeout_seconds = 120 }
    land-events         = { memory_mib = 1024, timeout_seconds = 120 }
    replay-dead-letters = { memory_mib = 512, timeout_seconds = 300 }
  }
}
