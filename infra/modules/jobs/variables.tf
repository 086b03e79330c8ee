variable "name" {
  description = "Begins the name of everything here, such as millrace-dev."
  type        = string
}

variable "runs_on" {
  description = "lambda: up to 15 minutes and 10 GB. fargate: any time, up to 16 processors and 120 GB."
  type        = string
  default     = "lambda"
  validation {
    condition     = contains(["lambda", "fargate"], var.runs_on)
    error_message = "runs_on has to be lambda or fargate."
  }
}

variable "lake" {
  description = "The lake: MILLRACE_LAKE (url), the ARN of its bucket, and the ARN of its folder."
  type = object({
    url        = string
    bucket_arn = string
    prefix_arn = string
  })
}

variable "lake_kms_key_arn" {
  description = "The KMS key of the lake's objects; null: S3's own."
  type        = string
  default     = null
}

variable "tables" {
  description = "The lake's tables, as infra/tables.json has them: those that the jobs write are described to the catalogue, and the jobs register their partitions."
  type = list(object({
    name       = string
    layer      = string
    folder     = string
    partitions = list(object({ name = string, type = string }))
    columns    = list(object({ name = string, type = string }))
  }))
  validation {
    condition     = alltrue([for table in var.tables : length(table.partitions) > 0 && length(table.columns) > 0])
    error_message = "each table has to tell its columns and by what it is partitioned."
  }
}

variable "glue_database" {
  description = "The catalogue's database."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9_]{1,255}$", var.glue_database))
    error_message = "glue_database has to be of a-z, 0-9 and '_'."
  }
}

variable "iceberg" {
  description = "Whether the jobs may keep Iceberg tables too, below iceberg/ of the lake and in a database of their own, <glue_database>_iceberg."
  type        = bool
  default     = false
}

variable "schedule" {
  description = "When the day's jobs run, in UTC, such as cron(30 0 * * ? *): for the day before. null: only when somebody starts them."
  type        = string
  default     = "cron(30 0 * * ? *)"
  nullable    = true
}

variable "notify_topic_arn" {
  description = "The SNS topic that is told when a day's run fails."
  type        = string
}

variable "notify_kms_key_arn" {
  description = "The KMS key of that topic; null: none."
  type        = string
  default     = null
}

variable "memory_bytes" {
  description = "MILLRACE_MEMORY_BYTES: what raw-transformation's rows may hold in memory."
  type        = number
  default     = 100663296
  validation {
    condition     = var.memory_bytes >= 1048576
    error_message = "memory_bytes has to be 1 MiB or more."
  }
}

variable "memory_mib" {
  description = "Memory of each job."
  type        = number
  default     = 3008
}

variable "scratch_mib" {
  description = "Disk of each job on Lambda, where raw-transformation spills."
  type        = number
  default     = 4096
}

variable "timeout_seconds" {
  description = "What a job may take; on Lambda 900 at most."
  type        = number
  default     = 900
  validation {
    condition     = var.timeout_seconds >= 60
    error_message = "timeout_seconds has to be 60 or more."
  }
}

variable "zip_paths" {
  description = "The zips of the three jobs, by their names. Wanted with runs_on lambda."
  type        = map(string)
  default     = {}
}

variable "compaction_zip_path" {
  description = "The zip of compact-raw, which is a function wherever the jobs run."
  type        = string
}

variable "compaction" {
  description = "How raw objects of closed hours are compacted after the day's jobs: what they grow towards, the bound of fetched objects in memory, the days that are looked at (the day and those before it), an invocation's memory and time, and how many invocations follow one another at most."
  type = object({
    target_bytes    = optional(number, 134217728)
    memory_bytes    = optional(number, 268435456)
    days            = optional(number, 7)
    memory_mib      = optional(number, 1769)
    timeout_seconds = optional(number, 900)
    rounds          = optional(number, 16)
  })
  default = {}
  validation {
    condition     = var.compaction.target_bytes >= 1048576 && var.compaction.memory_bytes >= var.compaction.target_bytes
    error_message = "compaction.target_bytes has to be 1 MiB or more, and compaction.memory_bytes not below it: what was written is read back whole."
  }
  validation {
    condition     = var.compaction.memory_bytes <= var.compaction.memory_mib * 1048576 / 2
    error_message = "compaction.memory_bytes has to be half of compaction.memory_mib or less: the object that is written and the program come on top."
  }
  validation {
    condition     = var.compaction.timeout_seconds >= 240 && var.compaction.timeout_seconds <= 900
    error_message = "compaction.timeout_seconds has to be 240 to 900: no object is begun in the last two minutes, and Lambda takes 15 minutes at most."
  }
  validation {
    condition     = var.compaction.days >= 1 && var.compaction.days <= 366 && var.compaction.rounds >= 1 && var.compaction.rounds <= 96
    error_message = "compaction.days has to be 1 to 366, compaction.rounds 1 to 96, which is a day."
  }
}

variable "image" {
  description = "The image with the three binaries in /usr/local/bin, by its digest. Wanted with runs_on fargate."
  type        = string
  default     = null
  validation {
    condition     = var.image == null ? true : can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image has to end in @sha256:…: a tag may be moved to another image."
  }
}

variable "image_repository_arn" {
  description = "The ECR repository of the image. Wanted with runs_on fargate."
  type        = string
  default     = null
}

variable "cpu_units" {
  description = "Processor of each job on Fargate; 1024 is one."
  type        = number
  default     = 2048
}

variable "network" {
  description = "Where jobs on Fargate live: subnets with a way to S3, Glue, ECR and the log service. Jobs on Lambda need none."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "kms_key_arn" {
  description = "A KMS key for logs and queues; null: AWS's own."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}

variable "tracing" {
  description = "Whether X-Ray samples the jobs and the state machine."
  type        = bool
  default     = false
}

variable "permissions_boundary_arn" {
  description = "The policy that bounds every role that is made here (modules/boundary); null: none."
  type        = string
  default     = null
}
