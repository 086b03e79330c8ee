variable "region" {
  description = "The AWS region."
  type        = string
}

variable "name" {
  description = "The platform's name, such as millrace-dev."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name has to be 3 to 24 of a-z, 0-9 and '-', beginning with a letter."
  }
}

variable "repository" {
  description = "The GitHub repository, owner/name."
  type        = string
}

variable "environment" {
  description = "The GitHub environment, and the folder of infra/envs."
  type        = string
}

variable "state_bucket" {
  description = "The bucket of Terraform's state; one for all environments of an account."
  type        = string
}

variable "make_state_bucket" {
  description = "Whether the bucket is made here; false where another environment's bootstrap made it."
  type        = bool
  default     = true
}

variable "lake_bucket" {
  description = "The lake's bucket."
  type        = string
}

variable "jobs_image" {
  description = "Whether a repository for the jobs' image is made, for jobs on Fargate, and a role that pushes to it."
  type        = bool
  default     = false
}

variable "secret_names" {
  description = "Secrets that the functions read and whose names do not begin with name and a dash, such as kafka-*."
  type        = list(string)
  default     = []
}

variable "oidc_provider_arn" {
  description = "GitHub's OIDC provider, where the account has it; null makes it."
  type        = string
  default     = null
}

variable "kms_key_arns" {
  description = "KMS keys that the platform is given (kms_key_arn of infra/platform), for the roles to use."
  type        = list(string)
  default     = []
}

variable "endpoint" {
  description = "An emulator's endpoint on 127.0.0.1, to try the bootstrap; null: AWS."
  type        = string
  default     = null
  validation {
    condition     = var.endpoint == null ? true : startswith(var.endpoint, "http://127.0.0.1:")
    error_message = "endpoint is for emulators on 127.0.0.1."
  }
}
