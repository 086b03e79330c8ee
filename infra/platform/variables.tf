variable "name" {
  description = "Begins the name of everything, such as millrace-dev."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name has to be 3 to 24 of a-z, 0-9 and '-', beginning with a letter: functions' names are built of it."
  }
}

variable "generation" {
  description = "MILLRACE_GENERATION: the name of this topic generation. Give a greater one when the topics are made anew, never otherwise."
  type        = string
  validation {
    condition     = can(regex("^[0-9a-z]{1,32}$", var.generation))
    error_message = "generation has to be 1 to 32 of 0-9 and a-z, zero-padded where numbered, such as g0001."
  }
}

variable "lake" {
  description = "The lake: its bucket, folder, days that replaced objects can be brought back, KMS key, access log's bucket, and whether destroying it may destroy what it holds."
  type = object({
    bucket            = string
    prefix            = optional(string, "lake")
    noncurrent_days   = optional(number, 30)
    kms_key_arn       = optional(string)
    access_log_bucket = optional(string)
    destroy_objects   = optional(bool, false)
  })
}

variable "erasers" {
  description = "ARNs of the IAM roles and users who may take on the role that erases persons (millrace erase), such as a role of IAM Identity Center's; [] makes no such role."
  type        = list(string)
  default     = []
}

variable "snowflake" {
  description = "Whom the lake is opened to: STORAGE_AWS_IAM_USER_ARN and STORAGE_AWS_EXTERNAL_ID of DESC INTEGRATION; alarms: who tells the alarms' topic, SF_AWS_IAM_USER_ARN and SF_AWS_EXTERNAL_ID of the other integration. null until the integrations are made."
  type = object({
    user_arn    = string
    external_id = string
    alarms      = optional(object({ user_arn = string, external_id = string }))
  })
  default = null
}

variable "notifications" {
  description = "Who is told of new objects, for Snowflake's auto-refresh: queue_arn (SHOW EXTERNAL TABLES, notification_channel) or topic_arn. null until there is one."
  type = object({
    queue_arn = optional(string)
    topic_arn = optional(string)
  })
  default = null
}

variable "network" {
  description = "make: a VPC in these availability_zones, three where Kafka is made in it (two are a risk, see subnet_ids of modules/stream). existing: one that is there. none: functions live outside a VPC, for brokers that the internet reaches."
  type = object({
    kind                = string
    cidr_block          = optional(string, "10.42.0.0/16")
    availability_zones  = optional(list(string), [])
    interface_endpoints = optional(list(string), ["secretsmanager", "sts"])
    brokers_cidr_block  = optional(string, "10.0.0.0/8")
    existing = optional(object({
      vpc_id             = string
      private_subnet_ids = list(string)
      egress_subnet_ids  = list(string)
    }))
  })
  validation {
    condition     = contains(["make", "existing", "none"], var.network.kind)
    error_message = "network.kind has to be make, existing or none."
  }
  validation {
    condition     = (var.network.kind == "existing") == (var.network.existing != null)
    error_message = "network.existing has to be given with kind existing, and with no other."
  }
}

variable "stream" {
  description = "Kafka: see modules/stream. kind existing wants existing; the others want a network. retention_hours: how long topics keep records, whoever makes them. create_topics: whether each release makes the topics that are missing; null: where the cluster is made here."
  type = object({
    kind = string
    existing = optional(object({
      brokers               = list(string)
      security              = string
      secret_arn            = optional(string)
      secret_kms_key_arn    = optional(string)
      cluster_arn           = optional(string)
      ca_secret_arn         = optional(string)
      ca_secret_kms_key_arn = optional(string)
    }))
    kafka_version        = optional(string, "3.8.x")
    broker_instance_type = optional(string, "kafka.m7g.large")
    brokers_per_subnet   = optional(number, 1)
    broker_storage_gib   = optional(number, 100)
    retention_hours      = optional(number, 168)
    create_topics        = optional(bool)
  })
}

variable "registry" {
  description = "The schema registry that land-events asks for the schemas of framed values: its URL, the secret with {\"username\", \"password\"} and the KMS key around it, and its authority where it is not a public one: ca_pem, or the secret with PEM or {\"certificate\": PEM} and the key around it. null: the repository's schemas alone are known."
  type = object({
    url                   = string
    secret_arn            = optional(string)
    secret_kms_key_arn    = optional(string)
    ca_pem                = optional(string)
    ca_secret_arn         = optional(string)
    ca_secret_kms_key_arn = optional(string)
  })
  default = null
}

variable "topics" {
  description = "The topics that land; null: those of infra/topics.json, which are all events'."
  type        = list(string)
  default     = null
  validation {
    condition     = var.topics == null ? true : length(var.topics) > 0 && alltrue([for topic in var.topics : can(regex("^[a-z0-9_]+$", topic))])
    error_message = "topics has to name at least one, of a-z, 0-9 and '_'."
  }
}

variable "mappings" {
  description = "How Kafka's records come to land-events, see kafka_source of modules/function. window_seconds: how long records are gathered before they land as an object a partition; a batch that is full, or 6 MB, comes earlier. maximum_age_seconds null: a day less than stream.retention_hours (half of it below two days), seven days at most. made = false leaves the mappings out, for emulators that know none."
  type = object({
    made                = optional(bool, true)
    enabled             = optional(bool, true)
    batch_size          = optional(number, 6000)
    window_seconds      = optional(number, 60)
    minimum_pollers     = optional(number, 1)
    maximum_pollers     = optional(number, 4)
    maximum_retries     = optional(number, 10000)
    maximum_age_seconds = optional(number)
  })
  default = {}
  validation {
    condition     = var.mappings.window_seconds >= 0 && var.mappings.window_seconds <= 300 && floor(var.mappings.window_seconds) == var.mappings.window_seconds
    error_message = "mappings.window_seconds has to be a whole number of 0 to 300: AWS gathers Kafka's records for five minutes at most (docs/deploy.md, Objects of a size)."
  }
  validation {
    condition     = var.mappings.maximum_age_seconds == null ? true : var.mappings.maximum_age_seconds < var.stream.retention_hours * 3600
    error_message = "mappings.maximum_age_seconds has to lie below the topics' retention (stream.retention_hours): what Kafka removes first is told to no queue, and cannot be landed again."
  }
}

variable "zip_folder" {
  description = "Where cargo xtask package writes: <function>/bootstrap.zip below it."
  type        = string
}

variable "secrets_layer_arn" {
  description = "The layer AWS Parameters and Secrets Lambda Extension of the region, for arm64; wanted with a login by SCRAM or at the registry, and with a private authority that a secret holds."
  type        = string
  default     = null
  validation {
    condition     = var.secrets_layer_arn == null ? true : can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9-]+:[0-9]+$", var.secrets_layer_arn))
    error_message = "secrets_layer_arn has to be the ARN of a layer's version."
  }
  validation {
    condition     = var.secrets_layer_arn != null || (try(var.registry.secret_arn, null) == null && try(var.registry.ca_secret_arn, null) == null)
    error_message = "the registry's login or authority is read through a layer: set secrets_layer_arn to the AWS Parameters and Secrets Lambda Extension (arm64) of the region."
  }
}

variable "fetch" {
  description = "fetch-users: users an invocation, when, and another API's URL (null: the public one). schedule never: not by the clock (null is the default). every_seconds: the longest time between two runs, for the alarm; read of rate(…), and wanted with cron(…)."
  type = object({
    users         = optional(number, 5000)
    schedule      = optional(string, "rate(15 minutes)")
    every_seconds = optional(number)
    api_url       = optional(string)
  })
  default = {}
  validation {
    condition     = var.fetch.users >= 1
    error_message = "fetch.users has to be 1 or more."
  }
  validation {
    condition     = var.fetch.schedule == "never" ? true : var.fetch.every_seconds != null || can(regex("^rate\\([0-9]+ (minute|hour|day)s?\\)$", var.fetch.schedule))
    error_message = "fetch.every_seconds is wanted with a schedule that is no rate(…): the longest time between two runs, after which somebody is told that there are none."
  }
  validation {
    condition     = var.fetch.every_seconds == null ? true : var.fetch.every_seconds >= 60 && var.fetch.every_seconds <= 86400
    error_message = "fetch.every_seconds has to be 60 to 86400: CloudWatch counts in periods of a day at most."
  }
}

variable "sizes" {
  description = "Memory (MiB), timeout (s) and reserved concurrency of each function. -1 reserves none: a new account has a pool of 10, which AWS keeps unreserved, and refuses every reservation. land-events is bounded by its pollers: maximum_pollers × 5 a topic."
  type = map(object({
    memory_mib           = number
    timeout_seconds      = number
    reserved_concurrency = optional(number, -1)
  }))
  default = {
    create-topics       = { memory_mib = 256, timeout_seconds = 90 }
    fetch-users         = { memory_mib = 512, timeout_seconds = 120 }
    land-events         = { memory_mib = 1769, timeout_seconds = 120 }
    replay-dead-letters = { memory_mib = 512, timeout_seconds = 300 }
  }
  validation {
    condition     = alltrue([for function in ["create-topics", "fetch-users", "land-events", "replay-dead-letters"] : contains(keys(var.sizes), function)])
    error_message = "sizes has to tell create-topics, fetch-users, land-events and replay-dead-letters."
  }
}

variable "jobs" {
  description = "The day's jobs: see modules/jobs. schedule never: only when somebody starts them (null is the default)."
  type = object({
    runs_on              = optional(string, "lambda")
    schedule             = optional(string, "cron(30 0 * * ? *)")
    iceberg              = optional(bool, false)
    memory_bytes         = optional(number, 100663296)
    memory_mib           = optional(number, 3008)
    scratch_mib          = optional(number, 4096)
    timeout_seconds      = optional(number, 900)
    cpu_units            = optional(number, 2048)
    image                = optional(string)
    image_repository_arn = optional(string)
  })
  default = {}
}

variable "compaction" {
  description = "How raw objects of closed hours are compacted after the day's jobs: see modules/jobs."
  type = object({
    target_bytes    = optional(number, 134217728)
    memory_bytes    = optional(number, 268435456)
    days            = optional(number, 7)
    memory_mib      = optional(number, 1769)
    timeout_seconds = optional(number, 900)
    rounds          = optional(number, 16)
  })
  default = {}
}

variable "alarms" {
  description = "Who is told, and of what: see modules/alarms. busy_topics null: users_created where the clock fetches users, silent for three of its times. nobody_is_told: for environments that nobody relies on, which may have no emails."
  type = object({
    emails            = optional(list(string), [])
    nobody_is_told    = optional(bool, false)
    lag_records       = optional(number, 100000)
    freshness_seconds = optional(number, 900)
    small_objects     = optional(number, 100)
    busy_topics       = optional(map(number))
    day_hours         = optional(number, 27)
    runbooks          = optional(string, "docs/runbooks.md")
    kms_key_arn       = optional(string)
  })
  default = {}
  validation {
    condition     = length(var.alarms.emails) > 0 || var.alarms.nobody_is_told
    error_message = "alarms.emails is empty, so that nobody would hear of an alarm: name one person at least (emails in the environment's terraform.tfvars), such as oncall@example.com."
  }
  validation {
    condition     = alltrue([for topic in keys(coalesce(var.alarms.busy_topics, {})) : contains(coalesce(var.topics, jsondecode(file("${path.module}/../topics.json")).topics), topic)])
    error_message = "alarms.busy_topics names a topic that does not land: see topics, or infra/topics.json."
  }
}

variable "kms_key_arn" {
  description = "A KMS key for logs, queues and functions' environments; null: AWS's own."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}

variable "tracing" {
  description = "Whether X-Ray samples invocations."
  type        = bool
  default     = false
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
