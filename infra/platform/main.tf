# The whole platform, once; an environment (infra/envs) is this with its own settings.

data "aws_region" "current" {}

locals {
  tables = jsondecode(file("${path.module}/../tables.json")).tables
  # What lies at the root of a lake, by name: made of crates/lake, as what the functions call is.
  places = jsondecode(file("${path.module}/../lake.json"))
  topics = coalesce(var.topics, jsondecode(file("${path.module}/../topics.json")).topics)

  in_network = var.network.kind != "none"

  # As its URL says it, or its scheme.
  registry_port = var.registry == null ? null : tonumber(try(regex("^https?://[^/]+:([0-9]+)", var.registry.url)[0], startswith(var.registry.url, "https:") ? "443" : "80"))
  inside        = local.in_network ? { subnet_ids = module.network[0].private_subnet_ids, security_group_ids = [module.network[0].functions_security_group_id] } : null
  outside       = local.in_network ? { subnet_ids = module.network[0].egress_subnet_ids, security_group_ids = [module.network[0].egress_security_group_id] } : null
}

module "network" {
  source = "../modules/network"
  count  = local.in_network ? 1 : 0

  name                = var.name
  existing            = var.network.existing
  cidr_block          = var.network.cidr_block
  availability_zones  = var.network.availability_zones
  interface_endpoints = var.network.interface_endpoints
  brokers_cidr_block  = var.network.kind == "make" ? var.network.cidr_block : var.network.brokers_cidr_block
  registry_port       = local.registry_port
}

module "lake" {
  source = "../modules/lake"

  bucket                   = var.lake.bucket
  prefix                   = var.lake.prefix
  noncurrent_days          = var.lake.noncurrent_days
  kms_key_arn              = var.lake.kms_key_arn
  access_log_bucket        = var.lake.access_log_bucket
  destroy_objects          = var.lake.destroy_objects
  notifications            = var.notifications
  snowflake                = var.snowflake
  snowflake_role_name      = "${var.name}-snowflake"
  erasers                  = var.erasers
  eraser_role_name         = "${var.name}-eraser"
  permissions_boundary_arn = var.permissions_boundary_arn
}

module "stream" {
  source = "../modules/stream"

  name                      = var.name
  kind                      = var.stream.kind
  existing                  = var.stream.existing
  vpc_id                    = try(module.network[0].vpc_id, null)
  subnet_ids                = try(module.network[0].private_subnet_ids, [])
  client_security_group_ids = local.in_network ? { functions = module.network[0].functions_security_group_id, egress = module.network[0].egress_security_group_id } : {}
  kafka_version             = var.stream.kafka_version
  broker_instance_type      = var.stream.broker_instance_type
  brokers_per_subnet        = var.stream.brokers_per_subnet
  broker_storage_gib        = var.stream.broker_storage_gib
  retention_hours           = var.stream.retention_hours
  log_retention_days        = var.log_retention_days
  kafka_password            = var.kafka_password
  kafka_password_version    = var.kafka_password_version
}

locals {
  iam_login = module.stream.security == "msk-iam"
  login     = module.stream.security == "scram"

  private_authority = module.stream.ca_secret_arn != null
  registry_secrets  = try(var.registry.secret_arn, null) != null || try(var.registry.ca_secret_arn, null) != null

  # A batch is tried again as long as its records can still be landed by hand afterwards: a day before Kafka removes them; AWS takes
  # seven days at most.
  retention   = module.stream.retention_seconds
  maximum_age = coalesce(var.mappings.maximum_age_seconds, min(max(local.retention - 86400, floor(local.retention / 2)), 604800))

  fetch_schedule = var.fetch.schedule == "never" ? null : var.fetch.schedule
  day_schedule   = var.jobs.schedule == "never" ? null : var.jobs.schedule

  # What the clock's rate(…) says in seconds; another schedule's is told beside it.
  rate          = local.fetch_schedule == null ? null : try(regex("^rate\\(([0-9]+) (minute|hour|day)", local.fetch_schedule), null)
  fetched_every = local.fetch_schedule == null ? null : coalesce(var.fetch.every_seconds, try(min(tonumber(local.rate[0]) * { minute = 60, hour = 3600, day = 86400 }[local.rate[1]], 86400), 86400))

  # Somebody writes to users_created all the time where the clock fetches: silence is a fault there, and nothing elsewhere.
  fetch_silence = try(max(3 * local.fetched_every, 600), 0)
  busy_topics   = var.alarms.busy_topics != null ? var.alarms.busy_topics : tomap({ for topic in local.topics : topic => local.fetch_silence if topic == "users_created" && local.fetch_silence > 0 && local.fetch_silence <= 86400 })

  # Every function talks to Kafka the same way, and tells its metrics as this environment's.
  kafka_environment = merge(
    {
      MILLRACE_ENVIRONMENT    = var.name
      MILLRACE_BROKERS        = module.stream.brokers
      MILLRACE_KAFKA_SECURITY = module.stream.security
    },
    local.iam_login ? { MILLRACE_KAFKA_REGION = data.aws_region.current.name } : {},
  )

  # MSK's login by IAM: topics and groups have ARNs of the cluster's own.
  cluster_arn = coalesce(module.stream.cluster_arn, "arn:aws:kafka:::cluster/none/none")
  topic_arn   = replace(local.cluster_arn, ":cluster/", ":topic/")
  group_arn   = replace(local.cluster_arn, ":cluster/", ":group/")
  dead_topics = [for topic in local.topics : "${local.topic_arn}/${topic}.dlq"]
  live_topics = [for topic in local.topics : "${local.topic_arn}/${topic}"]

  # Nobody else reaches a cluster that is made here, and it makes no topic by itself. fetch-users produces whatever lands.
  creates_topics = coalesce(var.stream.create_topics, var.stream.kind != "existing")
  made_topics    = distinct(concat(["users_created"], local.topics))

  connect = {
    sid       = "ConnectToKafka"
    actions   = ["kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"]
    resources = [local.cluster_arn]
  }

  kafka_statements = {
    create-topics = [
      {
        sid       = "ConnectToKafka"
        actions   = ["kafka-cluster:Connect"]
        resources = [local.cluster_arn]
      },
      {
        # Settings are looked at, and told where they differ: nothing is removed or changed.
        sid       = "CreateTopics"
        actions   = ["kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic", "kafka-cluster:DescribeTopicDynamicConfiguration"]
        resources = flatten([for topic in local.made_topics : ["${local.topic_arn}/${topic}", "${local.topic_arn}/${topic}.dlq"]])
      },
    ]
    fetch-users = [
      local.connect,
      {
        sid       = "Produce"
        actions   = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
        resources = ["${local.topic_arn}/users_created", "${local.topic_arn}/users_created.dlq"]
      },
    ]
    land-events = [
      local.connect,
      {
        # For the mappings' pollers, which log in as the function.
        sid       = "PollCluster"
        actions   = ["kafka-cluster:DescribeClusterDynamicConfiguration"]
        resources = [local.cluster_arn]
      },
      {
        sid       = "ConsumeTopics"
        actions   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        resources = local.live_topics
      },
      {
        sid       = "ProduceDeadLetters"
        actions   = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
        resources = local.dead_topics
      },
      {
        sid       = "CommitOffsets"
        actions   = ["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"]
        resources = [for topic in local.topics : "${local.group_arn}/${local.consumer_group}-${topic}"]
      },
    ]
    replay-dead-letters = [
      local.connect,
      {
        sid       = "ConsumeDeadLetters"
        actions   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        resources = local.dead_topics
      },
      {
        sid       = "Produce"
        actions   = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
        resources = local.live_topics
      },
    ]
  }

  consumer_group = "${var.name}-${var.generation}"

  lake_statements = {
    create-topics = []
    fetch-users   = []
    land-events = concat(
      [{
        sid       = "WriteRaw"
        actions   = ["s3:PutObject"]
        resources = ["${module.lake.prefix_arn}/${local.places.raw}/*"]
        },
        {
          # Who lands first makes the lake: it tries what the store can do (Probe), and writes down that this is a lake.
          sid       = "MakeLake"
          actions   = ["s3:GetObject", "s3:PutObject"]
          resources = ["${module.lake.prefix_arn}/${local.places.lake_file}"]
        },
        local.probe,
        local.read_erased,
        {
          # Without it S3 answers "forbidden" where there is no such object, which is no answer to whether there is a lake.
          sid       = "SeeLake"
          actions   = ["s3:ListBucket"]
          resources = [module.lake.bucket_arn]
      }],
      local.lake_key,
    )
    replay-dead-letters = concat(
      [
        local.probe,
        {
          sid       = "ReadDeadLetters"
          actions   = ["s3:GetObject"]
          resources = ["${module.lake.prefix_arn}/${local.places.dead_letters}/*"]
        },
        {
          sid       = "ListDeadLetters"
          actions   = ["s3:ListBucket"]
          resources = [module.lake.bucket_arn]
          condition = { StringLike = { "s3:prefix" = [for place in ["dead_letters", "erasures"] : "${module.lake.prefix}/${local.places[place]}/*"] } }
        },
        local.read_erased,
      ],
      local.lake_key,
    )
  }

  # The object that a version's probe writes, reads and removes before anything is sent to it.
  probe = {
    sid       = "Probe"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = ["${module.lake.prefix_arn}/${local.places.probe}*"]
  }

  # Who was erased: nobody of them comes back.
  read_erased = {
    sid       = "ReadErased"
    actions   = ["s3:GetObject"]
    resources = ["${module.lake.prefix_arn}/${local.places.erasures}/*"]
  }

  lake_key = var.lake.kms_key_arn == null ? [] : [{
    sid       = "UseLakeKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.lake.kms_key_arn]
  }]

  topic_maker = {
    create-topics = {
      description = "Makes the topics of events where they are missing; invoked by a release"
      network     = local.inside
      schedule    = null
      environment = { MILLRACE_TOPICS = join(",", local.made_topics), MILLRACE_RETENTION_HOURS = tostring(var.stream.retention_hours) }
    }
  }

  functions = merge({ for name, function in local.topic_maker : name => function if local.creates_topics }, {
    fetch-users = {
      description = "Fetches users from the API and produces them to Kafka"
      network     = local.outside
      schedule    = local.fetch_schedule
      environment = merge(
        { MILLRACE_USERS = tostring(var.fetch.users) },
        var.fetch.api_url == null ? {} : { MILLRACE_API_URL = var.fetch.api_url },
      )
    }
    land-events = {
      description = "Lands Kafka's records as raw Parquet objects"
      network     = local.inside
      schedule    = null
      environment = { MILLRACE_LAKE = module.lake.url, MILLRACE_GENERATION = var.generation }
    }
    replay-dead-letters = {
      description = "Sends dead letters back to their topic, mended; invoked by hand"
      network     = local.inside
      schedule    = null
      environment = { MILLRACE_LAKE = module.lake.url }
    }
  })
}

module "function" {
  source   = "../modules/function"
  for_each = local.functions

  name                     = "${var.name}-${each.key}"
  description              = each.value.description
  permissions_boundary_arn = var.permissions_boundary_arn
  zip_path                 = "${var.zip_folder}/${each.key}/bootstrap.zip"
  memory_mib               = var.sizes[each.key].memory_mib
  timeout_seconds          = var.sizes[each.key].timeout_seconds
  reserved_concurrency     = var.sizes[each.key].reserved_concurrency
  environment              = merge(local.kafka_environment, each.value.environment)
  statements               = concat(local.lake_statements[each.key], [for statement in local.kafka_statements[each.key] : statement if local.iam_login])
  network                  = each.value.network
  schedule                 = each.value.schedule
  kafka_secret_arn         = local.login ? module.stream.secret_arn : null
  kafka_secret_kms_key_arn = local.login ? module.stream.secret_kms_key_arn : null
  registry                 = each.key == "land-events" ? var.registry : null
  secrets_layer_arn        = local.login || local.private_authority || each.key == "land-events" && local.registry_secrets ? var.secrets_layer_arn : null

  kafka_ca_secret_arn         = module.stream.ca_secret_arn
  kafka_ca_secret_kms_key_arn = module.stream.ca_secret_kms_key_arn

  kms_key_arn        = var.kms_key_arn
  log_retention_days = var.log_retention_days
  tracing            = var.tracing

  kafka_source = each.key != "land-events" || !var.mappings.made ? null : {
    topics              = local.topics
    consumer_group      = local.consumer_group
    cluster_arn         = module.stream.cluster_arn
    brokers             = module.stream.cluster_arn == null ? split(",", module.stream.brokers) : null
    security            = module.stream.security
    secret_arn          = local.login ? module.stream.secret_arn : null
    secret_kms_key_arn  = local.login ? module.stream.secret_kms_key_arn : null
    ca_secret_arn       = module.stream.ca_secret_arn
    batch_size          = var.mappings.batch_size
    window_seconds      = var.mappings.window_seconds
    minimum_pollers     = var.mappings.minimum_pollers
    maximum_pollers     = var.mappings.maximum_pollers
    maximum_retries     = var.mappings.maximum_retries
    maximum_age_seconds = local.maximum_age
    enabled             = var.mappings.enabled
    poller_subnet_ids   = local.in_network ? local.inside.subnet_ids : []
    poller_group_ids    = local.in_network ? local.inside.security_group_ids : []
  }
}

module "jobs" {
  source = "../modules/jobs"

  name                     = var.name
  runs_on                  = var.jobs.runs_on
  permissions_boundary_arn = var.permissions_boundary_arn
  lake = {
    url        = module.lake.url
    bucket_arn = module.lake.bucket_arn
    prefix_arn = module.lake.prefix_arn
  }
  lake_kms_key_arn     = var.lake.kms_key_arn
  tables               = local.tables
  glue_database        = replace(var.name, "-", "_")
  iceberg              = var.jobs.iceberg
  schedule             = local.day_schedule
  notify_topic_arn     = module.alarms.topic_arn
  notify_kms_key_arn   = var.alarms.kms_key_arn
  memory_bytes         = var.jobs.memory_bytes
  memory_mib           = var.jobs.memory_mib
  scratch_mib          = var.jobs.scratch_mib
  timeout_seconds      = var.jobs.timeout_seconds
  cpu_units            = var.jobs.cpu_units
  image                = var.jobs.image
  image_repository_arn = var.jobs.image_repository_arn
  network              = var.jobs.runs_on == "fargate" ? local.outside : null
  zip_paths            = { for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] : job => "${var.zip_folder}/${job}/bootstrap.zip" }
  compaction           = var.compaction
  compaction_zip_path  = "${var.zip_folder}/compact-raw/bootstrap.zip"
  kms_key_arn          = var.kms_key_arn
  log_retention_days   = var.log_retention_days
  tracing              = var.tracing
}

module "alarms" {
  source = "../modules/alarms"

  name = var.name
  functions = merge(
    {
      for name, function in module.function : name => {
        function_name   = function.function_name
        queue_name      = function.queue_name
        timeout_seconds = function.timeout_seconds
        kafka           = name == "land-events" && var.mappings.made
        topics          = name == "land-events" ? local.topics : []
        mappings        = { for topic, mapping in function.mappings : topic => mapping.uuid }
        every_seconds   = name == "fetch-users" ? local.fetched_every : null
      }
      # Whoever releases is told by the release.
      if name != "create-topics"
    },
    {
      for name, function in module.jobs.functions : name => {
        function_name   = function.function_name
        queue_name      = function.queue_name
        timeout_seconds = function.timeout_seconds
        stops_by_itself = function.stops_by_itself
      }
    },
  )
  state_machine_arn = module.jobs.state_machine_arn
  emails            = var.alarms.emails
  lag_records       = var.alarms.lag_records
  freshness_seconds = var.alarms.freshness_seconds
  window_seconds    = var.mappings.window_seconds
  small_objects     = var.alarms.small_objects
  busy_topics       = local.busy_topics
  day_is_scheduled  = local.day_schedule != null
  day_hours         = var.alarms.day_hours
  runbooks          = var.alarms.runbooks
  kms_key_arn       = var.alarms.kms_key_arn
  snowflake         = try(var.snowflake.alarms, null)

  permissions_boundary_arn = var.permissions_boundary_arn
}
