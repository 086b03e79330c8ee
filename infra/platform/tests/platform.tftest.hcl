# All of it together: what one part tells the next.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name           = "millrace-test"
  generation     = "g0001"
  kafka_password = "of the tests alone"
  zip_folder     = "./tests/zips"
  lake           = { bucket = "lake-of-tests" }
  network        = { kind = "make", availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
  stream         = { kind = "serverless" }
  snowflake      = { user_arn = "arn:aws:iam::999999999999:user/snowflake", external_id = "id" }
  alarms         = { emails = ["oncall@example.com"] }
  registry       = { url = "https://registry.example.com:8081", secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf" }

  secrets_layer_arn = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:20"
}

run "platform" {
  assert {
    condition = alltrue([
      for function in ["fetch-users", "land-events", "replay-dead-letters", "compact-raw", "raw-transformation", "analytics-aggregation", "time-series-analysis"] :
      alltrue([for alarm in function == "compact-raw" ? ["errors", "throttles", "failures"] : ["errors", "throttles", "duration", "failures"] : contains(output.alarm_names, "millrace-test-${function}-${alarm}")])
    ])
    error_message = "each function has its alarms"
  }

  assert {
    condition     = contains(output.alarm_names, "millrace-test-land-events-lag")
    error_message = "somebody is told when land-events is behind"
  }

  assert {
    condition     = alltrue([for topic in jsondecode(file("../topics.json")).topics : contains(output.alarm_names, "millrace-test-land-events-freshness-${topic}")])
    error_message = "each topic's freshness is watched"
  }

  assert {
    condition     = alltrue([for topic in jsondecode(file("../topics.json")).topics : alltrue([for alarm in ["retries", "stalled", "dropped"] : contains(output.alarm_names, "millrace-test-land-events-${alarm}-${topic}")])])
    error_message = "somebody is told of a mapping that stands, and of records that come again or are given up"
  }

  assert {
    condition     = contains(output.alarm_names, "millrace-test-fetch-users-not-run")
    error_message = "somebody is told when the clock fetches no users"
  }

  assert {
    condition     = output.maximum_age_seconds == 518400
    error_message = "a batch is tried again until a day before Kafka removes it"
  }

  assert {
    condition     = output.busy_topics == tomap({ users_created = 2700 })
    error_message = "users_created is busy where the clock fetches users, and nothing else is"
  }

  assert {
    condition     = alltrue([for function, settings in output.environments : settings["MILLRACE_ENVIRONMENT"] == "millrace-test"])
    error_message = "each function tells its metrics as this environment's"
  }

  assert {
    condition     = alltrue([for size in values(var.sizes) : size.reserved_concurrency == -1])
    error_message = "nothing is reserved, as a new account refuses it"
  }

  assert {
    condition     = contains(output.alarm_names, "millrace-test-day-ExecutionsFailed") && contains(output.alarm_names, "millrace-test-day-missing")
    error_message = "a day that failed or is missing is told"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]
    ]))
    error_message = "no role has a star for an action"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [for statement in jsondecode(policy).Statement : !contains(statement.Resource, "*") || contains(["JoinNetwork", "FindBrokers", "DeliverLog"], statement.Sid)]
    ]))
    error_message = "only network interfaces, brokers and log delivery are unnamed"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policies["millrace-test-land-events"]).Statement : alltrue([for resource in statement.Resource : endswith(resource, "/lake/raw/*") || endswith(resource, "/lake/_lake.json") || endswith(resource, "/lake/_lake_probe-*")]) if contains(statement.Action, "s3:PutObject")])
    error_message = "land-events writes raw objects alone"
  }

  assert {
    condition     = join(",", [for name, policy in output.policies : name if strcontains(policy, var.registry.secret_arn)]) == "millrace-test-land-events"
    error_message = "land-events alone may read the registry's login"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policies["millrace-test-fetch-users"]).Statement : alltrue([for action in statement.Action : !startswith(action, "s3:")])])
    error_message = "fetch-users does not touch the lake"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policies["millrace-test-land-events"]).Statement : alltrue([for resource in statement.Resource : endswith(resource, ".dlq")]) if contains(statement.Action, "kafka-cluster:WriteData")])
    error_message = "land-events produces dead letters alone"
  }

  assert {
    condition = toset(flatten([for statement in jsondecode(output.policies["millrace-test-create-topics"]).Statement : [for resource in statement.Resource : element(split("/", resource), -1)] if contains(statement.Action, "kafka-cluster:CreateTopic")])) == toset(flatten([
      for topic in jsondecode(file("../topics.json")).topics : [topic, "${topic}.dlq"]
    ]))
    error_message = "create-topics may make the topics of events, and no others"
  }

  assert {
    condition     = toset([for action in flatten([for statement in jsondecode(output.policies["millrace-test-create-topics"]).Statement : statement.Action]) : action if startswith(action, "kafka-cluster:")]) == toset([for action in ["Connect", "CreateTopic", "DescribeTopic", "DescribeTopicDynamicConfiguration"] : "kafka-cluster:${action}"])
    error_message = "create-topics can change and remove no topic"
  }

  assert {
    condition     = output.environments["create-topics"]["MILLRACE_TOPICS"] == join(",", jsondecode(file("../topics.json")).topics)
    error_message = "create-topics is told of every topic"
  }
}

run "topics_of_some_events" {
  command = plan
  variables {
    topics = ["ad_events"]
    stream = { kind = "serverless", retention_hours = 240 }
  }

  assert {
    condition     = output.environments["create-topics"]["MILLRACE_TOPICS"] == "users_created,ad_events"
    error_message = "fetch-users has its topic, whatever lands"
  }

  assert {
    condition     = output.environments["create-topics"]["MILLRACE_RETENTION_HOURS"] == "240"
    error_message = "topics are made with the retention that tries are bounded by"
  }
}

run "whose_cluster_is_there_may_have_its_topics_made" {
  command = plan
  variables {
    stream = { kind = "existing", create_topics = true, existing = { brokers = ["b:9092"], security = "plain" } }
  }

  assert {
    condition     = contains(keys(output.environments), "create-topics")
    error_message = "topics of a cluster that is there are made where somebody asks for it"
  }
}

run "starts" {
  assert {
    condition     = join(",", sort(output.starts.schedules)) == "millrace-test-day,millrace-test-fetch-users" && toset(keys(output.starts.mappings)) == toset(jsondecode(file("../topics.json")).topics)
    error_message = "a release is told of all that starts by itself"
  }

  assert {
    condition = alltrue([
      for role in ["land-events", "replay-dead-letters", "compact-raw", "raw-transformation", "analytics-aggregation", "time-series-analysis"] :
      alltrue([for action in ["s3:PutObject", "s3:DeleteObject"] : anytrue([for statement in jsondecode(output.policies["millrace-test-${role}"]).Statement : statement.Sid == "Probe" && contains(statement.Action, action) && join(",", statement.Resource) == "arn:aws:s3:::lake-of-tests/lake/_lake_probe-*"])])
    ])
    error_message = "each role with a lake may write and remove its probe's object, and nothing beside it"
  }
}

run "a_registry_with_a_login_wants_the_layer" {
  command = plan
  variables {
    secrets_layer_arn = null
  }
  expect_failures = [var.secrets_layer_arn]
}

run "existing_cluster_without_a_network" {
  variables {
    network           = { kind = "none" }
    stream            = { kind = "existing", existing = { brokers = ["b:9096", "a:9096"], security = "scram", secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:k-AbCdEf" } }
    secrets_layer_arn = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:20"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policies["millrace-test-replay-dead-letters"]).Statement : statement.Sid != "JoinNetwork"])
    error_message = "functions outside a network have no rights on it"
  }

  assert {
    condition     = anytrue([for statement in jsondecode(output.policies["millrace-test-replay-dead-letters"]).Statement : contains(statement.Action, "secretsmanager:GetSecretValue")])
    error_message = "functions may read the login"
  }

  assert {
    condition     = !contains(keys(output.functions), "create-topics")
    error_message = "topics of a cluster that is there are left to who has it"
  }
}

run "brokers_with_an_authority_of_their_own" {
  variables {
    network = { kind = "none" }
    stream = { kind = "existing", existing = {
      brokers               = ["b:9094"]
      security              = "tls"
      ca_secret_arn         = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kafka-ca-AbCdEf"
      ca_secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/kafka-ca"
    } }
  }

  assert {
    condition     = alltrue([for function in ["fetch-users", "land-events", "replay-dead-letters"] : alltrue([for arn in [var.stream.existing.ca_secret_arn, var.stream.existing.ca_secret_kms_key_arn] : strcontains(output.policies["millrace-test-${function}"], arn)])])
    error_message = "each function may read the brokers' own authority"
  }
}

run "a_generation_with_a_dash_is_refused" {
  command = plan
  variables {
    generation = "g-1"
  }
  expect_failures = [var.generation]
}

run "an_environment_that_tells_nobody_is_refused" {
  command = plan
  variables {
    alarms = {}
  }
  expect_failures = [var.alarms]
}

run "one_that_nobody_relies_on_may_tell_nobody" {
  command = plan
  variables {
    alarms = { nobody_is_told = true }
  }
}

run "a_busy_topic_that_does_not_land_is_refused" {
  command = plan
  variables {
    alarms = { emails = ["oncall@example.com"], busy_topics = { users = 3600 } }
  }
  expect_failures = [var.alarms]
}

run "a_window_beyond_what_aws_takes_is_refused" {
  command = plan
  variables {
    mappings = { window_seconds = 301 }
  }
  expect_failures = [var.mappings]
}

run "records_that_are_gathered_for_long" {
  command = plan
  variables {
    mappings = { window_seconds = 300 }
  }
  assert {
    condition     = output.freshness_seconds == 1200
    error_message = "the alarm of freshness knows the mappings' window"
  }
}

run "an_age_beyond_the_retention_is_refused" {
  command = plan
  variables {
    stream   = { kind = "serverless", retention_hours = 24 }
    mappings = { maximum_age_seconds = 86400 }
  }
  expect_failures = [var.mappings]
}

run "short_and_long_retentions" {
  command = plan
  variables {
    stream = { kind = "serverless", retention_hours = 720 }
    fetch  = { schedule = "cron(0 * * * ? *)", every_seconds = 3600 }
  }
  assert {
    condition     = output.maximum_age_seconds == 604800
    error_message = "AWS takes seven days of age at most"
  }
  assert {
    condition     = output.busy_topics == tomap({ users_created = 10800 })
    error_message = "a schedule that is no rate is told beside it"
  }
}

run "a_schedule_whose_pauses_nobody_knows_is_refused" {
  command = plan
  variables {
    fetch = { schedule = "cron(0 6 * * ? *)" }
  }
  expect_failures = [var.fetch]
}

run "without_a_clock_nothing_is_awaited" {
  command = plan
  variables {
    stream = { kind = "serverless", retention_hours = 24 }
    fetch  = { schedule = "never" }
    jobs   = { schedule = "never" }
  }
  assert {
    condition     = output.maximum_age_seconds == 43200
    error_message = "of a retention below two days half is for tries"
  }
  assert {
    condition     = length(output.busy_topics) == 0 && !contains(output.alarm_names, "millrace-test-fetch-users-not-run") && !contains(output.alarm_names, "millrace-test-day-missing")
    error_message = "what no clock starts is not missed"
  }
}
