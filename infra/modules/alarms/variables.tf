variable "name" {
  description = "Begins the name of everything here, such as millrace-dev; as MILLRACE_ENVIRONMENT it is the metrics' dimension environment."
  type        = string
}

variable "functions" {
  description = "The functions and jobs that are watched, by a short name each: kafka says whether topics invoke it, topics whose records it lands, mappings the UUIDs of its event source mappings by their topics, every_seconds how often the clock invokes it (null: it does not), stops_by_itself whether it ends before its timeout by its own clock, so that a long invocation is none to be told of."
  type = map(object({
    function_name   = string
    queue_name      = string
    timeout_seconds = number
    kafka           = optional(bool, false)
    topics          = optional(list(string), [])
    mappings        = optional(map(string), {})
    every_seconds   = optional(number)
    stops_by_itself = optional(bool, false)
  }))
}

variable "state_machine_arn" {
  description = "The state machine of the day's jobs."
  type        = string
}

variable "day_is_scheduled" {
  description = "Whether the clock starts the day's jobs, so that a missing day is one."
  type        = bool
  default     = true
}

variable "day_hours" {
  description = "Hours between two days that ended well, after which a day is missing: the time between two starts, and what a day may take with its retries."
  type        = number
  default     = 27
  validation {
    condition     = var.day_hours >= 25 && var.day_hours <= 168
    error_message = "day_hours has to be 25 to 168: a day is 24 hours, and CloudWatch looks at seven days at most."
  }
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

variable "window_seconds" {
  description = "How long the mappings gather records before they land: so much older may a record be, and so much longer may a busy topic be silent."
  type        = number
  default     = 60
  validation {
    condition     = var.window_seconds >= 0 && var.window_seconds <= 300
    error_message = "window_seconds has to be 0 to 300."
  }
}

variable "small_objects" {
  description = "Raw objects of closed hours below their goal that a compaction may leave."
  type        = number
  default     = 100
  validation {
    condition     = var.small_objects >= 0
    error_message = "small_objects has to be 0 or more."
  }
}

variable "freshness_seconds" {
  description = "How old the newest record may be when it lands, beside window_seconds."
  type        = number
  default     = 900
  validation {
    condition     = var.freshness_seconds >= 1
    error_message = "freshness_seconds has to be 1 or more."
  }
}

variable "busy_topics" {
  description = "The topics to which somebody writes all the time, each with the seconds of silence after which that is a fault. A topic that is not named may be silent for ever: freshness is told only when something lands."
  type        = map(number)
  default     = {}
  validation {
    condition     = alltrue([for seconds in values(var.busy_topics) : seconds >= 600 && seconds <= 86400])
    error_message = "busy_topics has to tell 600 to 86400 seconds of each topic: CloudWatch looks at a day at most."
  }
}

variable "missed_runs" {
  description = "Times of its clock that a function may miss before somebody is told."
  type        = number
  default     = 3
  validation {
    condition     = var.missed_runs >= 2 && var.missed_runs <= 7
    error_message = "missed_runs has to be 2 to 7: one may fall between two periods, and CloudWatch looks at seven days at most."
  }
}

variable "runbooks" {
  description = "Where docs/runbooks.md is read: alarms name their entry in it."
  type        = string
  default     = "docs/runbooks.md"
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

variable "snowflake" {
  description = "Who tells the topic for Snowflake: SF_AWS_IAM_USER_ARN and SF_AWS_EXTERNAL_ID of DESC INTEGRATION. null until the integration is made."
  type        = object({ user_arn = string, external_id = string })
  default     = null
  validation {
    condition     = var.snowflake == null ? true : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:user/", var.snowflake.user_arn)) && length(var.snowflake.external_id) > 0
    error_message = "snowflake.user_arn has to be the ARN of an IAM user, and external_id may not be empty."
  }
}

variable "permissions_boundary_arn" {
  description = "What the role made here may have at most; null: no boundary."
  type        = string
  default     = null
}
