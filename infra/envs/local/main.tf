# The platform on the emulators of this machine (cargo xtask infra apply-locally). Left out, as no emulator has it: MSK, and the
# event source mappings of Kafka. Interface endpoints are left out too: MiniStack forgets their groups.
data "aws_caller_identity" "current" {}

locals {
  name = "millrace-local"
}

module "platform" {
  source = "../../platform"

  # Made by the bootstrap, which is tried on the same emulator before.
  permissions_boundary_arn = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:policy/github-${local.name}-boundary"

  name       = local.name
  generation = "g0001"
  lake       = { bucket = "millrace-local-lake", destroy_objects = true }
  network    = { kind = var.network ? "make" : "none", availability_zones = ["us-east-1a", "us-east-1b"], interface_endpoints = [] }
  stream     = { kind = "existing", create_topics = true, existing = { brokers = var.brokers, security = "plain" } }
  mappings   = { made = false }
  zip_folder = var.zip_folder
  fetch      = { users = 10, api_url = var.api_url }
  alarms     = { emails = ["nobody@example.com"] }

  # Never opened to anybody: they show that both are made.
  erasers       = ["arn:aws:iam::000000000000:user/eraser"]
  snowflake     = { user_arn = "arn:aws:iam::123456789012:user/snowflake", external_id = "local", alarms = { user_arn = "arn:aws:iam::123456789012:user/snowflake", external_id = "local" } }
  notifications = null
}
