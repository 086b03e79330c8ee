variable "region" {
  description = "The AWS region."
  type        = string
}

variable "bucket" {
  description = "The lake's bucket, unique in all of AWS."
  type        = string
}

variable "generation" {
  description = "MILLRACE_GENERATION: the name of this topic generation."
  type        = string
  default     = "g0001"
}

variable "network" {
  description = "See infra/platform: kind make, existing or none."
  type        = any
}

variable "stream" {
  description = "See infra/platform: kind existing, serverless or provisioned."
  type        = any
}

variable "registry" {
  description = "See infra/platform: the schema registry; null: the repository's schemas alone are known."
  type        = any
  default     = null
}

variable "secrets_layer_arn" {
  description = "The layer AWS Parameters and Secrets Lambda Extension of the region, for arm64; wanted with a login by SCRAM or at the registry, and with a private authority that a secret holds."
  type        = string
  default     = null
}

variable "erasers" {
  description = "ARNs of the IAM roles and users who may take on the role that erases persons (millrace erase); [] makes no such role."
  type        = list(string)
  default     = []
}

variable "snowflake" {
  description = "Whom the lake is opened to: user_arn and external_id of DESC INTEGRATION; alarms: the same of who tells the alarms' topic; null until the integrations are made."
  type        = object({ user_arn = string, external_id = string, alarms = optional(object({ user_arn = string, external_id = string })) })
  default     = null
}

variable "notifications" {
  description = "Who is told of new objects, for Snowflake's auto-refresh: queue_arn or topic_arn; null until there is one."
  type        = object({ queue_arn = optional(string), topic_arn = optional(string) })
  default     = null
}

variable "jobs" {
  description = "See infra/platform: runs_on lambda or fargate, and their sizes."
  type        = any
  default     = {}
}

variable "emails" {
  description = "Who is told of alarms: one person at least, but in an environment that nobody relies on."
  type        = list(string)
  default     = []
}

variable "kafka_password" {
  description = "The password of a provisioned cluster's login, by TF_VAR_kafka_password; kept by nothing but Secrets Manager."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true
}

variable "kafka_password_version" {
  description = "Raise it where kafka_password is another."
  type        = number
  default     = 1
}

variable "permissions_boundary_arn" {
  description = "The policy that bounds every role that is made, which cargo xtask bootstrap made and tells; null: none."
  type        = string
  default     = null
}

variable "image" {
  description = "The jobs' image by its digest, which the workflow image writes into image.auto.tfvars.json; over jobs.image. null: none."
  type        = string
  default     = null
}
