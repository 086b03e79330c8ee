variable "name" {
  description = "Begins the name of everything here, such as millrace-dev."
  type        = string
}

variable "kind" {
  description = "serverless: MSK Serverless, login by IAM. provisioned: MSK on brokers of a size, login by SCRAM. existing: a cluster that is there already."
  type        = string
  default     = "existing"
  validation {
    condition     = contains(["serverless", "provisioned", "existing"], var.kind)
    error_message = "kind has to be serverless, provisioned or existing."
  }
}

variable "existing" {
  description = "The cluster that is there: its brokers (host:port), how it is talked to (plain, tls, scram or msk-iam), the secret with {\"username\", \"password\"} for scram and the KMS key around it, the ARN where it is MSK, and the secret with its authority's certificate, {\"certificate\": PEM}, and the KMS key around it where it is not a public one."
  type = object({
    brokers               = list(string)
    security              = string
    secret_arn            = optional(string)
    secret_kms_key_arn    = optional(string)
    cluster_arn           = optional(string)
    ca_secret_arn         = optional(string)
    ca_secret_kms_key_arn = optional(string)
  })
  default = null
  validation {
    condition     = var.existing == null ? true : length(var.existing.brokers) > 0 && alltrue([for broker in var.existing.brokers : can(regex("^[^:,/ ]+:[0-9]{1,5}$", broker))])
    error_message = "existing.brokers has to name brokers as host:port."
  }
  validation {
    condition     = var.existing == null ? true : contains(["plain", "tls", "scram", "msk-iam"], var.existing.security)
    error_message = "existing.security has to be plain, tls, scram or msk-iam."
  }
  validation {
    condition     = var.existing == null ? true : (var.existing.security == "scram") == (var.existing.secret_arn != null)
    error_message = "existing.secret_arn has to be given with security scram, and with no other."
  }
  validation {
    condition     = var.existing == null ? true : var.existing.ca_secret_arn == null || contains(["tls", "scram"], var.existing.security)
    error_message = "existing.ca_secret_arn goes with security tls or scram: with any other no certificate is checked by it."
  }
}

variable "vpc_id" {
  description = "The VPC of a cluster that is made; null with kind existing."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "The subnets of a cluster that is made, one a zone: three. Two are taken, and are a risk: two copies of each record, of which one has to be written (min.insync.replicas = 1), so that a zone that goes down may take records that were acknowledged."
  type        = list(string)
  default     = []
}

variable "client_security_group_ids" {
  description = "The groups whose members talk to a cluster that is made, by a name each."
  type        = map(string)
  default     = {}
}

variable "kafka_version" {
  description = "Kafka's version, with kind provisioned."
  type        = string
  default     = "3.8.x"
}

variable "broker_instance_type" {
  description = "The brokers' size, with kind provisioned."
  type        = string
  default     = "kafka.m7g.large"
}

variable "brokers_per_subnet" {
  description = "Brokers in each subnet, with kind provisioned."
  type        = number
  default     = 1
  validation {
    condition     = var.brokers_per_subnet >= 1 && var.brokers_per_subnet <= 10
    error_message = "brokers_per_subnet has to be 1 to 10."
  }
}

variable "broker_storage_gib" {
  description = "Each broker's disk in GiB, with kind provisioned."
  type        = number
  default     = 100
  validation {
    condition     = var.broker_storage_gib >= 1 && var.broker_storage_gib <= 16384
    error_message = "broker_storage_gib has to be 1 to 16384."
  }
}

variable "retention_hours" {
  description = "How long topics keep records: with kind provisioned what the cluster gives a topic that says nothing else, with the others what your topics have. From it follows how long land-events tries a batch again."
  type        = number
  default     = 168
  validation {
    condition     = var.retention_hours >= 1
    error_message = "retention_hours has to be 1 or more: the hours that your topics keep records (retention.ms / 3600000)."
  }
}

variable "log_retention_days" {
  description = "Days that the brokers' log is kept, with kind provisioned."
  type        = number
  default     = 30
}

variable "kafka_password" {
  description = "The login's password, with kind provisioned: from the environment (TF_VAR_kafka_password), kept by nothing but Secrets Manager."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true
  validation {
    condition     = var.kind != "provisioned" || try(length(var.kafka_password), 0) >= 8
    error_message = "a provisioned cluster has a login: give its password, of 8 characters or more, by TF_VAR_kafka_password."
  }
}

variable "kafka_password_version" {
  description = "Raise it where kafka_password is another."
  type        = number
  default     = 1
}
