variable "bucket" {
  description = "The bucket's name, unique in all of AWS."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket has to be 3 to 63 of a-z, 0-9 and '-'; a dot would break TLS to it."
  }
}

variable "prefix" {
  description = "The lake's folder in the bucket, without slashes around it."
  type        = string
  default     = "lake"
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_/-]*[a-z0-9]$", var.prefix))
    error_message = "prefix has to be of a-z, 0-9, '_', '-' and inner '/', such as lake or teams/data."
  }
}

variable "kms_key_arn" {
  description = "A KMS key for the objects; null: S3's own keys (AES256)."
  type        = string
  default     = null
}

variable "noncurrent_days" {
  description = "Days that a replaced or removed object can be brought back."
  type        = number
  default     = 30
  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "noncurrent_days has to be 1 or more."
  }
}

variable "multipart_days" {
  description = "Days after which the parts of an upload that never ended are removed."
  type        = number
  default     = 7
  validation {
    condition     = var.multipart_days >= 1
    error_message = "multipart_days has to be 1 or more."
  }
}

variable "access_log_bucket" {
  description = "A bucket of the account that takes the access log; null: none is kept."
  type        = string
  default     = null
}

variable "notifications" {
  description = "Where S3 tells of new objects, for Snowflake's auto-refresh: the SQS queue that SHOW EXTERNAL TABLES tells, or an SNS topic. null until there is one."
  type = object({
    queue_arn = optional(string)
    topic_arn = optional(string)
  })
  default = null
  validation {
    condition     = var.notifications == null ? true : (var.notifications.queue_arn == null) != (var.notifications.topic_arn == null)
    error_message = "notifications has to have either queue_arn or topic_arn."
  }
}

variable "snowflake" {
  description = "Who reads the lake for Snowflake: STORAGE_AWS_IAM_USER_ARN and STORAGE_AWS_EXTERNAL_ID of DESC INTEGRATION. null until the integration is made."
  type = object({
    user_arn    = string
    external_id = string
  })
  default = null
  validation {
    condition     = var.snowflake == null ? true : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:user/", var.snowflake.user_arn)) && length(var.snowflake.external_id) > 0
    error_message = "snowflake.user_arn has to be the ARN of an IAM user, and external_id may not be empty."
  }
}

variable "snowflake_role_name" {
  description = "The name of Snowflake's role. It is known before the role is made, so that the integration can name it."
  type        = string
}

variable "erasers" {
  description = "ARNs of the IAM roles and users who may take on the role that erases persons (millrace erase); [] makes no such role."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.erasers : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "erasers has to name ARNs of IAM roles or users: a whole account would let anybody in it erase."
  }
}

variable "eraser_role_name" {
  description = "The name of the erasers' role."
  type        = string
}

variable "destroy_objects" {
  description = "Whether destroying the bucket may destroy what is in it. For environments that are thrown away."
  type        = bool
  default     = false
}

variable "permissions_boundary_arn" {
  description = "The policy that bounds every role that is made here (modules/boundary); null: none."
  type        = string
  default     = null
}
