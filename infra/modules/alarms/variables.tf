variable "name" {
  description = "Begins the name of everything here, such as millrace-dev."
  type        = string
}

variable "functions" {
  description = "The functions and jobs that are watched, by a short name each: kafka says whether topics invoke it, topics whose freshness it tells."
  type = map(object({
    function_name   = string
    queue_name      = string
    timeout_seconds = number
    kafka           = optional(bool, false)
    topics          = optional(list(string), [])
  }))
}

variable "state_machine_arn" {
  description = "The state machine of the day's jobs."
  type        = string
}

variable "emails" {
  description = "Who is told by mail; each confirms by a link."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@ ]+@[^@ ]+$", email))])
    error_message = "emails has to be of addresses, such as oncall@example.com."
  }
}

variable "kms_key_arn" {
  description = "A KMS key for the topic, which cloudwatch.amazonaws.com may use; null: the topic holds alarms' names in plain."
  type        = string
  default     = null
}

variable "lag_records" {
  description = "Records that land-events may be behind."
  type        = number
  default     = 100000
  validation {
    condition     = var.lag_records >= 1
    error_message = "lag_records has to be 1 or more."
  }
}

variable "freshness_seconds" {
  description = "How old the newest record may be when it lands."
  type        = number
  default     = 900
  validation {
    condition     = var.freshness_seconds >= 1
    error_message = "freshness_seconds has to be 1 or more."
  }
}

variable "duration_share" {
  description = "The share of its timeout that a function may take before somebody is told."
  type        = number
  default     = 0.8
  validation {
    condition     = var.duration_share > 0 && var.duration_share < 1
    error_message = "duration_share has to lie between 0 and 1."
  }
}
