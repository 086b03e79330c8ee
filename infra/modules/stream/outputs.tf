locals {
  cluster = {
    serverless = {
      # Known only by asking: the cluster is its own resource's, its brokers' address another's.
      brokers               = one(data.aws_msk_bootstrap_brokers.serverless[*].bootstrap_brokers_sasl_iam)
      security              = "msk-iam"
      secret_arn            = null
      secret_kms_key_arn    = null
      cluster_arn           = one(aws_msk_serverless_cluster.this[*].arn)
      ca_secret_arn         = null
      ca_secret_kms_key_arn = null
    }
    provisioned = {
      brokers               = one(aws_msk_cluster.this[*].bootstrap_brokers_sasl_scram)
      security              = "scram"
      secret_arn            = one(aws_secretsmanager_secret.kafka[*].arn)
      secret_kms_key_arn    = one(aws_kms_key.kafka[*].arn)
      cluster_arn           = one(aws_msk_cluster.this[*].arn)
      ca_secret_arn         = null
      ca_secret_kms_key_arn = null
    }
    existing = var.existing == null ? null : {
      brokers               = join(",", var.existing.brokers)
      security              = var.existing.security
      secret_arn            = var.existing.secret_arn
      secret_kms_key_arn    = var.existing.secret_kms_key_arn
      cluster_arn           = var.existing.cluster_arn
      ca_secret_arn         = var.existing.ca_secret_arn
      ca_secret_kms_key_arn = var.existing.ca_secret_kms_key_arn
    }
  }[var.kind]
}

data "aws_msk_bootstrap_brokers" "serverless" {
  count       = local.serverless ? 1 : 0
  cluster_arn = aws_msk_serverless_cluster.this[0].arn
}

output "brokers" {
  description = "The brokers as MILLRACE_BROKERS has them: host:port, commas between."
  value       = local.cluster.brokers
  precondition {
    condition     = var.kind != "existing" || var.existing != null
    error_message = "kind is existing: say which cluster by existing = { brokers, security, … }."
  }
}

output "security" {
  description = "How the brokers are talked to, as MILLRACE_KAFKA_SECURITY has it."
  value       = local.cluster.security
}

output "secret_arn" {
  description = "The secret with the login, or null."
  value       = local.cluster.secret_arn
}

output "secret_kms_key_arn" {
  description = "The KMS key around the secret, or null."
  value       = local.cluster.secret_kms_key_arn
}

output "cluster_arn" {
  description = "The ARN of a cluster of MSK, or null."
  value       = local.cluster.cluster_arn
}

output "ca_secret_arn" {
  description = "The secret with the brokers' own authority, for mappings and functions, or null."
  value       = local.cluster.ca_secret_arn
}

output "ca_secret_kms_key_arn" {
  description = "The KMS key around that secret, or null."
  value       = local.cluster.ca_secret_kms_key_arn
}

output "key_policy" {
  description = "The rendered policy of the login's key."
  value       = local.key_policy
}

output "retention_seconds" {
  description = "How long topics keep records."
  value       = var.retention_hours * 3600
}
