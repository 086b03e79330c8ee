variable "name" {
  description = "Begins the name of what is deployed, such as millrace-dev; the role may touch only names that begin so."
  type        = string
}

variable "repository" {
  description = "The GitHub repository, owner/name."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository has to be owner/name, without a star."
  }
}

variable "environment" {
  description = "The GitHub environment whose jobs deploy; its protection rules say which branches may."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9-]+$", var.environment))
    error_message = "environment has to be of a-z, 0-9 and '-'."
  }
}

variable "plan_branches" {
  description = "Branches whose jobs may plan without the environment, beside pull requests."
  type        = list(string)
  default     = ["main"]
  validation {
    condition     = alltrue([for branch in var.plan_branches : !strcontains(branch, "*")])
    error_message = "plan_branches has to name branches in full."
  }
}

variable "oidc_provider_arn" {
  description = "GitHub's OIDC provider, where the account has it; null makes it. An account has one at most."
  type        = string
  default     = null
}

variable "state_bucket_arn" {
  description = "The bucket of Terraform's state."
  type        = string
}

variable "state_key" {
  description = "The state's key in that bucket."
  type        = string
  validation {
    condition     = !strcontains(var.state_key, "*")
    error_message = "state_key has to be one key."
  }
}

variable "lake_bucket_arn" {
  description = "The lake's bucket, which the role makes and sets up, and whose objects it neither reads nor writes."
  type        = string
}

variable "kms_key_arns" {
  description = "KMS keys that were there before and that the platform is given (kms_key_arn of infra/platform): the roles may put logs and functions' environments under them."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for key in var.kms_key_arns : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", key))])
    error_message = "kms_key_arns has to be of ARNs of keys, such as arn:aws:kms:eu-central-1:123456789012:key/…; an alias is none."
  }
}

variable "permissions_boundary_arn" {
  description = "The policy that bounds the roles that a deploy makes (modules/boundary): it makes none without it; null: unbounded."
  type        = string
  default     = null
}
