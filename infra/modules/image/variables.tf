variable "name" {
  description = "Begins the name of what is deployed, such as millrace-dev."
  type        = string
}

variable "repository" {
  description = "The GitHub repository, owner/name."
  type        = string
}

variable "environment" {
  description = "The GitHub environment whose jobs push."
  type        = string
}

variable "oidc_provider_arn" {
  description = "GitHub's OIDC provider."
  type        = string
}
