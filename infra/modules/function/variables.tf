variable "name" {
  description = "The function's name, such as millrace-dev-land-events."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,63}$", var.name))
    error_message = "name has to be 3 to 64 of a-z, 0-9 and '-', beginning with a letter."
  }
}

variable "description" {
  description = "What it does, in a line."
  type        = string
}

variable "zip_path" {
  description = "The zip of cargo xtask package --arm64: target/lambda/<function>/bootstrap.zip."
  type        = string
}

variable "timeout_seconds" {
  description = "What an invocation may take."
  type        = number
  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900
    error_message = "timeout_seconds has to be 1 to 900."
  }
}

variable "memory_mib" {
  description = "Memory, and with it processor: 1769 MiB is one."
  type        = number
  validation {
    condition     = var.memory_mib >= 128 && var.memory_mib <= 10240
    error_message = "memory_mib has to be 128 to 10240."
  }
}

variable "scratch_mib" {
  description = "Disk below /tmp."
  type        = number
  default     = 512
  validation {
    condition     = var.scratch_mib >= 512 && var.scratch_mib <= 10240
    error_message = "scratch_mib has to be 512 to 10240."
  }
}

variable "reserved_concurrency" {
  description = "Invocations at once at most, held back for this function; -1: none, and the account's pool is shared. A new account has a pool of 10, which AWS keeps unreserved, and refuses every reservation; the pollers bound a function that Kafka invokes without one."
  type        = number
  default     = -1
  validation {
    condition     = var.reserved_concurrency == -1 || var.reserved_concurrency >= 1
    error_message = "reserved_concurrency has to be -1 or 1 and more; 0 would stop the function."
  }
}

variable "environment" {
  description = "The function's settings, as its README tells them."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for key in keys(var.environment) : !can(regex("PASSWORD|TOKEN", key))])
    error_message = "a secret does not belong into the environment: give kafka_secret_arn or registry.secret_arn."
  }
}

variable "statements" {
  description = "What the function may do beside its own log and queue: actions on named resources."
  type = list(object({
    sid       = string
    actions   = list(string)
    resources = list(string)
    condition = optional(map(map(list(string))))
  }))
  default = []
  validation {
    condition     = alltrue(flatten([for statement in var.statements : [for action in statement.actions : !endswith(action, "*")]]))
    error_message = "an action has to be named in full, without a star."
  }
  validation {
    condition     = alltrue(flatten([for statement in var.statements : [for resource in statement.resources : resource != "*"]]))
    error_message = "a resource has to be named."
  }
}

variable "network" {
  description = "The subnets and groups of the function; null: it lives outside a VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "kafka_secret_arn" {
  description = "The secret with Kafka's login, which the function reads through secrets_layer_arn; null: none."
  type        = string
  default     = null
}

variable "kafka_secret_kms_key_arn" {
  description = "The KMS key around that secret; null: AWS's own."
  type        = string
  default     = null
}

variable "kafka_ca_secret_arn" {
  description = "The secret with the brokers' own authority, PEM or {\"certificate\": PEM}, which the function reads through secrets_layer_arn; null: a public one signed."
  type        = string
  default     = null
}

variable "kafka_ca_secret_kms_key_arn" {
  description = "The KMS key around that secret; null: AWS's own."
  type        = string
  default     = null
}

variable "registry" {
  description = "The schema registry that the function asks: its URL, the secret with {\"username\", \"password\"} and the KMS key around it, and its authority where it is not a public one: ca_pem, up to 2,000 bytes, or the secret with PEM or {\"certificate\": PEM} and the key around it. null: none."
  type = object({
    url                   = string
    secret_arn            = optional(string)
    secret_kms_key_arn    = optional(string)
    ca_pem                = optional(string)
    ca_secret_arn         = optional(string)
    ca_secret_kms_key_arn = optional(string)
  })
  default = null
  validation {
    condition     = var.registry == null ? true : can(regex("^https?://[^/@?#]+(/[^@?#]*)?$", var.registry.url))
    error_message = "registry.url has to be http:// or https:// with a host, without a login in it: give registry.secret_arn."
  }
  validation {
    condition     = var.registry == null ? true : startswith(var.registry.url, "https://") || (var.registry.secret_arn == null && var.registry.ca_pem == null && var.registry.ca_secret_arn == null)
    error_message = "a login or an authority of the registry wants a URL with https."
  }
  validation {
    condition     = var.registry == null ? true : var.registry.ca_pem == null || var.registry.ca_secret_arn == null
    error_message = "the registry's authority is told twice: give ca_pem, or ca_secret_arn."
  }
  validation {
    condition     = try(length(var.registry.ca_pem), 0) <= 2000
    error_message = "registry.ca_pem has to be 2,000 bytes at most, as Lambda takes 4 KB of all settings: keep a larger one in a secret, and give registry.ca_secret_arn."
  }
}

variable "secrets_layer_arn" {
  description = "The layer AWS Parameters and Secrets Lambda Extension of the region, for arm64. Wanted with any secret of Kafka or of the registry."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "A KMS key for the log, the queue and the environment; null: AWS's own."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that the log is kept."
  type        = number
  default     = 30
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days has to be a number of days that CloudWatch knows, such as 30 or 365."
  }
}

variable "tracing" {
  description = "Whether X-Ray samples invocations."
  type        = bool
  default     = false
}

variable "queue_retention_days" {
  description = "Days that the queue of failures keeps one."
  type        = number
  default     = 14
  validation {
    condition     = var.queue_retention_days >= 1 && var.queue_retention_days <= 14
    error_message = "queue_retention_days has to be 1 to 14."
  }
}

variable "schedule" {
  description = "When the function is invoked by the clock, such as rate(5 minutes); null: never. It is not tried again: a retry does other work."
  type        = string
  default     = null
  validation {
    condition     = var.schedule == null ? true : can(regex("^(rate|cron|at)\\(.+\\)$", var.schedule))
    error_message = "schedule has to be rate(…), cron(…) or at(…)."
  }
}

variable "kafka_source" {
  description = "The topics that invoke the function, a mapping each. cluster_arn for MSK, else brokers. maximum_retries and maximum_age_seconds, whichever is reached first, end in the queue of failures, and the records are skipped: the age has to lie below the topics' retention."
  type = object({
    topics              = list(string)
    consumer_group      = string
    cluster_arn         = optional(string)
    brokers             = optional(list(string))
    security            = string
    secret_arn          = optional(string)
    secret_kms_key_arn  = optional(string)
    ca_secret_arn       = optional(string)
    batch_size          = optional(number, 6000)
    window_seconds      = optional(number, 60)
    minimum_pollers     = optional(number, 1)
    maximum_pollers     = optional(number, 4)
    maximum_retries     = optional(number, 10000)
    maximum_age_seconds = optional(number, 518400)
    enabled             = optional(bool, true)
    poller_subnet_ids   = optional(list(string), [])
    poller_group_ids    = optional(list(string), [])
  })
  default = null
  validation {
    condition     = var.kafka_source == null ? true : (var.kafka_source.cluster_arn != null) != (length(coalesce(var.kafka_source.brokers, [])) > 0)
    error_message = "kafka_source has to have cluster_arn (MSK) or brokers (any other cluster)."
  }
  validation {
    condition     = var.kafka_source == null ? true : var.kafka_source.batch_size >= 1 && var.kafka_source.batch_size <= 10000 && var.kafka_source.window_seconds >= 0 && var.kafka_source.window_seconds <= 300
    error_message = "kafka_source.batch_size has to be 1 to 10000, window_seconds 0 to 300."
  }
  validation {
    condition     = var.kafka_source == null ? true : var.kafka_source.minimum_pollers >= 1 && var.kafka_source.maximum_pollers >= var.kafka_source.minimum_pollers
    error_message = "kafka_source wants provisioned pollers: minimum_pollers 1 or more, maximum_pollers not below it. Without them AWS takes no ReportBatchItemFailures of Kafka."
  }
  validation {
    condition     = var.kafka_source == null ? true : var.kafka_source.maximum_retries >= 0 && var.kafka_source.maximum_retries <= 10000
    error_message = "kafka_source.maximum_retries has to be 0 to 10000. -1 is not without end here: beside a queue of failures AWS makes at most 10 attempts of it."
  }
  validation {
    condition     = var.kafka_source == null ? true : var.kafka_source.maximum_age_seconds >= 60 && var.kafka_source.maximum_age_seconds <= 604800
    error_message = "kafka_source.maximum_age_seconds has to be 60 to 604800. Without a limit (-1) records that Kafka removes are told to no queue."
  }
}

variable "permissions_boundary_arn" {
  description = "The policy that bounds every role that is made here (modules/boundary); null: none."
  type        = string
  default     = null
}
